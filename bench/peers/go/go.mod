module coir/bench/peers/go

go 1.21
