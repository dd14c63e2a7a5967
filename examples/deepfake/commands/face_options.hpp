// SPDX-License-Identifier: MIT
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "data/face_crop.hpp"

namespace deepfake {

/// --align, --landmarks and --enlarge, of every command that cuts out faces.
inline CLI::Option* add_align_options(CLI::App& command, FaceCropOptions& faces) {
  const bool has_dlib = *dlib_version() != '\0';
  auto* align =
      command
          .add_option("--align", faces.align,
                      std::string("turn and scale faces onto DeepfakeBench's template, by "
                                  "landmarks: dlib, by the eyes' centres and the mouth's "
                                  "corners; deepfakebench, by the points that it takes. "
                                  "Needs dlib, which this program was built ") +
                          (has_dlib ? "with" : "without"))
          ->check(CLI::IsMember(alignments));
  command
      .add_option("--landmarks", faces.landmarks,
                  "dlib's file of 68 or 81 landmarks; the distribution's if not given")
      ->needs(align);
  command
      .add_option("--enlarge", faces.enlargements,
                  "double a picture so often before the search for faces: faces of 80 pixels are "
                  "found with 0, of 40 with 1")
      ->needs(align)
      ->check(CLI::Range(0, 3))
      ->capture_default_str();
  return align;
}

/// --cascade, which aligned faces have no use for.
inline void add_cascade_option(CLI::App& command, FaceCropOptions& faces, CLI::Option* align) {
  command.add_option("--cascade", faces.cascade, "Haar cascade; OpenCV's if not given")
      ->excludes(align);
}

}  // namespace deepfake
