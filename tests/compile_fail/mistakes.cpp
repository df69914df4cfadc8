// SPDX-License-Identifier: MIT
// What users get wrong most. As in cases.cpp each case must be refused with its texts; "1 error"
// says that nothing but the one sentence may be reported.

#include <coir/coir.hpp>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

struct things {
    coir::chan<int> channel;
    coir::task<int> job;
    coir::tcp_listener listener;
    coir::process process;
    coir::synchronized<int> data{1};
    std::vector<int> numbers;
    std::unique_ptr<int> owner;
};

void control(things& a) {
    coir::select(a.channel.on_recv([](std::optional<int>) {}), a.job.on_done([] {}),
                 coir::on_timeout(1s, [] {}), coir::otherwise());
    coir::go([](const std::unique_ptr<int>&) {}, std::move(a.owner));
}

// expect recv_handler: 1 error | the handler of on_recv takes a std::optional of the element
// expect recv_no_handler: 1 error | the handler of on_recv takes a std::optional of the element
// expect send_handler: 1 error | the handler of on_send takes
// expect timeout_handler: 1 error | called without an argument
// expect otherwise_handler: 1 error | called without an argument
// expect done_handler: 1 error | called without an argument
// expect two_handlers: at most one handler
// expect accept_handler: the handler of on_accept takes a tcp_stream
// expect exit_handler: 1 error | the handler of on_exit takes an exit_status or nothing
// expect map_of_nothing: the function returns nothing; use for_each
// expect race_of_two_types: the functions must all return the same type
// expect task_of_rvalue: a task cannot return an rvalue reference
// expect go_without_argument: 1 error | go
// expect go_with_copy: 1 error | go
// expect select_of_channel: 1 error | select_alternative
// expect seconds_as_number: 1 error | sleep_for
// expect dropped_receive: nodiscard
// expect dropped_receive_case: nodiscard
// expect dropped_send_case: nodiscard
// expect dropped_done_case: nodiscard
// expect dropped_timeout_case: nodiscard
// expect dropped_lock: nodiscard
// expect dropped_stream: nodiscard
void refused([[maybe_unused]] things& a) {
#if defined(CASE_recv_handler)
    coir::select(a.channel.on_recv([](std::string) {}));
#elif defined(CASE_recv_no_handler)
    coir::select(a.channel.on_recv(1));
#elif defined(CASE_send_handler)
    coir::select(a.channel.on_send(1, [](std::string) {}));
#elif defined(CASE_timeout_handler)
    coir::select(coir::on_timeout(1s, [](int) {}));
#elif defined(CASE_otherwise_handler)
    coir::select(coir::otherwise([](int) {}));
#elif defined(CASE_done_handler)
    coir::select(a.job.on_done([](int) {}));
#elif defined(CASE_two_handlers)
    coir::select(coir::on_timeout(1s, [] {}, [] {}));
#elif defined(CASE_accept_handler)
    coir::select(a.listener.on_accept([](int) {}));
#elif defined(CASE_exit_handler)
    coir::select(a.process.on_exit([](std::string) {}));
#elif defined(CASE_map_of_nothing)
    coir::map(a.numbers, [](int) {});
#elif defined(CASE_race_of_two_types)
    coir::race([] { return 1; }, [] { return std::string(); });
#elif defined(CASE_task_of_rvalue)
    coir::go([]() -> int&& { throw 1; });
#elif defined(CASE_go_without_argument)
    coir::go([](int) {});
#elif defined(CASE_go_with_copy)
    coir::go([](std::unique_ptr<int>) {}, a.owner);
#elif defined(CASE_select_of_channel)
    coir::select(a.channel);
#elif defined(CASE_seconds_as_number)
    coir::sleep_for(1);
#elif defined(CASE_dropped_receive)
    a.channel.recv();
#elif defined(CASE_dropped_receive_case)
    a.channel.on_recv();
#elif defined(CASE_dropped_send_case)
    a.channel.on_send(1);
#elif defined(CASE_dropped_done_case)
    a.job.on_done();
#elif defined(CASE_dropped_timeout_case)
    coir::on_timeout(1s);
#elif defined(CASE_dropped_lock)
    a.data.lock();
#elif defined(CASE_dropped_stream)
    a.listener.accept();
#endif
}
