// SPDX-License-Identifier: MIT
// Every recipe by name, with radii and weights large enough that each term matters.
#pragma once

#include <roga/roga.hpp>

namespace every {

namespace recipes = roga::recipes;

/// visit(name, recipe, whether the order of the domains matters)
template <class Visit>
void recipe_of_one_gradient(Visit&& visit) {
  visit("erm", recipes::erm(), false);
  visit("sam", recipes::sam({.rho = .2}), false);
  visit("asam", recipes::asam({.rho = .3, .eta = .1}), false);
  visit("gsam", recipes::gsam({.rho = .2, .alpha = .4}), false);
  visit("sagm", recipes::sagm({.rho = .2, .alpha = .05}), false);
  visit("wsam", recipes::wsam({.rho = .2, .gamma = .6}), false);
  visit("wsam_decoupled", recipes::wsam_decoupled({.rho = .2, .gamma = .6}), false);
  visit("fsam", recipes::fsam({.rho = .2}), false);
  visit("looksam", recipes::looksam({.rho = .2, .k = 3}), false);
  visit("fisher_sam", recipes::fisher_sam({.rho = .2, .eta = .5}), false);
  visit("gam", recipes::gam({.rho = .2, .rho_grad = .1, .gamma = .2}), false);
  visit("msam", recipes::msam({.rho = .2}), false);
}

template <class Visit>
void recipe_of_domains(Visit&& visit) {
  visit("disam", recipes::disam({.rho = .2, .lambda = .3}), false);
  visit("gac_fas", recipes::gac_fas({.rho = .2, .alpha = .05}), false);
  visit("roga", recipes::roga({.rho = .2, .alpha = .05}), false);
  visit("roga_periodic", recipes::roga_periodic({.rho = .2, .alpha = .05, .k = 3}), false);
  visit("roga_pooled", recipes::roga_pooled({.rho = .2, .alpha = .05}), false);
  visit("dgsam", recipes::dgsam({.rho = .2}), true);
  visit("fish", recipes::fish({.beta = .2}), true);
  visit("pcgrad", recipes::pcgrad(), true);
  visit("mgda", recipes::mgda(), false);
  visit("cagrad", recipes::cagrad(), false);
  visit("and_mask", recipes::and_mask({.tau = .6}), false);
  visit("sand_mask", recipes::sand_mask(), false);
  visit("group_dro", recipes::group_dro({.eta = .5}), false);
  visit("vrex", recipes::vrex({.lambda = .5}), false);
  visit("grad_vac", recipes::grad_vac(), true);
}

template <class Visit>
void recipe(Visit&& visit) {
  recipe_of_one_gradient(visit);
  recipe_of_domains(visit);
}

}  // namespace every
