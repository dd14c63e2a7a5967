// SPDX-License-Identifier: MIT
// import.
#include <algorithm>
#include <iostream>
#include <memory>
#include <thread>

#include "commands/commands.hpp"
#include "commands/face_options.hpp"
#include "commands/test_options.hpp"
#include "data/check.hpp"
#include "data/identities.hpp"
#include "data/import.hpp"
#include "data/index.hpp"
#include "text/progress.hpp"
#include "text/terminal.hpp"

namespace deepfake {
namespace {

void import_and_count(const ImportOptions& options, std::size_t width) {
  const NoiseKeeper noise(options.output / "import.log");
  ImportResult result;
  {
    std::unique_ptr<Progress> progress;
    result = import_data(options, [&](std::size_t done, std::size_t total) {
      if (!progress) {
        progress = std::make_unique<Progress>("import", static_cast<std::int64_t>(total));
      }
      progress->update(static_cast<std::int64_t>(done));
    });
  }
  const std::size_t reused = result.frames - result.written - result.in_place;
  std::cout << options.output.string() << ": " << result.kind << ", " << result.videos
            << " videos, " << result.frames << " frames (" << result.written << " written, "
            << reused << " there already, " << result.in_place << " listed where they are)\n";
  const std::string faults = to_text(result.faults);
  if (!faults.empty()) {
    std::cout << faults << "\nall of it in " << (options.output / "left_out.csv").string() << '\n';
  }
  const Index index =
      load_index(locate_data(options.output), {.keep = {.datasets = result.datasets}});
  if (const std::size_t people = count_numbered_people(index); people > 0) {
    std::cout << "people by the numbers in names: " << people << " people\n";
  }
  std::cout << '\n' << to_text(check_data(index, {.read_images = false}), 5, width);
}

}  // namespace

std::string face_alignment() {
  const std::string version = dlib_version();
  return version.empty() ? "without dlib" : version;
}

void add_import(CLI::App& program) {
  auto* command = program.add_subcommand(
      "import", "Turn raw FaceForensics++, Celeb-DF or folders of videos and images into data");
  command->footer(
      "Example: roga-deepfake import --from FaceForensics++ --output data --align dlib\n"
      "         roga-deepfake import --from mine --output data --name mine\n"
      "where mine/ holds real/ and a folder for each kind of fake, possibly below train/, val/ and "
      "test/");
  auto options = std::make_shared<ImportOptions>();
  options->threads = std::max(1U, std::thread::hardware_concurrency());
  command->add_option("--from", options->from, "folder of the raw data")->required();
  command->add_option("--output", options->output, "folder to write")->required();
  command->add_option("--name", options->name, "of a tree's data set; the output's if not given");
  command->add_option("--frames", options->frames, "per video, evenly spaced; 0: all")
      ->capture_default_str();
  command->add_flag("--crop-faces", options->crop_faces,
                    "cut out a face of each frame: the largest, then the same person's");
  auto* align = add_align_options(*command, options->face);
  auto people = std::make_shared<std::string>("one");
  command
      ->add_option("--people", *people,
                   "one: the largest face and then the same person's; each: a video for every "
                   "person")
      ->check(CLI::IsMember({"one", "each"}))
      ->capture_default_str();
  command
      ->add_option("--margin", options->face.margin,
                   "side of the crop over that of the face's box, or of the template")
      ->check(CLI::Range(0.5, 10.0))
      ->capture_default_str();
  command->add_option("--size", options->face.size, "side of the crop in pixels")
      ->check(CLI::Range(8, 4096))
      ->capture_default_str();
  add_cascade_option(*command, options->face, align);
  command->add_option("--compression", options->compression, "raw, c23 or c40")
      ->check(CLI::IsMember({"raw", "c23", "c40"}))
      ->capture_default_str();
  command->add_option("--seed", options->seed, "of the splits, where the data has none")
      ->capture_default_str();
  command->add_option("--threads", options->threads, "the result does not depend on it")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  auto width = add_wide(*command);
  command->callback([=] {
    options->every_person = *people == "each";
    import_and_count(*options, *width);
  });
}

}  // namespace deepfake
