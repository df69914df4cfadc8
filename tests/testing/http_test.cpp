// SPDX-License-Identifier: MIT
// Covers a whole HTTP/1.1 client and server under simulation: an hour of orders over a network that
// fails, the same for the same seed, and a bug of the kind that only such hours show.

#include "fixture.hpp"
#include "http/message_io.hpp"

#include <coir/testing.hpp>

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <map>
#include <set>
#include <stdexcept>
#include <string>

using namespace fixture;
namespace http = boost::beast::http;
namespace testing = coir::testing;

namespace {

constexpr std::size_t chunk = 4096;

// Everything that happens, in order: two runs are equal if their hashes are.
class event_log {
public:
    void add(const std::string& what) {
        ++events_;
        const auto now = coir::clock::now().time_since_epoch().count();
        for (const char c : std::to_string(now) + " " + what + "\n") {
            hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 0x100000001b3U; // FNV-1a
        }
    }
    std::uint64_t hash() const { return hash_; }
    std::size_t events() const { return events_; }

private:
    std::uint64_t hash_ = 0xcbf29ce484222325U;
    std::size_t events_ = 0;
};

template <class Stream, class Message> void send(Stream& stream, Message&& message) {
    message.prepare_payload();
    std::string text;
    web::serialize(message, text);
    stream.write_all(text);
}

// Books what is posted to it. An order that carries the key of an earlier one is that one.
class shop {
public:
    explicit shop(event_log& log) : log_{log} {}

    void serve() {
        auto listener = coir::tcp_listener::bind("", 80);
        coir::task_group clients;
        for (;;) {
            clients.go([this, stream = listener.accept()]() mutable { talk(stream); });
        }
    }
    const std::map<std::string, int>& booked() const { return booked_; }

private:
    void talk(coir::tcp_stream& stream) {
        boost::beast::flat_buffer input;
        try {
            while (answer(stream, input)) {}
        } catch (const std::system_error& broken) {
            log_.add("shop: " + broken.code().message());
        }
    }

    bool answer(coir::tcp_stream& stream, boost::beast::flat_buffer& input) {
        http::request_parser<http::string_body> parser;
        if (web::read_message(stream, input, parser, chunk)) return false;
        coir::sleep_for(3ms); // what booking takes
        const auto& request = parser.get();
        const auto key = request["Idempotency-Key"];
        if (key.empty() || keys_.emplace(key.data(), key.size()).second) ++booked_[request.body()];
        log_.add("shop: booked " + request.body());
        http::response<http::string_body> response{http::status::created, 11, "thanks"};
        response.keep_alive(request.keep_alive());
        send(stream, response);
        return response.keep_alive();
    }

    event_log& log_;
    std::map<std::string, int> booked_; // how often, by order
    std::set<std::string> keys_;
};

enum class client_kind { forgets_the_key, sends_the_key };

// Orders again and again, on one connection as long as that holds, and tries again when it breaks.
class customer {
public:
    customer(std::string name, client_kind kind, event_log& log)
        : name_{std::move(name)}, kind_{kind}, log_{log} {}

    void shop_for(std::chrono::seconds time) {
        const auto end = coir::clock::now() + time;
        for (int number = 0; coir::clock::now() < end; ++number) {
            order(name_ + "-" + std::to_string(number));
            coir::sleep_for(10s);
        }
    }
    std::size_t orders() const { return orders_; }
    std::size_t retries() const { return retries_; }

private:
    void order(const std::string& what) {
        ++orders_;
        for (auto pause = 100ms;; pause = std::min(pause * 2, 60'000ms)) {
            try {
                return coir::with_timeout(30s, [&] { try_once(what); });
            } catch (const std::system_error& broken) {
                log_.add(what + ": " + broken.code().message());
                stream_.close();
                input_.clear();
                ++retries_;
                coir::sleep_for(pause);
            }
        }
    }

    void try_once(const std::string& what) {
        if (!stream_) stream_ = coir::tcp_stream::connect("shop", 80);
        http::request<http::string_body> request{http::verb::post, "/orders", 11, what};
        request.set(http::field::host, "shop");
        if (kind_ == client_kind::sends_the_key) request.set("Idempotency-Key", what);
        send(stream_, request);
        http::response_parser<http::string_body> parser;
        if (web::read_message(stream_, input_, parser, chunk)) {
            throw std::system_error{make_error_code(coir::errc::end_of_stream)};
        }
        if (parser.get().result() != http::status::created) throw std::logic_error{"refused"};
        log_.add(what + ": placed");
    }

    const std::string name_;
    const client_kind kind_;
    event_log& log_;
    coir::tcp_stream stream_;
    boost::beast::flat_buffer input_;
    std::size_t orders_ = 0;
    std::size_t retries_ = 0;
};

struct day {
    std::uint64_t hash = 0;
    std::size_t events = 0;
    std::size_t orders = 0;
    std::size_t retries = 0;
    int booked_twice = 0;
    int never_booked = 0;
};

day spend(client_kind kind, std::chrono::seconds time, int customers) {
    event_log log;
    shop seller{log};
    coir::task_group serving;
    testing::on_host("shop", [&] { serving.go([&] { seller.serve(); }); });
    coir::sleep_for(1s);
    std::vector<std::unique_ptr<customer>> all;
    coir::task_group buying;
    for (int i = 0; i < customers; ++i) {
        all.push_back(std::make_unique<customer>("c" + std::to_string(i), kind, log));
        testing::on_host("home-" + std::to_string(i), [&] {
            buying.go([&, i] { all[static_cast<std::size_t>(i)]->shop_for(time); });
        });
    }
    buying.wait();
    serving.request_stop();
    day result{.hash = log.hash(), .events = log.events()};
    for (const auto& one : all) {
        result.orders += one->orders();
        result.retries += one->retries();
    }
    result.never_booked = static_cast<int>(result.orders - seller.booked().size());
    for (const auto& [what, times] : seller.booked()) result.booked_twice += times > 1 ? 1 : 0;
    return result;
}

constexpr testing::network_options bad_network{
    .latency = 20ms,
    .jitter = 30ms,
    .split_probability = 0.1,
    .reset_probability = 0.005,
    .refuse_probability = 0.01,
    .partition_probability = 0.0005,
    .partition_duration = 5min,
};

day simulated_day(std::uint64_t seed, client_kind kind) {
    day result;
    testing::simulate({.seed = seed, .network = bad_network},
                      [&] { result = spend(kind, 1h, 20); });
    return result;
}

} // namespace

TEST_CASE("an hour of orders over a bad network is the same for the same seed") {
    const leak_check leaks;
    const auto start = std::chrono::steady_clock::now();
    const day first = simulated_day(1, client_kind::sends_the_key);
    const auto took = std::chrono::steady_clock::now() - start;
    MESSAGE(first.orders, " orders, ", first.retries, " retries, ", first.events, " events in ",
            std::chrono::duration_cast<std::chrono::milliseconds>(took).count(), " ms");
    CHECK(took < 60s);
    CHECK(first.orders > 5'000);
    CHECK(first.retries > 50);
    for (int i = 0; i < 2; ++i) {
        const day again = simulated_day(1, client_kind::sends_the_key);
        CHECK(again.hash == first.hash);
        CHECK(again.events == first.events);
    }
    CHECK(simulated_day(2, client_kind::sends_the_key).hash != first.hash);
}

TEST_CASE("a key makes retries safe: each order is booked once, whatever the seed") {
    for (std::uint64_t seed = 10; seed < 15; ++seed) {
        const day result = simulated_day(seed, client_kind::sends_the_key);
        CHECK(result.booked_twice == 0);
        CHECK(result.never_booked == 0);
        CHECK(result.retries > 50);
    }
}

TEST_CASE("without the key orders are booked twice, and a short search finds it") {
    CHECK(simulated_day(1, client_kind::forgets_the_key).booked_twice > 0);
    const auto body = [](client_kind kind) {
        return [kind] {
            if (spend(kind, 30s, 1).booked_twice != 0) throw std::logic_error{"booked twice"};
        };
    };
    testing::explore_options options{.schedules = 2'000, .network = bad_network};
    options.network.reset_probability = 0.01;
    testing::explore(options, body(client_kind::sends_the_key));
    std::uint64_t seed = 0;
    try {
        testing::explore(options, body(client_kind::forgets_the_key));
    } catch (const testing::failure& found) {
        seed = found.seed();
        CHECK(std::string{found.what()}.find("booked twice") != std::string::npos);
    }
    REQUIRE(seed != 0);
    for (int i = 0; i < 100; ++i) {
        CHECK_THROWS_AS(testing::simulate({.seed = seed, .network = options.network},
                                          body(client_kind::forgets_the_key)),
                        testing::failure);
    }
}
