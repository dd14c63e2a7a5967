// SPDX-License-Identifier: MIT
#include "synthetic/features.hpp"

#include <cmath>

namespace deepfake {

Colour Features::skin_albedo(cv::Point2f p) const {
  const float x = std::abs(p.x);
  Colour skin = id_.skin;
  // Blood lies near the surface of cheeks, nose and chin.
  const float red = hill(x, p.y, 0.55F, 0.50F, 0.42F, 0.38F) +
                    0.8F * hill(x, p.y, 0.0F, id_.nose_length, 0.24F, 0.26F) +
                    0.3F * hill(x, p.y, 0.0F, 1.50F, 0.35F, 0.25F);
  const float blush = 1.5F * id_.blush * red;
  skin = skin.mul(Colour(1.0F - blush, 1.0F - 0.9F * blush, 1.0F - 0.1F * blush));
  // Thin skin around the eyes.
  const float socket = hill(x, p.y, id_.eye_distance, 0.02F, 0.42F, 0.28F);
  skin = skin.mul(Colour(1.0F - 0.14F * socket, 1.0F - 0.22F * socket, 1.0F - 0.18F * socket));
  const float lid = hill(x, p.y, id_.eye_distance, -0.10F, 0.32F, 0.15F);
  skin = mix(skin, skin.mul(Colour(0.62F, 0.45F, 0.58F)), id_.eye_shadow * lid);

  const float mottle = texture_.octaves(p.x * 4.5F + 3.0F, p.y * 4.5F + 11.0F, 3, 0.6F);
  const float pores = texture_(p.x * 24.0F, p.y * 24.0F + 31.0F);
  skin *= 1.0F + id_.mottling * mottle + 0.35F * id_.mottling * pores;
  if (id_.freckles > 0.0F) {
    const float spots = texture_(p.x * 15.0F + 40.0F, p.y * 15.0F);
    const float where = hill(x, p.y, 0.40F, 0.38F, 0.60F, 0.40F);
    const float alpha = id_.freckles * where * smooth_step(0.42F, 0.75F, spots);
    skin = mix(skin, skin.mul(Colour(0.42F, 0.50F, 0.64F)), alpha);
  }
  if (id_.wrinkles > 0.0F) {
    const float lines = std::sin(p.y * 38.0F + 2.5F * texture_(p.x * 1.5F, p.y * 2.0F));
    const float forehead = hill(p.x, p.y, 0.0F, -0.62F, 0.62F, 0.26F);
    const float bags = hill(x, p.y, id_.eye_distance, 0.24F, 0.26F, 0.07F);
    skin *= 1.0F - id_.wrinkles * (0.10F * forehead * std::max(0.0F, lines) + 0.22F * bags);
  }
  return skin;
}

void Features::paint_over(Colour& canvas, cv::Point2f face, const Shade& shade) const {
  paint_beard(canvas, face, shade);
  paint_nostrils(canvas, face);
  paint_mouth(canvas, face, shade);
  paint_eye(canvas, face, shade);
  paint_brow(canvas, face, shade);
}

void Features::paint_beard(Colour& canvas, cv::Point2f p, const Shade& shade) const {
  if (id_.stubble <= 0.0F && id_.beard <= 0.0F) return;
  const float x = std::abs(p.x);
  if (p.y < 0.05F) return;
  // Cheek line from the ear down to the corner of the mouth; a moustache above the lip.
  const float cheek_line = 1.02F - 0.85F * std::max(0.0F, x - 0.30F);
  float where =
      smooth_step(cheek_line - 0.06F, cheek_line + 0.16F, p.y) * smooth_step(0.05F, 0.30F, p.y);
  const float moustache = hill(x, p.y, 0.16F, 0.80F, 0.42F, 0.15F);
  where = std::max(where, smooth_step(0.15F, 0.6F, moustache));
  where *= 1.0F - 0.55F * hill(x, p.y, 0.0F, 1.27F, 0.16F, 0.09F);
  if (where <= 0.0F) return;
  const float strands = texture_(p.x * 22.0F + 9.0F, p.y * 9.0F + 3.0F);
  const Colour hair = id_.hair * 0.85F;
  const float patchy = std::clamp(0.85F + 0.35F * strands, 0.0F, 1.0F);
  paint(canvas, shade.on(hair * (1.0F + 0.5F * strands)),
        where * std::max(0.38F * id_.stubble, id_.beard * patchy));
}

void Features::paint_eye(Colour& canvas, cv::Point2f p, const Shade& shade) const {
  const float side = p.x < 0.0F ? -1.0F : 1.0F;
  const float lx = p.x * side - id_.eye_distance;  // outwards
  const float ly = p.y - id_.eye_tilt * lx;
  const float a = id_.eye_width;
  if (std::abs(lx) > 1.6F * a || std::abs(ly) > 0.34F) return;

  const float t = lx / a;
  const float arch = std::max(0.0F, 1.0F - t * t);
  const float smile = std::max(0.0F, pose_.smile);
  // The upper lid peaks a little inside of the middle, the lower one outside.
  const float upper = -id_.eye_height * pose_.eyelid * std::pow(arch, 0.70F) * (1.0F - 0.14F * t);
  const float lower = id_.eye_height * (0.62F - 0.14F * smile) * arch * (1.0F + 0.18F * t);
  const float opening = std::max(upper - ly, ly - lower);
  const float soft = std::max(pixel_, 0.012F);
  const float inside = coverage(opening, soft) * coverage(std::abs(lx) - a, soft);

  // Crease of the upper lid and a shadow under the lower one.
  const float crease = std::abs(ly - (upper * 1.02F - id_.lid_crease * (0.4F + 0.6F * arch)));
  const float crease_alpha =
      0.36F * smooth_step(0.030F, 0.004F, crease) * smooth_step(0.0F, 0.35F, arch);
  paint(canvas, canvas.mul(Colour(0.40F, 0.42F, 0.50F)), crease_alpha);
  const float under = std::abs(ly - lower - 0.018F);
  paint(canvas, canvas.mul(Colour(0.45F, 0.45F, 0.55F)),
        0.40F * smooth_step(0.024F, 0.0F, under) * smooth_step(0.0F, 0.3F, arch));

  if (inside > 0.0F) {
    const float lid_shadow = smooth_step(0.0F, 0.085F, ly - upper);
    const float corner = smooth_step(1.0F, 0.55F, std::abs(t));
    Colour eye = Colour(0.66F, 0.68F, 0.70F) * (0.50F + 0.32F * corner + 0.18F * lid_shadow);
    if (t < -0.80F) eye = mix(eye, Colour(0.22F, 0.22F, 0.50F), 0.5F);  // caruncle

    const float gx = lx - side * pose_.gaze_x;
    const float gy = ly - pose_.gaze_y + 0.01F;
    const float r = std::hypot(gx, gy) / id_.iris_radius;
    const float in_iris = coverage((r - 1.0F) * id_.iris_radius, soft);
    if (in_iris > 0.0F) {
      const float angle = std::atan2(gy, gx);
      const float rays = texture_(angle * 5.0F + 20.0F, r * 2.0F + 7.0F);
      Colour iris =
          id_.iris * (1.15F + 0.45F * rays + 0.5F * smooth_step(-0.4F, 1.0F, gy / id_.iris_radius));
      iris *= 1.0F - 0.75F * smooth_step(0.72F, 1.0F, r);
      iris =
          mix(iris, Colour(0.006F, 0.006F, 0.006F), coverage((r - 0.44F) * id_.iris_radius, soft));
      eye = mix(eye, iris, in_iris);
    }
    eye *= 0.30F + 0.70F * lid_shadow;
    eye = shade.on(eye) * 0.75F + eye * 0.25F;
    const float hx = gx * side - 0.042F * (scene_.light_x + pose_.light_x > 0.0F ? 1.0F : -1.0F);
    const float highlight = coverage(std::hypot(hx, gy + 0.042F) - 0.026F, soft);
    paint(eye, Colour(0.95F, 0.95F, 0.95F), 0.9F * highlight);
    paint(canvas, eye, inside);
  }

  // Lashes: thicker outwards, and a little beyond the corner.
  const float tail =
      smooth_step(1.28F, 0.95F, std::abs(t)) * (t > 0.0F ? 1.0F : smooth_step(-1.1F, -0.8F, t));
  const float lash_line = upper + (t > 0.9F ? 0.08F * (t - 0.9F) : 0.0F) - 0.006F;
  const float thickness = 0.017F + 0.012F * smooth_step(-0.6F, 0.8F, t) + 0.014F * id_.eye_shadow;
  const float lash =
      smooth_step(thickness + soft, thickness - 0.5F * soft, std::abs(ly - lash_line));
  paint(canvas, mix(Colour(0.012F, 0.012F, 0.014F), id_.hair * 0.2F, 0.4F), 0.9F * lash * tail);
}

void Features::paint_brow(Colour& canvas, cv::Point2f p, const Shade& shade) const {
  const float x = std::abs(p.x);
  const float u = (x - 0.13F) / 0.66F;
  if (u < -0.1F || u > 1.1F || p.y > 0.0F || p.y < -0.75F) return;
  const float uc = std::clamp(u, 0.0F, 1.0F);
  const float arch = id_.brow_arch * 4.0F * std::pow(uc, 1.5F) * (1.0F - uc) * 1.3F;
  const float centre =
      -id_.brow_height - pose_.brow_raise - arch + id_.brow_slant * (uc - 0.4F) + 0.10F * uc * uc;
  const float thickness =
      id_.brow_thickness * (1.05F - 0.75F * uc * uc) * smooth_step(-0.1F, 0.15F, u);
  const float d = std::abs(p.y - centre) - thickness;
  const float ends = smooth_step(-0.08F, 0.08F, u) * smooth_step(1.06F, 0.90F, u);
  const float strands = texture_(x * 26.0F + p.y * 22.0F, (p.y - x * 0.5F) * 10.0F + 13.0F);
  const float soft = std::max(0.030F, pixel_);
  const float alpha = id_.brow_density * ends * smooth_step(soft, -soft, d) *
                      std::clamp(0.85F + 0.40F * strands, 0.0F, 1.0F);
  paint(canvas, shade.on(id_.hair * 0.55F), alpha);
}

void Features::paint_nostrils(Colour& canvas, cv::Point2f p) const {
  const float y = id_.nose_length + 0.075F;
  if (std::abs(p.y - y) > 0.2F) return;
  const float x = std::abs(p.x - 0.20F * std::sin(pose_.yaw));
  const float hole = hill(x, p.y + 0.25F * (x - 0.09F), id_.nose_width * 0.50F, y, 0.095F, 0.052F);
  paint(canvas, canvas.mul(Colour(0.06F, 0.07F, 0.12F)), 0.95F * smooth_step(0.08F, 0.7F, hole));
  // Crease around the wing.
  const float wing =
      std::hypot((x - id_.nose_width * 0.88F) / 1.0F, (p.y - id_.nose_length - 0.005F) / 1.1F);
  if (x > id_.nose_width * 0.9F) {
    paint(canvas, canvas.mul(Colour(0.45F, 0.48F, 0.60F)),
          0.45F * smooth_step(0.040F, 0.0F, std::abs(wing - 0.125F)));
  }
}

struct Features::Mouth {
  float t, arch, inner_top, inner_bottom, outer_top, outer_bottom;
};

Features::Mouth Features::mouth_at(cv::Point2f p) const {
  Mouth m{};
  const float smile = pose_.smile;
  const float width = id_.mouth_width * (1.0F + 0.14F * smile - 0.10F * pose_.mouth_open);
  m.t = p.x / width;
  m.arch = std::max(0.0F, 1.0F - m.t * m.t);
  const float line = 1.0F + 0.035F * smile - 0.135F * smile * m.t * m.t;
  const float thin = 1.0F - 0.22F * std::max(0.0F, smile);
  const float bow = std::exp(-m.t * m.t / 0.022F);
  const float opening = 0.25F * pose_.mouth_open * std::pow(m.arch, 0.55F);
  m.inner_top = line - 0.30F * opening + 0.012F * bow;
  m.inner_bottom = line + 0.80F * opening;
  m.outer_top =
      m.inner_top - id_.upper_lip * thin * std::pow(m.arch, 0.75F) * (1.12F - id_.cupid_bow * bow);
  m.outer_bottom = m.inner_bottom + id_.lower_lip * thin * std::pow(m.arch, 0.60F);
  return m;
}

void Features::paint_mouth(Colour& canvas, cv::Point2f p, const Shade& shade) const {
  if (p.y < 0.70F || p.y > 1.65F || std::abs(p.x) > 0.75F) return;
  const Mouth m = mouth_at(p);
  const float soft = std::max(pixel_, 0.014F);
  const float ends = smooth_step(1.04F, 0.96F, std::abs(m.t));

  const float outer = std::max(m.outer_top - p.y, p.y - m.outer_bottom);
  const float lip_alpha = coverage(outer, 1.8F * soft) * ends;
  if (lip_alpha > 0.0F) {
    const bool upper = p.y < 0.5F * (m.inner_top + m.inner_bottom);
    Colour lip = id_.lips;
    if (upper) {
      lip *= 0.72F;
    } else {
      const float v = (p.y - m.inner_bottom) / std::max(0.02F, m.outer_bottom - m.inner_bottom);
      lip *= 0.80F + 0.42F * hill(m.t, v, 0.0F, 0.42F, 0.75F, 0.55F);
    }
    lip *= 1.0F + 0.10F * texture_(p.x * 26.0F, p.y * 5.0F + 50.0F);
    paint(canvas, shade.on(lip), 0.88F * lip_alpha);
  }

  const float gap = m.inner_bottom - m.inner_top;
  const float inner = std::max(m.inner_top - p.y, p.y - m.inner_bottom);
  const float open_alpha = coverage(inner, soft) * ends * smooth_step(0.01F, 0.05F, gap);
  if (open_alpha > 0.0F) {
    Colour inside(0.010F, 0.010F, 0.030F);
    const float tongue = hill(p.x, p.y, 0.0F, m.inner_bottom + 0.02F, 0.26F, 0.12F);
    inside = mix(inside, Colour(0.06F, 0.055F, 0.22F), smooth_step(0.1F, 0.7F, tongue));
    const float teeth_end = m.inner_top + 0.105F - 0.05F * m.t * m.t;
    const float seams =
        1.0F - 0.22F * smooth_step(0.35F, 0.0F, std::abs(std::remainder(p.x, 0.092F)) / 0.02F);
    const Colour tooth = Colour(0.56F, 0.66F, 0.70F) * (seams * (1.0F - 0.55F * m.t * m.t));
    inside = mix(inside, tooth,
                 coverage(p.y - teeth_end, soft) * smooth_step(0.92F, 0.78F, std::abs(m.t)));
    inside *= 0.55F + 0.45F * smooth_step(0.0F, 0.05F, p.y - m.inner_top);
    paint(canvas, inside * (0.35F + 0.65F * shade.level), open_alpha);
  }
  // The line between the lips, and the corners.
  const float line = std::abs(p.y - m.inner_top);
  const float line_alpha =
      0.75F * smooth_step(0.028F, 0.004F, line) * smooth_step(1.06F, 0.98F, std::abs(m.t));
  paint(canvas, canvas.mul(Colour(0.20F, 0.20F, 0.28F)),
        line_alpha * smooth_step(0.20F, 0.05F, gap));
  const float corner = hill(std::abs(m.t), p.y, 1.02F, m.inner_top, 0.16F, 0.07F);
  paint(canvas, canvas.mul(Colour(0.45F, 0.45F, 0.55F)), 0.6F * corner);
}

void Features::paint_glasses(Colour& canvas, cv::Point2f p) const {
  if (!id_.glasses || p.y < -0.5F || p.y > 0.5F) return;
  const float x = std::abs(p.x);
  const float lx = (x - id_.eye_distance - 0.02F) / 0.40F;
  const float ly = (p.y - 0.05F) / 0.29F;
  const float r =
      std::pow(std::pow(std::abs(lx), 3.0F) + std::pow(std::abs(ly), 3.0F), 1.0F / 3.0F);
  const float soft = std::max(pixel_, 0.012F);
  const float rim = coverage(std::abs(r - 1.0F) * 0.32F - 0.020F, soft);
  const float bridge =
      x < 0.12F ? coverage(std::abs(p.y + 0.04F - 0.9F * x * x) - 0.016F, soft) : 0.0F;
  const float temple = x > id_.eye_distance + 0.40F && x < id_.face_width
                           ? coverage(std::abs(p.y + 0.02F) - 0.018F, soft)
                           : 0.0F;
  if (r < 1.0F) {
    const float glare = smooth_step(0.10F, 0.0F, std::abs(lx + ly * 0.6F - 0.45F)) * 0.12F;
    paint(canvas, Colour(0.8F, 0.8F, 0.8F), glare);
  }
  paint(canvas, Colour(0.020F, 0.018F, 0.018F), 0.9F * std::max({rim, bridge, temple}));
}

}  // namespace deepfake
