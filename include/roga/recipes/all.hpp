// SPDX-License-Identifier: MIT
// The list of all methods: whatever covers every recipe goes through it.
#pragma once

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
#include <roga/recipes/grad_drop.hpp>
#include <roga/recipes/grad_vac.hpp>
#include <roga/recipes/group_dro.hpp>
#include <roga/recipes/gsam.hpp>
#include <roga/recipes/looksam.hpp>
#include <roga/recipes/msam.hpp>
#include <roga/recipes/pcgrad.hpp>
#include <roga/recipes/roga.hpp>
#include <roga/recipes/roga_adaptive.hpp>
#include <roga/recipes/roga_periodic.hpp>
#include <roga/recipes/roga_pooled.hpp>
#include <roga/recipes/sagm.hpp>
#include <roga/recipes/sam.hpp>
#include <roga/recipes/sand_mask.hpp>
#include <roga/recipes/vasso.hpp>
#include <roga/recipes/vrex.hpp>
#include <roga/recipes/wsam.hpp>
#include <roga/recipes/wsam_decoupled.hpp>

// These solve small problems with Eigen.
#if !defined(ROGA_WITH_EIGEN) || ROGA_WITH_EIGEN
#include <roga/recipes/aligned_mtl.hpp>
#include <roga/recipes/cagrad.hpp>
#include <roga/recipes/config.hpp>
#include <roga/recipes/imtl_g.hpp>
#include <roga/recipes/mgda.hpp>
#include <roga/recipes/nash_mtl.hpp>
#include <roga/recipes/upgrad.hpp>
#endif

namespace roga {
inline namespace v1 {
namespace recipes {

/// Calls visit(method) for each Method, in the order of docs/recipes.md.
///
///     roga::recipes::for_each([](auto method) { std::cout << method.traits.name << "\n"; });
template <class Visit>
constexpr void for_each(Visit&& visit) {
  visit(erm);
  visit(sam);
  visit(asam);
  visit(gsam);
  visit(sagm);
  visit(wsam);
  visit(wsam_decoupled);
  visit(fsam);
  visit(vasso);
  visit(looksam);
  visit(fisher_sam);
  visit(gam);
  visit(msam);
  visit(disam);
  visit(gac_fas);
  visit(roga);
  visit(roga_periodic);
  visit(roga_pooled);
  visit(roga_adaptive);
  visit(dgsam);
  visit(fish);
  visit(pcgrad);
  visit(grad_vac);
#if !defined(ROGA_WITH_EIGEN) || ROGA_WITH_EIGEN
  visit(mgda);
  visit(cagrad);
  visit(upgrad);
  visit(config);
  visit(imtl_g);
  visit(aligned_mtl);
  visit(nash_mtl);
#endif
  visit(and_mask);
  visit(sand_mask);
  visit(grad_drop);
  visit(group_dro);
  visit(vrex);
}

}  // namespace recipes
}  // namespace v1
}  // namespace roga
