// SPDX-License-Identifier: MIT
// Who is in the picture (Identity), where it is taken (Scene), and what changes from frame to frame
// (Pose). All lengths are in the distance from the eye line to the mouth; the eye line is y = 0,
// the mouth y = 1, y points down.
#pragma once

#include <cstdint>

#include "random/random.hpp"
#include "synthetic/shading.hpp"

namespace deepfake {

enum class HairStyle { bald, buzz, short_cut, side_part, bob, long_hair, curly, tied_back };

struct Identity {
  // Head.
  float face_width, skull_top, chin, jaw_exponent, jaw_taper, cheek_fullness, ear_size;
  // Eyes and brows.
  float eye_distance, eye_width, eye_height, eye_tilt, iris_radius, lid_crease;
  float brow_height, brow_thickness, brow_arch, brow_slant, brow_density;
  // Nose and mouth.
  float nose_length, nose_width, nose_height;
  float mouth_width, upper_lip, lower_lip, cupid_bow;
  // Colours, linear.
  Colour skin, lips, iris, hair;
  float blush, freckles, mottling, wrinkles, gloss, eye_shadow;
  // Hair and beard.
  HairStyle hair_style;
  float hairline, hair_volume, hair_part, fringe, stubble, beard;
  bool glasses;
  std::uint64_t texture_key;
};

struct Scene {
  Colour background_top, background_bottom, background_accent, cloth;
  float background_detail;
  int background_kind;         ///< 0 plain wall, 1 out-of-focus lights, 2 panels
  float light_x, light_y;      ///< direction of the key light; x to the right, y down
  float key, ambient, warmth;  ///< warmth > 0: warm key light
  float neckline;
  float blur, noise, gain;  ///< camera, see camera.hpp
  std::uint64_t texture_key;
};

struct Pose {
  float shift_x, shift_y;         ///< of the face, in image sizes
  float scale, roll, yaw, pitch;  ///< angles in radians
  float mouth_open, smile, brow_raise, eyelid, gaze_x, gaze_y;
  float light_x, light_y;  ///< added to the scene's
};

/// Ranges from which people, scenes and cameras are drawn. The second set is a shift of the first:
/// other skin tones and light, a worse camera, stronger compression.
struct Population {
  float tone_low = 0.0F, tone_high = 0.85F;
  float side_light = 0.75F;  ///< greatest sideways component of the key light
  float ambient_low = 0.34F, ambient_high = 0.55F;
  float warmth_low = -0.12F, warmth_high = 0.22F;
  float yaw = 0.22F;
  float blur_low = 0.30F, blur_high = 0.75F;  ///< pixels of a 64-pixel frame
  float noise_low = 0.008F, noise_high = 0.026F;
  int quality_low = 80, quality_high = 97;  ///< JPEG

  static Population standard() { return {}; }
  static Population shifted();
};

Identity sample_identity(const Population& population, Random random);
Scene sample_scene(const Population& population, Random random);
Pose sample_pose(const Population& population, Random random);

}  // namespace deepfake
