// SPDX-License-Identifier: MIT
#include "training/options.hpp"

#include <algorithm>
#include <stdexcept>

#include "data/pseudo_kinds.hpp"
#include "networks/normalisation.hpp"
#include "text/unknown_name.hpp"

namespace deepfake {
namespace {

using Json = nlohmann::ordered_json;

void require(bool holds, const std::string& name, const std::string& rule, const Json& value) {
  if (!holds) {
    throw std::runtime_error("option " + name + " must be " + rule + ", not " + value.dump());
  }
}

void validate_pseudo(const TrainOptions& options) {
  for (const std::string& kind : options.pseudo) {
    const std::vector<std::string> known = pseudo_kind_names();
    if (std::ranges::find(known, kind) == known.end()) {
      throw std::runtime_error(unknown_name("kind of option pseudo", kind, known));
    }
    require(std::ranges::count(options.pseudo, kind) == 1, "pseudo", "kinds that differ",
            options.pseudo);
  }
  if (options.protocol == "none" && options.pseudo.empty()) {
    throw std::runtime_error(
        "protocol none trains on no forgery of the data: name those to make, --pseudo self-blend");
  }
}

void validate_input(const ModelOptions& model) {
  for (const auto& [name, values] :
       {std::pair("mean", &model.mean), std::pair("std", &model.deviation)}) {
    require(values->empty() || values->size() == 1 || values->size() == 3, name,
            "one number or three", *values);
  }
  for (const double one : model.deviation) require(one > 0, "std", "more than 0", model.deviation);
  std::vector<std::string> known = normalisation_names();
  known.emplace_back("auto");
  if (std::ranges::find(known, model.normalisation) == known.end()) {
    throw std::runtime_error(unknown_name("normalisation", model.normalisation, known));
  }
  require(model.input_range >= 0, "input-range", "0 or more", model.input_range);
}

void require_one_of(const std::string& name, const std::string& value,
                    std::initializer_list<const char*> allowed) {
  const std::vector<std::string> names(allowed.begin(), allowed.end());
  if (std::ranges::find(names, value) == names.end()) {
    throw std::runtime_error(unknown_name(name, value, names));
  }
}

}  // namespace

void validate(const TrainOptions& options) {
  if (options.data.empty()) {
    throw std::runtime_error("--data is missing: the folder that make-data wrote, or your own");
  }
  require_one_of("norm", options.model.norm, {"batch", "group"});
  require_one_of("base", options.base, {"adamw", "adam", "sgd"});
  require_one_of("schedule", options.schedule.schedule, {"constant", "cosine", "step"});
  require_one_of("precision", options.precision, {"float32", "bfloat16", "float16"});
  if (options.precision == "float16" && !options.device.starts_with("cuda")) {
    throw std::runtime_error(
        "option precision must be bfloat16 or float32 on the cpu, not float16");
  }
  require_one_of("select", options.select, {"frame", "video"});
  require_one_of("pseudo-region", options.pseudo_region, {"aligned", "box"});
  validate_pseudo(options);
  validate_input(options.model);
  if (options.cache_frozen && (options.augment.augment || !options.pseudo.empty())) {
    throw std::runtime_error(
        "option cache-frozen needs images that stay the same: say --no-augment, and no --pseudo");
  }
  const auto positive = [](const char* name, auto value) {
    require(value > 0, name, "more than 0", value);
  };
  const auto not_negative = [](const char* name, auto value) {
    require(value >= 0, name, "0 or more", value);
  };
  const auto probability = [](const char* name, double value) {
    require(value >= 0 && value <= 1, name, "a probability", value);
  };
  require(options.model.width >= 8 && options.model.width % 8 == 0, "width", "a multiple of 8",
          options.model.width);
  require(options.model.size >= 16, "size", "16 or more", options.model.size);
  require(options.val_from_train >= 0 && options.val_from_train < 1, "val-from-train", "in [0, 1)",
          options.val_from_train);
  positive("lr", options.schedule.lr);
  positive("epochs", options.epochs);
  positive("pairs", options.pairs);
  positive("log-steps", options.log_steps);
  positive("threads", options.threads);
  positive("step-epochs", options.schedule.step_epochs);
  require(options.ema >= 0 && options.ema < 1, "ema", "in [0, 1)", options.ema);
  not_negative("patience", options.patience);
  require(options.workers >= 0 && options.workers <= 256, "workers", "0 to 256", options.workers);
  not_negative("cache-mb", options.cache_mb);
  not_negative("steps-per-epoch", options.steps_per_epoch);
  not_negative("checkpoint-steps", options.checkpoint_steps);
  not_negative("warmup-steps", options.schedule.warmup_steps);
  not_negative("final-lr", options.schedule.final_lr);
  not_negative("step-gamma", options.schedule.step_gamma);
  not_negative("frames-per-video", options.frames_per_video);
  not_negative("val-frames-per-video", options.val_frames_per_video);
  not_negative("weight-decay", options.weight_decay);
  not_negative("momentum", options.momentum);
  const AugmentOptions& augment = options.augment;
  probability("flip", augment.flip);
  probability("affine", augment.affine);
  probability("jpeg", augment.jpeg);
  probability("blur", augment.blur);
  require(augment.jpeg_quality >= 1 && augment.jpeg_quality <= 100, "jpeg-quality", "1 to 100",
          augment.jpeg_quality);
  probability("resample", augment.resample);
  not_negative("hue", augment.hue);
  require(augment.saturation >= 0 && augment.saturation <= 1, "saturation", "in [0, 1]",
          augment.saturation);
  not_negative("pca", augment.pca);
  not_negative("shift", augment.shift);
  require(augment.scale >= 0 && augment.scale < 1, "scale", "in [0, 1)", augment.scale);
  not_negative("rotation", augment.rotation);
  not_negative("brightness", augment.brightness);
  not_negative("contrast", augment.contrast);
  not_negative("blur-sigma", augment.blur_sigma);
}

}  // namespace deepfake
