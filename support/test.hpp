// SPDX-License-Identifier: MIT
// LibTorch comes first: it and Catch2 both define CHECK, and tests mean Catch2's.
#pragma once

#include "support/torch.hpp"
#undef CHECK
#include "support/catch.hpp"
