// SPDX-License-Identifier: MIT
// Everything but the optimizer that you wrap: include that from LibTorch (torch/optim/sgd.h, ...).
#pragma once

#include <roga/alignment/captured_gradient.hpp>
#include <roga/alignment/erm_gradient.hpp>
#include <roga/alignment/weighted_sum.hpp>
#include <roga/capture/own_domain.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/closure.hpp>
#include <roga/concepts.hpp>
#include <roga/optimizer.hpp>
#include <roga/perturbation/domain_ascent.hpp>
#include <roga/perturbation/metric.hpp>
#include <roga/perturbation/no_perturbation.hpp>
#include <roga/perturbation/normalized_ascent.hpp>
#include <roga/recipe.hpp>
#include <roga/recipes/asam.hpp>
#include <roga/recipes/erm.hpp>
#include <roga/recipes/gac_fas.hpp>
#include <roga/recipes/roga.hpp>
#include <roga/recipes/sagm.hpp>
#include <roga/recipes/sam.hpp>
#include <roga/report.hpp>
#include <roga/version.hpp>
