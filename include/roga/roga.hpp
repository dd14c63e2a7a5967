// SPDX-License-Identifier: MIT
// Everything but the optimizer that you wrap: include that from LibTorch (torch/optim/sgd.h, ...).
#pragma once

#include <roga/closure.hpp>
#include <roga/cost.hpp>
#include <roga/loss_scaler.hpp>
#include <roga/optimizer.hpp>
#include <roga/phased_step.hpp>
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
#include <roga/recipes/roga_periodic.hpp>
#include <roga/recipes/sagm.hpp>
#include <roga/recipes/sam.hpp>
#include <roga/recipes/sand_mask.hpp>
#include <roga/recipes/vrex.hpp>
#include <roga/recipes/wsam.hpp>
#include <roga/report.hpp>
#include <roga/schedules.hpp>
#include <roga/version.hpp>

// MGDA and CAGrad solve small convex problems with Eigen.
#if !defined(ROGA_WITH_EIGEN) || ROGA_WITH_EIGEN
#include <roga/recipes/cagrad.hpp>
#include <roga/recipes/mgda.hpp>
#endif
