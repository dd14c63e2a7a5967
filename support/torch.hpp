// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/core/ivalue.h>
#include <torch/torch.h>
