// SPDX-License-Identifier: MIT
#include "synthetic/surroundings.hpp"

#include <cmath>

namespace deepfake {

Backdrop::Backdrop(const Scene& scene, const Texture& texture) : scene_(scene), texture_(texture) {
  Random random(scene.texture_key);
  for (auto& disc : discs_) {
    disc.x = random.uniform();
    disc.y = random.uniform(0.0F, 0.8F);
    disc.radius = random.uniform(0.05F, 0.16F);
    disc.alpha = random.uniform(0.10F, 0.45F);
    const float warm = random.uniform();
    disc.colour = mix(scene.background_accent * 1.6F, srgb(255, 226, 170), warm);
  }
  for (auto& edge : panels_) edge = random.uniform();
}

Colour Backdrop::at(cv::Point2f p) const {
  Colour colour =
      mix(scene_.background_top, scene_.background_bottom, smooth_step(-0.1F, 1.1F, p.y));
  const float cloud = texture_.octaves(p.x * 3.0F, p.y * 3.0F, 4);
  colour *= 1.0F + scene_.background_detail * cloud;
  if (scene_.background_kind == 1) {
    colour *= 0.55F;
    for (const auto& disc : discs_) {
      const float distance = std::hypot(p.x - disc.x, p.y - disc.y) / disc.radius;
      paint(colour, disc.colour, disc.alpha * smooth_step(1.05F, 0.90F, distance));
    }
  } else if (scene_.background_kind == 2) {
    float boundary = 1.0F;
    int panel = 0;
    for (const float edge : panels_) {
      boundary = std::min(boundary, std::abs(p.x - edge));
      panel += p.x > edge ? 1 : 0;
    }
    if (panel % 2 == 1) colour = mix(colour, scene_.background_accent, 0.55F);
    colour *= 1.0F - 0.45F * smooth_step(0.018F, 0.0F, boundary);
  }
  const float corner = std::hypot(p.x - 0.5F, p.y - 0.5F);
  return colour * (1.0F - 0.35F * smooth_step(0.35F, 0.75F, corner));
}

void paint_body(Colour& canvas, cv::Point2f p, const Identity& id, const Scene& scene,
                const Head& head, const Texture& texture, float light_x, float pixel) {
  const float x = std::abs(p.x);
  const float soft = std::max(pixel, 0.015F);
  const float warm = 1.0F + 0.4F * scene.warmth;
  const auto lit = [&](float across) {  // a cylinder of half width 1
    const float normal = std::clamp(across, -1.0F, 1.0F);
    const float facing = std::sqrt(1.0F - normal * normal);
    return scene.ambient + scene.key * std::max(0.0F, 0.75F * facing + 0.6F * light_x * normal);
  };

  // Neck: narrower than the jaw, flaring into the shoulders, in the shadow of the chin.
  const float neck_width = 0.56F * id.face_width + 0.5F * std::max(0.0F, p.y - 1.85F);
  const float neck = coverage(x - neck_width, 2.0F * soft) * smooth_step(0.7F, 0.9F, p.y);
  if (neck > 0.0F) {
    const float below_chin = p.y - head.chin() + 0.55F * x * x;
    const float shadow = 0.45F + 0.55F * smooth_step(-0.05F, 0.55F, below_chin);
    Colour skin = id.skin * (lit(p.x / neck_width) * shadow * 0.92F);
    skin *= 1.0F + 0.05F * texture(p.x * 7.0F, p.y * 7.0F);
    const float tendon = hill(x - 0.28F * (p.y - 1.2F), p.y, 0.12F, 1.95F, 0.09F, 0.35F);
    skin *= 1.0F - 0.12F * tendon;
    paint(canvas, {skin[0], skin[1], skin[2] * warm}, neck);
  }

  const float slope = 1.96F + 0.30F * std::max(0.0F, x - 0.62F) + 0.25F * std::max(0.0F, x - 1.5F);
  const float collar =
      1.93F + (scene.neckline > 0.5F ? 0.55F : 0.16F) * (1.0F - std::min(1.0F, x / 0.62F));
  const float edge = x < 0.62F ? collar : slope;
  const float cloth_alpha = coverage(edge - p.y, 2.0F * soft);
  if (cloth_alpha > 0.0F) {
    const float folds = texture.octaves(p.x * 2.5F + 8.0F, p.y * 1.2F + 2.0F, 3);
    Colour cloth = scene.cloth * ((lit(p.x / 2.2F)) * (1.0F + 0.16F * folds));
    const float hem = smooth_step(0.10F, 0.06F, p.y - edge) * (x < 0.66F ? 1.0F : 0.0F);
    cloth *= 1.0F - 0.30F * hem;
    paint(canvas, cloth, cloth_alpha);
  }
}

void paint_ears(Colour& canvas, cv::Point2f p, const Identity& id, const Head& head,
                const Shade& shade, float pixel) {
  for (const float side : {-1.0F, 1.0F}) {
    const float u = (p.x - head.ear_x(side)) * side / (0.155F * id.ear_size);
    const float v = (p.y - 0.22F + 0.10F * u) / (0.34F * id.ear_size);
    const float narrow = 1.0F - 0.28F * std::max(0.0F, v);
    const float r = std::hypot(u / narrow, v);
    const float alpha = coverage((r - 1.0F) * 0.20F, std::max(pixel, 0.02F));
    if (alpha <= 0.0F) continue;
    Colour ear = id.skin.mul(Colour(0.78F, 0.80F, 0.98F));
    const float bowl = hill(u, v, -0.15F, -0.02F, 0.62F, 0.62F);
    ear *= 0.95F - 0.45F * bowl;
    paint(canvas, shade.on(ear), alpha);
  }
}

float Hair::mass(cv::Point2f p) const {
  using enum HairStyle;
  float volume = id_.hair_volume;
  float wobble = 0.0F;
  switch (id_.hair_style) {
    case bald:
      return 1.0F;
    case buzz:
      volume = 0.025F;
      break;
    case curly:
      volume = 0.12F + 1.3F * id_.hair_volume;
      wobble = 0.055F * texture_.octaves(p.x * 5.0F, p.y * 5.0F, 2);
      break;
    case tied_back:
      volume = 0.06F;
      break;
    default:
      // Lies flat from the temples down.
      volume *= 1.0F - 0.85F * smooth_step(-0.9F, 0.2F, p.y);
      wobble = 0.018F * texture_(p.x * 6.0F, p.y * 6.0F);
      break;
  }
  return head_.outline(p, volume) + wobble;
}

float Hair::fall_width(cv::Point2f p) const {
  // Follows the skull down to the ears, then hangs.
  const float skull =
      1.0F - std::pow(std::clamp((0.12F - p.y) / (0.12F - id_.skull_top), 0.0F, 1.0F), 2.25F);
  return (id_.face_width + 0.5F * id_.hair_volume) * std::pow(skull, 1.0F / 2.25F) +
         0.10F * smooth_step(0.0F, 1.3F, p.y) +
         0.03F * texture_(p.y * 2.0F, 3.0F + (p.x > 0.0F ? 5.0F : 0.0F));
}

float Hair::hairline(float x) const {
  using enum HairStyle;
  const float w = std::abs(x) / id_.face_width;
  const float temple = std::pow(std::min(w, 1.1F), id_.hair_style == tied_back ? 3.0F : 4.5F);
  const float sideburn = id_.hair_style == bald ? 0.0F : 0.22F;
  float line = id_.hairline + (sideburn - id_.hairline) * temple;
  if (id_.hair_style == side_part) {
    // Hair is combed from the parting across the forehead.
    const float from_part = x - id_.hair_part;
    line += 0.16F * smooth_step(0.0F, 0.9F, std::abs(from_part)) - 0.04F;
  }
  if (id_.fringe > 0.0F) {
    line = std::max(line, id_.hairline + id_.fringe * (1.0F - 0.25F * w) +
                              0.05F * texture_(x * 7.0F + 3.0F, 2.5F));
  }
  return line + 0.025F * texture_(x * 11.0F, 4.5F);
}

Colour Hair::colour_at(cv::Point2f p) const {
  const float top = id_.skull_top - id_.hair_volume;
  const float px = p.x - 0.6F * id_.hair_part;
  const float py = p.y - top + 0.12F;
  float strands = 0.0F;
  if (id_.hair_style == HairStyle::curly) {
    strands = 0.85F * texture_.octaves(p.x * 9.0F, p.y * 9.0F, 2);
  } else {
    // Strands fall from the parting: across them the angle changes, along them the distance.
    const float angle = p.y > 0.2F ? p.x * 1.6F : std::atan2(px, std::max(0.05F, py));
    const float along = p.y > 0.2F ? p.y : std::hypot(px, py);
    strands = texture_.octaves(angle * 13.0F + 4.0F, along * 1.3F, 3, 0.7F);
  }
  // The volume as an ellipsoid, for light and for the band of gloss.
  const float u = std::clamp(p.x / (id_.face_width + 0.25F), -1.0F, 1.0F);
  const float v = std::clamp((p.y - 0.1F) / 1.8F, -1.0F, 1.0F);
  const float facing = std::sqrt(std::max(0.0F, 1.0F - u * u - v * v));
  const float lx = scene_.light_x + pose_.light_x;
  const float ly = scene_.light_y + pose_.light_y;
  const float lz = std::sqrt(std::max(0.1F, 1.0F - lx * lx - ly * ly));
  const float diffuse = std::max(0.0F, u * lx + v * ly + facing * lz + 0.15F);
  const float band = hill(u - 0.5F * lx, v + 0.62F + 0.04F * strands, 0.0F, 0.0F, 0.75F, 0.20F);
  const float light = scene_.ambient + 0.85F * scene_.key * diffuse;
  Colour hair = id_.hair * std::max(0.15F, light * (1.0F + 0.42F * strands));
  hair += Colour(0.055F, 0.060F, 0.066F) * (band * std::max(0.0F, 1.0F + strands) * scene_.key);
  return hair;
}

void Hair::paint_back(Colour& canvas, cv::Point2f p) const {
  using enum HairStyle;
  if (id_.hair_style == bald || id_.hair_style == buzz) return;
  const float soft = std::max(pixel_, 0.03F);
  float distance = mass(p);
  const float x = std::abs(p.x);
  if (id_.hair_style == long_hair || id_.hair_style == bob) {
    const float end = id_.hair_style == bob ? 1.30F : 3.0F;
    const float width = fall_width(p);
    const float fall =
        std::max({x - width, -0.2F - p.y, p.y - end + 0.10F * texture_(p.x * 8.0F, 1.0F)});
    distance = std::min(distance, fall);
  } else if (p.y > 0.55F && id_.hair_style != curly) {
    return;
  }
  const float alpha = coverage(distance, soft);
  if (alpha > 0.0F) paint(canvas, colour_at(p) * 0.62F, alpha);
}

void Hair::paint_front(Colour& canvas, cv::Point2f p) const {
  using enum HairStyle;
  if (id_.hair_style == bald) return;
  const float soft = std::max(pixel_, id_.hair_style == buzz ? 0.07F : 0.035F);
  const cv::Point2f face = head_.to_face(p);
  float distance = std::max(mass(p), face.y - hairline(face.x));
  if (id_.hair_style == long_hair || id_.hair_style == bob) {
    // Locks that frame the face.
    const float end = id_.hair_style == bob ? 1.22F : 2.6F;
    const float inner = id_.face_width * (0.90F - 0.05F * smooth_step(-0.4F, 0.5F, p.y) +
                                          0.10F * smooth_step(0.9F, 1.7F, p.y)) +
                        0.03F * texture_(p.y * 3.0F, 7.0F);
    const float x = std::abs(p.x - 0.12F * std::sin(pose_.yaw));
    distance =
        std::min(distance, std::max({inner - x, x - fall_width(p), -0.75F - p.y, p.y - end}));
  }
  const float alpha = coverage(distance, soft) * (id_.hair_style == buzz ? 0.72F : 1.0F);
  if (alpha > 0.0F) {
    // A thin shadow at the hairline lifts the hair off the forehead.
    paint(canvas, colour_at(p), alpha);
  } else if (id_.hair_style != buzz) {
    paint(canvas, canvas * 0.6F, 0.55F * smooth_step(0.10F, 0.0F, distance));
  }
}

}  // namespace deepfake
