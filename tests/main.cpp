// SPDX-License-Identifier: MIT
// Owns the main of every test program; one that ran no test case at all fails.

#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>

namespace {

unsigned selected_test_cases = 0;

struct selection_counter : doctest::IReporter {
    explicit selection_counter(const doctest::ContextOptions&) {}

    void report_query(const doctest::QueryData&) override {}
    void test_run_start() override {}
    void test_run_end(const doctest::TestRunStats& stats) override {
        selected_test_cases = stats.numTestCasesPassingFilters;
    }
    void test_case_start(const doctest::TestCaseData&) override {}
    void test_case_reenter(const doctest::TestCaseData&) override {}
    void test_case_end(const doctest::CurrentTestCaseStats&) override {}
    void test_case_exception(const doctest::TestCaseException&) override {}
    void subcase_start(const doctest::SubcaseSignature&) override {}
    void subcase_end() override {}
    void log_assert(const doctest::AssertData&) override {}
    void log_message(const doctest::MessageData&) override {}
    void test_case_skipped(const doctest::TestCaseData&) override {}
};

} // namespace

REGISTER_LISTENER("selection_counter", 1, selection_counter);

// Some tests fork and start threads in the child, where TSan gives up unless told otherwise; and
// doctest's own handler for SIGABRT allocates, which is doctest's business.
extern "C" const char* __tsan_default_options(); // called by the runtime, where there is one
extern "C" const char* __tsan_default_options() {
    return "die_after_fork=0:report_signal_unsafe=0";
}

int main(int argc, char** argv) {
    doctest::Context context(argc, argv);
    const int result = context.run();
    // A query such as --list-test-cases runs nothing.
    if (context.shouldExit()) return result;
    if (selected_test_cases == 0) {
        std::fprintf(stderr, "no test case ran: the program or the filter is empty\n");
        return 1;
    }
    return result;
}
