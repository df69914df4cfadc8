// SPDX-License-Identifier: MIT
#pragma once
// Owns the door to coroutine stacks: the process's depot and the workers' magazines.

#include "fiber/stack_depot.hpp"
#include "fiber/stack_magazine.hpp"
