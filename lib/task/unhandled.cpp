// SPDX-License-Identifier: MIT
#include "task/unhandled.hpp"

#include "sched/runtime_core.hpp"

#include <cxxabi.h>

#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <typeinfo>

namespace coir::detail {
namespace {

std::string type_of(const std::exception_ptr& failure) {
    const std::type_info* const type = failure.__cxa_exception_type();
    if (type == nullptr) return "unknown";
    int status = 0;
    char* const readable = abi::__cxa_demangle(type->name(), nullptr, nullptr, &status);
    std::string name = status == 0 ? readable : type->name();
    std::free(readable);
    return name;
}

std::string message_of(const std::exception_ptr& failure) {
    try {
        std::rethrow_exception(failure);
    } catch (const std::exception& known) {
        return known.what();
    } catch (...) {
        return "not a std::exception";
    }
}

std::string describe(const coroutine& co) {
    const std::string number = std::to_string(co.id);
    return co.name.empty() ? number : number + " \"" + std::string{co.name} + "\"";
}

} // namespace

namespace {

std::shared_ptr<const runtime_options> settings_of(coroutine& co) noexcept {
    const std::lock_guard guard{co.join_lock};
    return co.runtime != nullptr ? co.runtime->shared_settings() : co.late_settings;
}

} // namespace

void report_unhandled(coroutine& co, std::exception_ptr failure) noexcept {
    const auto settings = settings_of(co);
    const auto& handler = settings->on_unhandled_exception;
    if (handler != nullptr) {
        handler(std::move(failure), task_info{co.id, std::string{co.name}});
        return;
    }
    std::fprintf(stderr, "coir: unhandled exception in coroutine %s: %s: %s\n",
                 describe(co).c_str(), type_of(failure).c_str(), message_of(failure).c_str());
    std::terminate();
}

} // namespace coir::detail
