// SPDX-License-Identifier: MIT
#pragma once

/// The library's version, semantic versioning; CMake reads it from here.
#define ROGA_VERSION_MAJOR 0
#define ROGA_VERSION_MINOR 2
#define ROGA_VERSION_PATCH 0
