// SPDX-License-Identifier: MIT
#include "io/operation.hpp"

#include "io/descriptor.hpp"
#include "sched/worker.hpp"
#include "wait/cancellation.hpp"
#include "wait/claim.hpp"
#include "wait/park.hpp"

#include <coir/cancelled.hpp>

#include <cerrno>
#include <stdexcept>

namespace coir::detail {
namespace {

void resume_party(io_operation& operation) noexcept {
    auto& party = static_cast<coroutine&>(*operation.party);
    party.result = 0;
    schedule_last(party);
}

// On the home worker, from its ring.
void completed(io_completion& completion, int result, unsigned) noexcept {
    auto& operation = static_cast<io_operation&>(completion);
    operation.result = result;
    operation.completed_already = true;
    const claim_outcome outcome = claim(*operation.party, operation.epoch);
    if (outcome == claim_outcome::won_interrupted && !operation.cancel_arrived) return;
    resume_party(operation);
}

// On the home worker, from its mailbox.
void cancel_arrives(remote_call& call, worker& home) noexcept {
    io_operation& operation = *static_cast<io_operation::cancel_message&>(call).operation;
    operation.cancel_arrived = true;
    if (operation.completed_already) {
        resume_party(operation); // the completion left that to us
    } else {
        home.io().cancel(operation);
    }
}

// On the thread that cancels or closes.
void interrupt(waiter& party) noexcept {
    auto& operation = *static_cast<io_operation*>(party.interrupt_argument);
    operation.home->post(operation.cancel_call);
}

// With the wait open: a close that came before it could see the operation is noticed here.
void look_at_close(void* argument) noexcept {
    auto& operation = *static_cast<io_operation*>(argument);
    if (operation.owner == nullptr || !operation.owner->closing()) return;
    static_cast<void>(interrupt_wait(*operation.party, operation.epoch, interruption_force::close));
}

} // namespace

int perform(const io_request& request, descriptor* owner) {
    worker* const here = current_worker();
    if (here == nullptr || here->current() == nullptr) {
        throw std::logic_error{"coir: I/O outside of a coroutine"};
    }
    coroutine& self = *here->current();
    io_operation operation;
    operation.completed = completed;
    operation.party = &self;
    operation.home = here;
    operation.owner = owner;
    operation.epoch = next_epoch(self);
    operation.cancel_call.run = cancel_arrives;
    operation.cancel_call.operation = &operation;
    self.interrupt = interrupt;
    self.interrupt_argument = &operation;
    if (owner != nullptr && !owner->enter(operation)) return -EBADF;
    here->io().submit(operation, request);
    park(self,
         {wait_kind::io, &operation, look_at_close, &operation, INT64_MAX, interruption::hooked});
    const bool by_close = owner != nullptr && owner->closing();
    if (owner != nullptr) owner->leave(operation); // a closer may now be through with the owner
    if (operation.result == -ECANCELED && !by_close) throw cancelled{};
    return operation.result;
}

} // namespace coir::detail
