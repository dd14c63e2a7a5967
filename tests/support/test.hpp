// SPDX-License-Identifier: MIT
// LibTorch comes first: it and Catch2 both define CHECK, and tests mean Catch2's.
#pragma once

#include <ATen/core/ivalue.h>
#include <torch/torch.h>

#undef CHECK
#include "catch.hpp"
