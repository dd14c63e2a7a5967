// SPDX-License-Identifier: MIT
// Everything but the optimizer that you wrap: include that from LibTorch (torch/optim/sgd.h, ...).
#pragma once

#include <roga/alignment/captured_gradient.hpp>
#include <roga/alignment/decoupled_sharpness.hpp>
#include <roga/alignment/erm_gradient.hpp>
#include <roga/alignment/gradient_norm_descent.hpp>
#include <roga/alignment/gradient_vaccine.hpp>
#include <roga/alignment/loss_variance.hpp>
#include <roga/alignment/momentum_gradient.hpp>
#include <roga/alignment/orthogonal_descent.hpp>
#include <roga/alignment/pcgrad.hpp>
#include <roga/alignment/reused_direction.hpp>
#include <roga/alignment/sign_agreement.hpp>
#include <roga/alignment/weighted_sum.hpp>
#include <roga/alignment/worst_group.hpp>
#include <roga/any_optimizer.hpp>
#include <roga/capture/next_domain.hpp>
#include <roga/capture/own_domain.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/closure.hpp>
#include <roga/concepts.hpp>
#include <roga/cost.hpp>
#include <roga/loss_scaler.hpp>
#include <roga/memory.hpp>
#include <roga/optimizer.hpp>
#include <roga/order.hpp>
#include <roga/over.hpp>
#include <roga/perturbation/domain_ascent.hpp>
#include <roga/perturbation/domain_walk.hpp>
#include <roga/perturbation/every.hpp>
#include <roga/perturbation/friendly_ascent.hpp>
#include <roga/perturbation/gradient_norm_ascent.hpp>
#include <roga/perturbation/loss_weighted_ascent.hpp>
#include <roga/perturbation/metric.hpp>
#include <roga/perturbation/momentum_ascent.hpp>
#include <roga/perturbation/no_perturbation.hpp>
#include <roga/perturbation/normalized_ascent.hpp>
#include <roga/phased_step.hpp>
#include <roga/point.hpp>
#include <roga/recipe.hpp>
#include <roga/recipes/and_mask.hpp>
#include <roga/recipes/asam.hpp>
#include <roga/recipes/dgsam.hpp>
#include <roga/recipes/disam.hpp>
#include <roga/recipes/erm.hpp>
#include <roga/recipes/fish.hpp>
#include <roga/recipes/fisher_sam.hpp>
#include <roga/recipes/fsam.hpp>
#include <roga/recipes/gac_fas.hpp>
#include <roga/recipes/gam.hpp>
#include <roga/recipes/grad_vac.hpp>
#include <roga/recipes/group_dro.hpp>
#include <roga/recipes/gsam.hpp>
#include <roga/recipes/looksam.hpp>
#include <roga/recipes/msam.hpp>
#include <roga/recipes/pcgrad.hpp>
#include <roga/recipes/roga.hpp>
#include <roga/recipes/sagm.hpp>
#include <roga/recipes/sam.hpp>
#include <roga/recipes/sand_mask.hpp>
#include <roga/recipes/vrex.hpp>
#include <roga/recipes/wsam.hpp>
#include <roga/report.hpp>
#include <roga/row.hpp>
#include <roga/scalar.hpp>
#include <roga/schedules.hpp>
#include <roga/step.hpp>
#include <roga/version.hpp>

// MGDA and CAGrad solve small convex problems with Eigen.
#if !defined(ROGA_WITH_EIGEN) || ROGA_WITH_EIGEN
#include <roga/alignment/cagrad.hpp>
#include <roga/alignment/min_norm.hpp>
#include <roga/recipes/cagrad.hpp>
#include <roga/recipes/mgda.hpp>
#endif
