// SPDX-License-Identifier: MIT
#include "synthetic/identity.hpp"

#include <array>
#include <cstddef>
#include <span>

namespace deepfake {
namespace {

template <std::size_t N>
Colour along(const std::array<Colour, N>& anchors, float position) {
  const float scaled = std::clamp(position, 0.0F, 1.0F) * static_cast<float>(N - 1);
  const auto index = std::min(static_cast<std::size_t>(scaled), N - 2);
  return mix(anchors[index], anchors[index + 1], scaled - static_cast<float>(index));
}

Colour jitter(Colour colour, float amount, Random& random) {
  for (int channel = 0; channel < 3; ++channel) {
    colour[channel] *= 1.0F + amount * random.uniform(-1.0F, 1.0F);
  }
  return colour;
}

const std::array skin_tones{srgb(246, 214, 192), srgb(236, 192, 160), srgb(220, 174, 142),
                            srgb(200, 146, 108), srgb(168, 114, 80),  srgb(126, 82, 58),
                            srgb(92, 60, 44)};
const std::array hair_colours{srgb(28, 24, 23),    srgb(52, 37, 29),   srgb(84, 56, 38),
                              srgb(126, 88, 54),   srgb(186, 146, 92), srgb(150, 66, 34),
                              srgb(142, 138, 134), srgb(206, 202, 196)};
const std::array iris_colours{srgb(58, 36, 22),  srgb(92, 60, 34),   srgb(118, 98, 52),
                              srgb(84, 116, 86), srgb(88, 128, 162), srgb(120, 134, 142)};
const std::array cloth_colours{srgb(46, 60, 92),    srgb(122, 40, 44),  srgb(60, 86, 70),
                               srgb(212, 208, 200), srgb(64, 62, 66),   srgb(180, 140, 84),
                               srgb(96, 120, 156),  srgb(150, 96, 120), srgb(32, 34, 40)};
const std::array wall_colours{srgb(186, 178, 164), srgb(120, 134, 150), srgb(150, 160, 140),
                              srgb(96, 92, 96),    srgb(206, 200, 196), srgb(164, 128, 104),
                              srgb(70, 92, 104),   srgb(176, 160, 176), srgb(58, 66, 62)};

Colour pick(std::span<const Colour> colours, Random& random) {
  return colours[static_cast<std::size_t>(random.integer(0, static_cast<int>(colours.size()) - 1))];
}

Colour hair_colour(float tone, bool grey, Random& random) {
  if (grey) return pick(std::span(hair_colours).last(2), random);
  // Dark skin goes with dark hair; pale skin with any.
  const int last = tone > 0.6F ? 1 : (tone > 0.35F ? 3 : 5);
  return pick(std::span(hair_colours).first(static_cast<std::size_t>(last) + 1), random);
}

}  // namespace

Population Population::shifted() {
  Population p;
  p.tone_low = 0.25F;
  p.tone_high = 1.0F;
  p.side_light = 0.95F;
  p.ambient_low = 0.24F;
  p.ambient_high = 0.42F;
  p.warmth_low = 0.05F;
  p.warmth_high = 0.40F;
  p.yaw = 0.30F;
  p.blur_low = 0.50F;
  p.blur_high = 0.95F;
  p.noise_low = 0.012F;
  p.noise_high = 0.034F;
  p.quality_low = 62;
  p.quality_high = 84;
  return p;
}

Identity sample_identity(const Population& population, Random random) {
  Identity id{};
  const auto within = [&random](float low, float high) { return random.uniform(low, high); };
  // Soft to square faces; the correlated traits that make a face read as one kind of person.
  const float masculine = within(0.0F, 1.0F);
  const float age = within(0.0F, 1.0F);

  id.face_width = within(0.92F, 1.06F) + 0.04F * masculine;
  id.skull_top = -within(1.36F, 1.50F);
  id.chin = within(1.56F, 1.66F) + 0.10F * masculine;
  id.jaw_exponent = within(1.90F, 2.15F) + 0.35F * masculine;
  id.jaw_taper = within(0.06F, 0.16F);
  id.cheek_fullness = within(0.06F, 0.16F);
  id.ear_size = within(0.85F, 1.15F);

  id.eye_distance = within(0.44F, 0.50F);
  id.eye_width = within(0.215F, 0.255F);
  id.eye_height = within(0.085F, 0.125F) - 0.012F * masculine;
  id.eye_tilt = within(-0.14F, 0.04F);
  id.iris_radius = within(0.105F, 0.122F);
  id.lid_crease = within(0.05F, 0.10F);

  id.brow_height = within(0.27F, 0.36F) - 0.04F * masculine;
  id.brow_thickness = within(0.030F, 0.048F) + 0.022F * masculine;
  id.brow_arch = within(0.02F, 0.09F) - 0.02F * masculine;
  id.brow_slant = within(-0.12F, 0.0F);
  id.brow_density = within(0.65F, 0.95F);

  id.nose_length = within(0.54F, 0.64F);
  id.nose_width = within(0.155F, 0.215F) + 0.02F * masculine;
  id.nose_height = within(0.28F, 0.42F);

  id.mouth_width = within(0.36F, 0.46F);
  id.upper_lip = within(0.055F, 0.105F) - 0.015F * masculine;
  id.lower_lip = within(0.080F, 0.130F) - 0.015F * masculine;
  id.cupid_bow = within(0.15F, 0.40F);

  const float tone = within(population.tone_low, population.tone_high);
  id.skin = jitter(along(skin_tones, tone), 0.05F, random);
  id.lips = jitter(mix(id.skin.mul(Colour(0.50F, 0.48F, 0.82F)), srgb(176, 72, 78),
                       within(0.05F, 0.45F) * (1.0F - 0.6F * masculine)),
                   0.08F, random);
  id.iris =
      tone > 0.5F ? pick(std::span(iris_colours).first(3), random) : pick(iris_colours, random);
  id.hair = jitter(hair_colour(tone, age > 0.85F, random), 0.12F, random);
  id.blush = within(0.02F, 0.14F);
  id.freckles = tone < 0.35F && random.chance(0.35F) ? within(0.2F, 0.6F) : 0.0F;
  id.mottling = within(0.02F, 0.07F) + 0.03F * age;
  id.wrinkles = std::max(0.0F, age - 0.35F) * within(0.5F, 1.0F);
  id.gloss = within(0.05F, 0.22F);
  id.eye_shadow = masculine < 0.45F ? within(0.0F, 0.4F) : 0.0F;

  using enum HairStyle;
  static constexpr std::array soft{bob, long_hair, long_hair, curly, tied_back, side_part};
  static constexpr std::array square{bald, buzz, short_cut, short_cut, side_part, curly, side_part};
  id.hair_style = masculine < 0.5F
                      ? soft[static_cast<std::size_t>(random.integer(0, soft.size() - 1))]
                      : square[static_cast<std::size_t>(random.integer(0, square.size() - 1))];
  id.hairline = -within(0.84F, 1.02F) - 0.06F * masculine * age;
  id.hair_volume = within(0.08F, 0.22F);
  id.hair_part = within(-0.5F, 0.5F);
  id.fringe = masculine < 0.5F && random.chance(0.4F) ? within(0.2F, 0.5F) : 0.0F;
  id.stubble = masculine > 0.5F ? within(0.0F, 0.5F) : 0.0F;
  id.beard = masculine > 0.55F && random.chance(0.35F) ? within(0.5F, 0.9F) : 0.0F;
  id.glasses = random.chance(0.12F);
  id.texture_key = random.bits();
  return id;
}

Scene sample_scene(const Population& population, Random random) {
  Scene scene{};
  scene.background_kind = random.integer(0, 2);
  scene.background_top = jitter(pick(wall_colours, random), 0.2F, random);
  scene.background_bottom =
      jitter(scene.background_top, 0.15F, random) * random.uniform(0.5F, 0.9F);
  scene.background_accent = jitter(pick(wall_colours, random), 0.3F, random);
  scene.cloth = jitter(pick(cloth_colours, random), 0.2F, random);
  scene.background_detail = random.uniform(0.05F, 0.25F);
  scene.light_x = random.uniform(-population.side_light, population.side_light);
  scene.light_y = -random.uniform(0.15F, 0.70F);
  scene.key = random.uniform(0.62F, 0.84F);
  scene.ambient = random.uniform(population.ambient_low, population.ambient_high);
  scene.warmth = random.uniform(population.warmth_low, population.warmth_high);
  scene.neckline = random.uniform(0.0F, 1.0F);
  scene.blur = random.uniform(population.blur_low, population.blur_high);
  scene.noise = random.uniform(population.noise_low, population.noise_high);
  scene.gain = random.uniform(0.92F, 1.08F);
  scene.texture_key = random.bits();
  return scene;
}

Pose sample_pose(const Population& population, Random random) {
  Pose pose{};
  const auto within = [&random](float low, float high) { return random.uniform(low, high); };
  pose.shift_x = within(-0.035F, 0.035F);
  pose.shift_y = within(-0.030F, 0.030F);
  pose.scale = within(0.93F, 1.06F);
  pose.roll = within(-0.13F, 0.13F);
  pose.yaw = within(-population.yaw, population.yaw);
  pose.pitch = within(-0.08F, 0.08F);
  pose.mouth_open = random.chance(0.4F) ? within(0.15F, 0.85F) : 0.0F;
  pose.smile = within(0.10F, 1.0F);
  pose.brow_raise = within(-0.02F, 0.07F);
  pose.eyelid = within(0.82F, 1.12F) - 0.15F * std::max(0.0F, pose.smile);
  pose.gaze_x = within(-0.05F, 0.05F);
  pose.gaze_y = within(-0.015F, 0.02F);
  pose.light_x = within(-0.1F, 0.1F);
  pose.light_y = within(-0.08F, 0.08F);
  return pose;
}

}  // namespace deepfake
