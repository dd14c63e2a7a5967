// SPDX-License-Identifier: MIT
// Includes all of roga a second time: a definition that lacks `inline` does not link.
#include <roga/roga.hpp>

double radius_of_second_unit() { return roga::recipes::sam().perturbation.rho; }
