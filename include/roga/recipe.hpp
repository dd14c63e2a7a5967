// SPDX-License-Identifier: MIT
// Everything that a method of your own is composed of: roga::recipe() and all policies.
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
#include <roga/alignment/sign_dropout.hpp>
#include <roga/alignment/weighted_sum.hpp>
#include <roga/alignment/worst_group.hpp>
#include <roga/capture/next_domain.hpp>
#include <roga/capture/own_domain.hpp>
#include <roga/capture/pooled.hpp>
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
#include <roga/perturbation/variance_suppressed_ascent.hpp>
#include <roga/policy/composition.hpp>
#include <roga/policy/concepts.hpp>
#include <roga/policy/order.hpp>
#include <roga/policy/over.hpp>
#include <roga/policy/point.hpp>
#include <roga/policy/row.hpp>
#include <roga/policy/step.hpp>

// These solve small problems with Eigen.
#if !defined(ROGA_WITH_EIGEN) || ROGA_WITH_EIGEN
#include <roga/alignment/aligned_components.hpp>
#include <roga/alignment/conflict_averse.hpp>
#include <roga/alignment/conflict_free.hpp>
#include <roga/alignment/impartial_gradient.hpp>
#include <roga/alignment/min_norm.hpp>
#include <roga/alignment/nash_bargain.hpp>
#include <roga/alignment/upgrad.hpp>
#endif
