// SPDX-License-Identifier: MIT
// predict, gradcam, robustness and export: what a trained detector is for.
#include <algorithm>
#include <iostream>
#include <memory>
#include <stdexcept>

#include "commands/commands.hpp"
#include "commands/face_options.hpp"
#include "commands/test_options.hpp"
#include "detection/export.hpp"
#include "detection/gradcam.hpp"
#include "detection/predict.hpp"
#include "detection/robustness.hpp"
#include "text/terminal.hpp"

namespace deepfake {

void add_predict(CLI::App& program) {
  auto* command = program.add_subcommand("predict", "Judge images, videos, and folders of them");
  command->footer(
      "Example: roga-deepfake predict --run runs/roga --crop-faces photo.jpg clip.mp4 folder\n"
      "The score is the detector's probability of a fake, 0 to 1. That of a frame is the highest "
      "of "
      "its faces', that of a video the mean of its frames'.");
  auto options = std::make_shared<PredictOptions>();
  auto faces = std::make_shared<FaceCropOptions>();
  auto crop = std::make_shared<bool>(false);
  auto json = std::make_shared<bool>(false);
  add_detector_options(*command, *options);
  command->add_option("inputs", options->inputs, "images, videos or folders")->required();
  command->add_option("--frames", options->frames, "of a video, evenly spaced; 0: all")
      ->capture_default_str();
  auto* threshold =
      command->add_option("--threshold", options->threshold, "above it the verdict is fake")
          ->check(CLI::Range(0.0, 1.0))
          ->capture_default_str();
  command
      ->add_option("--fpr", options->false_positive_rate,
                   "take the threshold above which this share of validation reals lay: 0.01, 0.02, "
                   "0.05, 0.1 or 0.2")
      ->check(CLI::Range(0.0, 1.0))
      ->excludes(threshold);
  command
      ->add_option("--abstain-below", options->abstain_below,
                   "say unsure where the calibrated confidence is less; 0: never")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command->add_flag("--crop-faces", *crop, "find faces and judge each; else the whole frame");
  auto* align = add_align_options(*command, *faces);
  command
      ->add_option("--margin", faces->margin,
                   "side of a crop over that of the face's box, or of the template")
      ->check(CLI::Range(0.5, 10.0))
      ->capture_default_str();
  add_cascade_option(*command, *faces, align);
  command->add_flag("--json", *json, "print JSON, with box and score of each face of each frame");
  command->callback([=] {
    faces->search = {};  // closely: a photograph may show many small faces
    if (*crop || faces->is_aligned()) options->faces = *faces;
    const Predictions predictions = predict(*options);
    for (const std::string& line : predictions.warnings) std::cerr << "warning: " << line << "\n";
    if (*json) {
      std::cout << to_json(predictions).dump(1) << "\n";
    } else {
      std::cout << to_text(predictions);
    }
    const auto is_judged = [](const Prediction& file) { return file.fault.empty(); };
    if (std::ranges::none_of(predictions.files, is_judged)) {
      throw std::runtime_error("no input could be judged");
    }
  });
}

void add_gradcam(CLI::App& program) {
  auto* command = program.add_subcommand("gradcam", "Draw where the detector looks, by Grad-CAM");
  command->footer("Example: roga-deepfake gradcam --run runs/roga --per-domain 6");
  auto options = std::make_shared<GradCamOptions>();
  add_test_options(*command, *options);
  command->add_option("--per-domain", options->per_domain, "frames of each label of a data set")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  auto faces = std::make_shared<FaceCropOptions>();
  add_align_options(*command, *faces);
  command->callback([=] {
    if (faces->is_aligned()) options->faces = *faces;
    const NoiseKeeper noise(options->run / "train.log");
    const auto rows = write_grad_cams(*options);
    std::cout << rows.size() << " pictures in the run's folder gradcam; report shows them\n";
  });
}

void add_robustness(CLI::App& program) {
  auto* command = program.add_subcommand(
      "robustness", "Evaluate under JPEG compression, blur, resizing and noise");
  command->footer("Example: roga-deepfake robustness --run runs/roga --corruptions jpeg blur");
  auto options = std::make_shared<TestOptions>();
  auto names = std::make_shared<std::vector<std::string>>();
  add_test_options(*command, *options);
  command->add_option("--corruptions", *names, "of jpeg, blur, resize and noise; all if not given");
  command->callback([=] {
    const NoiseKeeper noise(options->run / "train.log");
    std::cout << to_text(robustness(*options, *names));
  });
}

void add_export(CLI::App& program) {
  auto* command = program.add_subcommand("export", "Write the detector as TorchScript");
  command->footer(
      "Example: roga-deepfake export --run runs/roga --output detector.pt\n"
      "Input [N, 3, size, size], RGB in [-1, 1]; output [N] logits, above 0 means fake.");
  struct Options {
    std::filesystem::path run, output;
    std::string checkpoint = "best";
    int threads = 1;
    std::string device = "cpu";
  };
  auto options = std::make_shared<Options>();
  add_detector_options(*command, *options);
  command->add_option("--output", options->output,
                      "file to write; RUN/detector.ts.pt if not given");
  command->callback([=] {
    const TrainedDetector trained =
        open_trained(options->run, options->checkpoint, options->device);
    const auto file = options->output.empty() ? trained.run / "detector.ts.pt" : options->output;
    const Exported exported = export_detector(trained, file);
    std::cout << file.string() << ": " << exported.parameters
              << " parameters; reloaded, largest difference " << exported.difference << "\n";
  });
}

}  // namespace deepfake
