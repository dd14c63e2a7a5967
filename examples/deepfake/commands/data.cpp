// SPDX-License-Identifier: MIT
// make-data and check-data.
#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <stdexcept>

#include "commands/commands.hpp"
#include "commands/options_on_command_line.hpp"
#include "commands/test_options.hpp"
#include "data/check.hpp"
#include "data/index.hpp"
#include "files/csv.hpp"
#include "photos/photo_set.hpp"
#include "runs/run_files.hpp"
#include "synthetic/audit.hpp"
#include "synthetic/generator.hpp"
#include "text/progress.hpp"

namespace deepfake {
namespace {

namespace fs = std::filesystem;

/// Every manipulation against its data set's reals: of the training families over all splits, of
/// the unseen sets over their test split.
std::vector<AuditedDomain> audit_data(const Index& index) {
  std::map<std::string, std::vector<fs::path>> reals;                          // by data set
  std::map<std::pair<std::string, std::string>, std::vector<fs::path>> fakes;  // and label
  for (const Video& video : index.videos) {
    auto& frames = video.is_fake ? fakes[{video.dataset, video.label}] : reals[video.dataset];
    frames.insert(frames.end(), video.frames.begin(), video.frames.end());
  }
  std::vector<AuditedDomain> domains;
  for (const auto& [key, frames] : fakes) {
    domains.push_back({key.second, audit(reals[key.first], frames)});
  }
  return domains;
}

void write_audit(const fs::path& file, const std::vector<AuditedDomain>& domains) {
  CsvTable table{file, {"statistic"}, {}};
  for (const AuditedDomain& domain : domains) table.columns.push_back(domain.name);
  for (std::size_t row = 0; row < domains.front().rows.size(); ++row) {
    std::vector<std::string> cells{domains.front().rows[row].statistic};
    for (const AuditedDomain& domain : domains) cells.push_back(to_csv(domain.rows[row].auc));
    table.rows.push_back(std::move(cells));
  }
  write_csv(table);
}

/// Says what could not be used; a folder of thousands of photographs must not flood the terminal.
void print_left_out(const std::vector<std::string>& lines) {
  constexpr std::size_t shown = 10;
  for (std::size_t i = 0; i < std::min(lines.size(), shown); ++i) {
    std::cout << (i == 0 ? "left out:\n" : "") << "  " << lines[i] << '\n';
  }
  if (lines.size() > shown) {
    std::cout << "  and " << lines.size() - shown << " more, listed in synthetic.json\n";
  }
}

/// @param make make_synthetic or make_photo_set
/// @param what what the set consists of
template <typename Options, typename Make>
void make_data(const Options& options, Make make, const char* what) {
  SyntheticSummary summary;
  {
    std::unique_ptr<Progress> progress;
    summary = make(options, [&](std::size_t done, std::size_t total) {
      if (!progress) progress = std::make_unique<Progress>("make-data", total);
      progress->update(static_cast<std::int64_t>(done));
    });
  }
  const std::string folder = options.output.string();
  if (summary.reused) {
    std::cout << folder << ": the same synthetic set is there already\n";
  } else {
    std::cout << folder << ": " << what << " of " << summary.identities << " identities\n";
  }
  print_left_out(summary.left_out);
  const Index index = load_index(locate_data(options.output));
  std::vector<AuditedDomain> domains = audit_data(index);
  write_audit(options.output / "audit.csv", domains);
  for (AuditedDomain& domain : domains) domain.name = domain_title(domain.name, true);
  std::cout
      << "\nShortcut audit: AUC of one hand-made statistic, fake against real (0.5: useless;\n"
         "below 0.5: lower in fakes)\n";
  print_audit(std::cout, domains);
}

}  // namespace

void add_make_data(CLI::App& program) {
  auto* command = program.add_subcommand("make-data",
                                         "Make a synthetic data set in DeepfakeBench's layout: "
                                         "rendered faces, or forgeries of your own photographs");
  command->footer(
      "Example: roga-deepfake make-data --output data --preset demo --seed 1\n"
      "Example: roga-deepfake make-data --photos pictures --output data --size 128\n"
      "A sub-folder of pictures holds one person's photographs; every face of the others is a "
      "person of its own.");
  auto photos = std::make_shared<PhotoOptions>();
  auto preset = std::make_shared<std::string>("demo");
  command->add_option("--output", photos->output, "folder to write")->required();
  auto* from_photos = command->add_option(
      "--photos", photos->photos, "forge the faces in this folder's photographs, render none");
  auto* cascade =
      command->add_option("--cascade", photos->cascade,
                          "face detector for --photos: a Haar cascade instead of OpenCV's own");
  cascade->needs(from_photos);
  auto no_crop = std::make_shared<bool>(false);
  command->add_flag("--no-crop", *no_crop, "the photographs are aligned face crops already")
      ->needs(from_photos)
      ->excludes(cascade);
  command->add_option("--preset", *preset, "quick, demo or full: numbers of identities and frames")
      ->excludes(from_photos)
      ->check(CLI::IsMember({"quick", "demo", "full"}))
      ->capture_default_str();
  auto given = std::make_shared<OptionsOnCommandLine<SyntheticOptions>>(*command);
  for (const char* name : {"train-identities", "val-identities", "test-identities",
                           "unseen-identities", "frames", "threads"}) {
    (*given)[name].check(CLI::PositiveNumber);
  }
  // Photographs have as many identities as they have.
  for (const char* name :
       {"train-identities", "val-identities", "test-identities", "unseen-identities"}) {
    (*given)[name].default_str("")->excludes(from_photos);
  }
  (*given)["frames"].default_str("");
  command->add_flag("--force", photos->force, "replace a set that was made with other options");
  command->callback([=] {
    SyntheticOptions options = given->over(SyntheticOptions::preset(*preset));
    options.output = photos->output;
    options.force = photos->force;
    if (command->count("--photos") == 0) {
      make_data(options, make_synthetic, "synthetic faces");
      return;
    }
    static_cast<SetOptions&>(*photos) = options;
    photos->crop = !*no_crop;
    make_data(*photos, make_photo_set, "synthetic forgeries of photographs");
  });
}

void add_check_data(CLI::App& program) {
  auto* command = program.add_subcommand(
      "check-data", "Count videos and frames, find missing or broken files and identity leaks");
  command->footer("Example: roga-deepfake check-data --data data");
  struct Options {
    std::string data, rgb_dir, compression, labels;
    std::vector<std::string> datasets;
    CheckOptions check;
    bool only_list = false;
  };
  auto options = std::make_shared<Options>();
  command->add_option("--data", options->data, "folder of the data, or an index file")->required();
  command->add_option("--rgb-dir", options->rgb_dir, "folder that frame paths start from");
  command->add_option("--datasets", options->datasets, "only these data sets");
  command->add_option("--compression", options->compression, "raw, c23 or c40");
  command->add_option("--labels", options->labels, "JSON file of labels of your own");
  command->add_flag("--no-images", options->only_list, "do not open the images");
  command->add_flag("--verify", options->check.all_bytes,
                    "add a hash of all bytes of the frames to the fingerprint");
  command->add_option("--threads", options->check.threads, "threads")->check(CLI::PositiveNumber);
  auto width = add_wide(*command);
  command->callback([=] {
    options->check.read_images = !options->only_list;
    const Labels labels = options->labels.empty() ? Labels() : read_labels(options->labels);
    const Index index =
        load_index(locate_data(options->data, options->rgb_dir),
                   {.keep = {.datasets = options->datasets, .compression = options->compression},
                    .labels = labels,
                    .keep_missing = true});
    const DataCheck check = check_data(index, options->check);
    std::cout << to_text(check, options->check.named_files, *width);
    if (!check.ok()) throw std::runtime_error(options->data + ": the data has faults, see above");
  });
}

}  // namespace deepfake
