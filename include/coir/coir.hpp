// SPDX-License-Identifier: MIT
#pragma once
// Brings all of coir but the testing tools.

#include <coir/blocking.hpp>
#include <coir/cancel.hpp>
#include <coir/chan.hpp>
#include <coir/net/endpoint.hpp>
#include <coir/net/resolve.hpp>
#include <coir/net/tcp.hpp>
#include <coir/run.hpp>
#include <coir/select.hpp>
#include <coir/sendable.hpp>
#include <coir/task.hpp>
#include <coir/time.hpp>
