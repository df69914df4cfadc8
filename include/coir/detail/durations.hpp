// SPDX-License-Identifier: MIT
#pragma once
// Owns where durations, time points, clocks and their literals come from. <chrono> has calendars
// and time zones besides, and with them the streams: a tenth of what <coir/coir.hpp> takes to
// compile. <condition_variable> has functions that take all the rest, and so brings it.

#include <condition_variable>
