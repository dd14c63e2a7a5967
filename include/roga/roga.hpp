// SPDX-License-Identifier: MIT
// Everything but the optimizer that you wrap: include that from LibTorch (torch/optim/sgd.h, ...).
#pragma once

#include <roga/closure.hpp>
#include <roga/cost.hpp>
#include <roga/domain_loader.hpp>
#include <roga/learning_rates.hpp>
#include <roga/load_plain.hpp>
#include <roga/loss_scaler.hpp>
#include <roga/optimizer.hpp>
#include <roga/phased_step.hpp>
#include <roga/recipe.hpp>
#include <roga/recipes/all.hpp>
#include <roga/regroup.hpp>
#include <roga/report.hpp>
#include <roga/schedules.hpp>
#include <roga/version.hpp>
#include <roga/weight_average.hpp>
