// SPDX-License-Identifier: MIT
#include "base/check.hpp"
#include "sched/reports.hpp"
#include "sched/runtime_core.hpp"
#include "sched/settings.hpp"
#include "wait/cancellation.hpp"

#include <coir/run.hpp>

#include <exception>

namespace coir {
namespace detail {

run_session& begin_run(runtime_core& core) {
    refuse_in_coroutine("coir::runtime::run");
    run_session& session = core.begin_session();
    core.active_runs.fetch_add(1, std::memory_order_acq_rel);
    return session;
}

void end_run(runtime_core& core, run_session& session) noexcept {
    // An exception on its way out has cut short what would have seen to the others.
    if (core.settings().report_leaks && std::uncaught_exceptions() == 0) {
        report_leaks(core, session);
    }
    cancel_session(session);
    session.wait_until_empty();
    core.end_session(session);
    core.active_runs.fetch_sub(1, std::memory_order_acq_rel);
}

} // namespace detail

runtime::runtime(const runtime_options& options)
    : core_{new detail::runtime_core{detail::resolve_settings(options)}} {}

runtime::~runtime() {
    const detail::worker* const here = detail::current_worker();
    if (here != nullptr && &here->runtime() == core_) {
        detail::fatal("a runtime was destroyed inside one of its own coroutines");
    }
    if (!core_->belongs_to_parent_process()) {
        detail::run_session& session = core_->own_session();
        detail::cancel_session(session);
        session.wait_until_empty();
    }
    delete core_;
    detail::stack_depot::instance().trim();
}

std::size_t runtime::workers() const noexcept { return core_->worker_count(); }

} // namespace coir
