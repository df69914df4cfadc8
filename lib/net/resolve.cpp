// SPDX-License-Identifier: MIT
#include "io/socket_calls.hpp"
#include "sched/unattended_pool.hpp"

#include <coir/chan.hpp>
#include <coir/net/resolve.hpp>

#include <netdb.h>
#include <netinet/in.h>

#include <cerrno>
#include <memory>
#include <stdexcept>
#include <utility>

namespace coir {
namespace {

class resolve_errors final : public std::error_category {
public:
    [[nodiscard]] const char* name() const noexcept override { return "resolve"; }
    [[nodiscard]] std::string message(int value) const override { return ::gai_strerror(value); }
};

struct answer {
    std::vector<endpoint> endpoints;
    std::error_code error;
};

// Blocks the thread, unless `flags` say that the host is numeric.
answer look_up(const std::string& host, const std::string& service, int flags) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM; // one entry for each address, not one for each protocol
    hints.ai_flags = flags;
    addrinfo* list = nullptr;
    const int status = ::getaddrinfo(host.empty() ? nullptr : host.c_str(),
                                     service.empty() ? nullptr : service.c_str(), &hints, &list);
    const int error = errno; // right after the call: meant for EAI_SYSTEM
    if (status == EAI_SYSTEM) return {{}, {error, std::system_category()}};
    if (status != 0) return {{}, {status, resolve_category()}};
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner{list, ::freeaddrinfo};
    answer found;
    for (const addrinfo* one = list; one != nullptr; one = one->ai_next) {
        if (one->ai_family != AF_INET && one->ai_family != AF_INET6) continue;
        found.endpoints.push_back(endpoint::from_native(one->ai_addr, one->ai_addrlen));
    }
    if (found.endpoints.empty()) found.error = {EAI_NONAME, resolve_category()};
    return found;
}

// A simulation knows the names of its network, and no others.
answer look_up_simulated(detail::simulated_sockets& sockets, const std::string& host,
                         const std::string& service) {
    answer all;
    for (const std::string& address :
         sockets.addresses_of(host, detail::simulated_sockets::naming::known)) {
        answer one = look_up(address, service, AI_NUMERICHOST);
        if (one.error) return one;
        all.endpoints.insert(all.endpoints.end(), one.endpoints.begin(), one.endpoints.end());
    }
    if (all.endpoints.empty()) all.error = {EAI_NONAME, resolve_category()};
    return all;
}

struct look_up_job : detail::blocking_job {
    look_up_job(std::string of_host, std::string of_service, sender<answer> to)
        : host{std::move(of_host)}, service{std::move(of_service)}, answered{std::move(to)} {
        run = look_up_and_end;
    }
    static void look_up_and_end(detail::blocking_job& job) noexcept;

    std::string host;
    std::string service;
    sender<answer> answered;
};

void look_up_job::look_up_and_end(detail::blocking_job& job) noexcept {
    const std::unique_ptr<look_up_job> self{static_cast<look_up_job*>(&job)};
    try {
        static_cast<void>(self->answered.send(look_up(self->host, self->service, AI_ADDRCONFIG)));
    } catch (const std::bad_alloc&) { // who waits sees the channel close
    }
}

// A look-up cannot be cut short. A cancelled caller leaves it behind.
answer look_up_abandonable(const std::string& host, const std::string& service) {
    auto [answered, answers] = channel<answer>(1);
    auto job = std::make_unique<look_up_job>(host, service, std::move(answered));
    detail::blocking_pool& pool = detail::unattended_pool();
    try {
        pool.ensure_thread();
    } catch (const std::system_error& no_thread) {
        return {{}, no_thread.code()};
    }
    pool.submit(*job.release());
    return answers.recv().value_or(answer{{}, {EAI_MEMORY, resolve_category()}});
}

} // namespace

const std::error_category& resolve_category() noexcept {
    static const resolve_errors only;
    return only;
}

std::vector<endpoint> resolve(const std::string& host, const std::string& service,
                              std::error_code& error) {
    answer found = look_up(host, service, AI_NUMERICHOST);
    const std::error_code not_numeric{EAI_NONAME, resolve_category()};
    if (found.error == not_numeric && !host.empty()) {
        detail::simulated_sockets* const simulated = detail::sockets_of_simulation();
        found = simulated != nullptr ? look_up_simulated(*simulated, host, service)
                                     : look_up_abandonable(host, service);
    }
    error = found.error;
    return std::move(found.endpoints);
}

std::vector<endpoint> resolve(const std::string& host, const std::string& service) {
    std::error_code error;
    std::vector<endpoint> found = resolve(host, service, error);
    if (error) throw std::system_error{error, "resolve " + host};
    return found;
}

std::vector<endpoint> resolve(const std::string& host, std::uint16_t port, std::error_code& error) {
    return resolve(host, std::to_string(port), error);
}

std::vector<endpoint> resolve(const std::string& host, std::uint16_t port) {
    return resolve(host, std::to_string(port));
}

} // namespace coir
