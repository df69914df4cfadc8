// SPDX-License-Identifier: MIT
#pragma once
// Brings all of coir but the testing tools.

#include <coir/blocking.hpp>
#include <coir/cancel.hpp>
#include <coir/chan.hpp>
#include <coir/debug.hpp>
#include <coir/fs/file.hpp>
#include <coir/group.hpp>
#include <coir/io/buffered_reader.hpp>
#include <coir/io/copy.hpp>
#include <coir/io/error.hpp>
#include <coir/local.hpp>
#include <coir/net/endpoint.hpp>
#include <coir/net/resolve.hpp>
#include <coir/net/tcp.hpp>
#include <coir/net/tls.hpp>
#include <coir/net/udp.hpp>
#include <coir/net/unix.hpp>
#include <coir/os/pipe.hpp>
#include <coir/os/process.hpp>
#include <coir/os/signals.hpp>
#include <coir/os/standard_streams.hpp>
#include <coir/run.hpp>
#include <coir/select.hpp>
#include <coir/sendable.hpp>
#include <coir/sync/barrier.hpp>
#include <coir/sync/condition_variable.hpp>
#include <coir/sync/latch.hpp>
#include <coir/sync/mutex.hpp>
#include <coir/sync/once.hpp>
#include <coir/sync/semaphore.hpp>
#include <coir/sync/shared_mutex.hpp>
#include <coir/sync/wait_group.hpp>
#include <coir/synchronized.hpp>
#include <coir/task.hpp>
#include <coir/time.hpp>
