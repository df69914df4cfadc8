// SPDX-License-Identifier: MIT
#pragma once
// Owns the order of events in `run`: start, wait, end all that was started.

#include <coir/detail/launch.hpp>
#include <coir/task.hpp>

namespace coir::detail {

/// Throws std::logic_error inside a coroutine.
[[nodiscard]] COIR_API run_session& begin_run(runtime_core& core);
/// Cancels and joins the coroutines of the session.
COIR_API void end_run(runtime_core& core, run_session& session) noexcept;

template <typename Result, typename Main>
COIR_NOINLINE Result run_main(runtime_core& core, Main& main) {
    struct ending {
        runtime_core& core;
        run_session& session;
        ~ending() { end_run(core, session); }
    };
    const ending end{core, begin_run(core)};
    start_request request;
    request.runtime = &core;
    request.session = &end.session;
    request.name = "main";
    request.site = COIR_CALL_SITE;
    return task_starter::start(request, [&main]() -> Result { return std::invoke(main); }).join();
}

} // namespace coir::detail
