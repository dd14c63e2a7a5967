// SPDX-License-Identifier: MIT
// What a training run depends on. Its list of fields serves the command line, the JSON of
// config.json and --config, and the comparison of runs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "options/fields.hpp"
#include "training/method_options.hpp"

namespace deepfake {

/// Random changes to a training image. A zero switches its change off.
struct AugmentOptions {
  bool augment = true;
  double flip = 0.5;        ///< probability
  double affine = 0.5;      ///< probability of shift, scale and rotation
  double shift = 0.04;      ///< at most, as a share of the side
  double scale = 0.06;      ///< at most, relative
  double rotation = 6;      ///< at most, degrees
  double brightness = 0.1;  ///< at most, as a share of full scale
  double contrast = 0.1;    ///< at most, relative
  double jpeg = 0.2;        ///< probability
  int jpeg_quality = 70;    ///< lowest; the highest is 100
  double blur = 0.1;        ///< probability
  double blur_sigma = 0.6;  ///< at most, pixels
  double resample = 0;      ///< probability of scaling down and up again
  double hue = 0;           ///< at most, degrees
  double saturation = 0;    ///< at most, relative
  double pca = 0;           ///< deviation along the principal axes of colour
  bool pair_augment = true;

  template <class Visit>
  void visit(Visit&& field) {
    field("augment", augment, "change training images at random");
    field("flip", flip, "probability of a horizontal flip");
    field("affine", affine, "probability of shift, scale and rotation");
    field("shift", shift, "largest shift, as a share of the side");
    field("scale", scale, "largest relative change of scale");
    field("rotation", rotation, "largest rotation in degrees");
    field("brightness", brightness, "largest change of brightness, as a share of full scale");
    field("contrast", contrast, "largest relative change of contrast");
    field("jpeg", jpeg, "probability of JPEG compression");
    field("jpeg-quality", jpeg_quality, "lowest JPEG quality");
    field("blur", blur, "probability of Gaussian blur");
    field("blur-sigma", blur_sigma, "largest blur in pixels");
    field("resample", resample, "probability of scaling down, by up to a half, and up again");
    field("hue", hue, "largest change of hue in degrees");
    field("saturation", saturation, "largest relative change of saturation");
    field("pca", pca, "strength of noise along the principal axes of colour");
    field("pair-augment", pair_augment, "change a real frame and its fake in the same way");
  }
};

struct ModelOptions {
  std::string model = "residual-small";
  int width = 16;
  std::string norm = "batch";  ///< batch or group
  int size = 64;               ///< images are resized to size x size pixels
  std::string normalisation = "auto";
  std::vector<double> mean;  ///< empty: that of the normalisation
  std::vector<double> deviation;
  double input_range = 0;  ///< 0: that of the normalisation

  template <class Visit>
  void visit(Visit&& field) {
    field("model", model,
          "network: residual-small, conv-small, resnet-18, xception, efficientnet-b4, "
          "dlib-resnet-34, or a TorchScript file");
    field("width", width,
          "residual-small, conv-small: channels of the first stage, a multiple of 8");
    field("norm", norm, "residual-small: normalisation, batch or group");
    field("size", size, "image size in pixels");
    field("normalisation", normalisation,
          "what the network is given for a pixel: deepfakebench (-1 to 1), imagenet, clip, dlib, "
          "unit (0 to 1), or auto: dlib of dlib-resnet-34, else deepfakebench");
    field("mean", mean,
          "three numbers, or one, in place of the normalisation's: a pixel is given as (value - "
          "mean) / std");
    field("std", deviation, "three numbers, or one, in place of the normalisation's");
    field("input-range", input_range,
          "value of a white pixel before mean and std, 1 or 255; 0: the normalisation's");
  }
};

struct ScheduleOptions {
  std::string schedule = "cosine";  ///< constant, cosine or step
  double lr = 2e-3;
  int warmup_steps = 20;
  double final_lr = 0.01;  ///< cosine: lr at the end, as a share of lr
  int step_epochs = 10;    ///< step: epochs between two drops
  double step_gamma = 0.1;

  template <class Visit>
  void visit(Visit&& field) {
    field("schedule", schedule, "learning-rate schedule: constant, cosine or step");
    field("lr", lr, "learning rate");
    field("warmup-steps", warmup_steps, "steps over which the learning rate rises from 0");
    field("final-lr", final_lr, "cosine: last learning rate, as a share of lr");
    field("step-epochs", step_epochs, "step: epochs between two drops");
    field("step-gamma", step_gamma, "step: factor of a drop");
  }
};

struct TrainOptions {
  std::string data;
  std::string rgb_dir;
  std::string compression;
  std::vector<std::string> datasets;
  std::string labels;
  std::string protocol = "all";
  double val_from_train = 0;
  bool allow_shared_people = false;
  int frames_per_video = 0;
  int val_frames_per_video = 0;
  std::vector<std::string> pseudo;
  std::string pseudo_region = "aligned";
  ModelOptions model;
  std::string weights;
  std::vector<std::string> train_only;
  std::vector<std::string> freeze;
  bool cache_frozen = false;
  std::string optimizer = "roga";
  std::string base = "adamw";
  MethodOptions method;
  ScheduleOptions schedule;
  double weight_decay = 1e-2;
  double momentum = 0.9;
  bool protect = true;
  double ema = 0;
  int epochs = 10;
  int patience = 0;
  int steps_per_epoch = 0;
  int pairs = 8;
  AugmentOptions augment;
  std::uint64_t seed = 0;
  std::string select = "frame";
  int log_steps = 10;
  int checkpoint_steps = 100;
  std::string precision = "float32";
  std::string device = "cpu";
  int threads = 1;
  int workers = 1;
  int cache_mb = 2048;

  /// Calls field(name, value, description) for each option.
  template <class Visit>
  void visit(Visit&& field) {
    field("data", data, "folder of the data: index files (dataset_json/) and frames (rgb/)");
    field("rgb-dir", rgb_dir, "folder that frame paths start from, if it is elsewhere");
    field("compression", compression, "raw, c23 or c40, where the data has several");
    field("datasets", datasets, "data sets to train on; all that have a train split if not given");
    field("labels", labels, "JSON file that names classes and domains of labels of your own");
    field("protocol", protocol,
          "manipulations to train on: all, loo:NAME (all but NAME), single:NAME, or none, with "
          "--pseudo");
    field("val-from-train", val_from_train,
          "make the validation split from this share of the training people, in place of the "
          "index's own; 0: use that");
    field("allow-shared-people", allow_shared_people,
          "train though people, or whole videos, are in two splits; the report says so");
    field("frames-per-video", frames_per_video, "training frames per video, evenly spaced; 0: all");
    field("val-frames-per-video", val_frames_per_video, "validation frames per video; 0: all");
    field("pseudo", pseudo,
          "kinds of forgeries to make from real frames while training, each a domain: self-blend, "
          "region-swap, resample, recolour, warp, recompress");
    field("pseudo-region", pseudo_region,
          "where a face without landmarks is: aligned (DeepfakeBench's crops, rendered faces) or "
          "box (crops by a detector's box, make-data --photos)");
    model.visit(field);
    field("weights", weights,
          "file of weights to begin with, loaded by name: TorchScript, a checkpoint, or a dict");
    field("train-only", train_only,
          "train these alone: normalisation (scale and shift of every normalisation layer), parts "
          "or parameters by name, with * and ? for any letters: layer4 *adapter* *.bias");
    field("freeze", freeze, "parts of the network to leave as they are, by name: layer1 layer2.0");
    field("cache-frozen", cache_frozen,
          "work out what the frozen first stages make of each image once, and keep it, within "
          "cache-mb; needs --no-augment");
    field("optimizer", optimizer, optimizer_description());
    field("base", base, "optimizer underneath: adamw, adam or sgd");
    method.visit(field);
    schedule.visit(field);
    field("weight-decay", weight_decay, "weight decay of the optimizer underneath");
    field("momentum", momentum, "momentum of sgd");
    field("protect", protect,
          "running statistics and dropout masks are those of a step's first pass, at the "
          "unperturbed weights");
    field("ema", ema,
          "decay of an exponential moving average of the weights, which is then what is validated, "
          "chosen and kept: 0.999 for example; 0: none");
    field("epochs", epochs, "epochs");
    field("patience", patience, "stop after so many epochs without a better val AUC; 0: never");
    field("steps-per-epoch", steps_per_epoch, "0: once through the largest domain");
    field("pairs", pairs, "real frames, each with its fake, per domain and step");
    augment.visit(field);
    field("seed", seed, "seed of weights, batches and augmentation");
    field("select", select, "the best checkpoint has the highest mean AUC on val: frame or video");
    field("log-steps", log_steps, "steps per row of history.csv");
    field("checkpoint-steps", checkpoint_steps, "steps between checkpoints; 0: once an epoch");
    field("precision", precision, "of the passes: float32, bfloat16, or float16 (on cuda)");
    field("device", device, "cpu, cuda or cuda:N");
    field("threads", threads, "threads of LibTorch");
    field("workers", workers, "steps whose images are prepared ahead; 0: none. Changes no result");
    field("cache-mb", cache_mb, "images kept in memory, at most; the rest is read again");
  }
};

/// @throws std::runtime_error naming the option, the rule and the value
void validate(const TrainOptions& options);

}  // namespace deepfake
