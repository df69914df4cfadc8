// SPDX-License-Identifier: MIT
#pragma once
// Owns the smallest coroutine that tests of the fiber layer need: a function on a stack of its own.

#include "fiber/context.hpp"
#include "fiber/stack_pool.hpp"

#include <functional>
#include <utility>

/// Runs `body` on its own stack whenever somebody calls resume(); the body calls suspend().
class flow {
public:
    explicit flow(std::function<void(flow&)> body) : body_(std::move(body)) {
        coir::detail::context_make(own_, stack_.bottom, stack_.top, &flow::enter);
    }
    flow(const flow&) = delete;
    flow& operator=(const flow&) = delete;
    ~flow() {
        coir::detail::context_discard(own_);
        coir::detail::stack_depot::instance().release(stack_);
    }

    void resume() {
        coir::detail::context_adopt_thread(resumer_);
        coir::detail::context_switch(resumer_, own_, this);
    }
    void suspend() { coir::detail::context_switch(own_, resumer_, nullptr); }
    [[nodiscard]] bool ended() const { return ended_; }

private:
    static void enter(void* argument) {
        auto& self = *static_cast<flow*>(argument);
        self.body_(self);
        self.ended_ = true;
        coir::detail::context_exit(self.own_, self.resumer_, nullptr);
    }

    coir::detail::stack stack_ = coir::detail::stack_depot::instance().acquire(256 * 1024);
    coir::detail::context own_;
    coir::detail::context resumer_;
    std::function<void(flow&)> body_;
    bool ended_ = false;
};
