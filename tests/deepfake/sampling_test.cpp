// SPDX-License-Identifier: MIT
// What decides which images a step sees, without LibTorch: options, sampler, augmentation,
// schedule.
#include <algorithm>
#include <map>
#include <opencv2/imgproc.hpp>
#include <set>
#include <sstream>

#include "data/image_cache.hpp"
#include "sample_data.hpp"
#include "support/catch.hpp"
#include "text/progress.hpp"
#include "text/unknown_name.hpp"
#include "training/augment.hpp"
#include "training/options.hpp"
#include "training/sampler.hpp"
#include "training/schedule.hpp"
#include "training/training_set.hpp"

namespace deepfake {
namespace {

using testing::mentions;
using testing::message_of;
using testing::TemporaryFolder;

/// Reals r0, r1, r2 with 4 frames each; FF-A: a fake of each; FF-B: of r0 alone.
Index small_index() {
  Index index;
  const auto add = [&](const std::string& label, const std::string& name, bool is_fake,
                       std::optional<std::size_t> partner) {
    Video video;
    video.dataset = "FF";
    video.label = video.domain = label;
    video.split = "train";
    video.name = name;
    video.is_fake = is_fake;
    video.real_partner = partner;
    for (int n = 0; n < 4; ++n) {
      video.frames.emplace_back(label + '/' + name + '/' + std::to_string(n) + ".png");
    }
    index.videos.push_back(video);
  };
  for (const char* name : {"r0", "r1", "r2"}) add("FF-real", name, false, {});
  for (std::size_t n = 0; n < 3; ++n) add("FF-A", "a" + std::to_string(n), true, n);
  add("FF-B", "b0", true, 0);
  return index;
}

TEST_CASE("PairSampler: every step is balanced and every fake has its own real frame",
          "[sampler]") {
  const Index index = small_index();
  const PairSampler sampler(index, {"FF-A", "FF-B"}, {.pairs = 3, .seed = 7});
  CHECK((sampler.sizes() == std::vector<std::size_t>{12, 4}));
  CHECK(sampler.steps_per_epoch() == 4);
  CHECK(sampler.unpaired() == 0);
  const Epoch epoch = sampler.epoch(0);
  REQUIRE(epoch.size() == 2);
  std::map<std::pair<std::size_t, std::size_t>, int> seen;
  std::set<std::uint64_t> keys;
  for (std::size_t k = 0; k < 2; ++k) {
    REQUIRE(epoch[k].size() == 4 * 3);
    for (const SamplePair& pair : epoch[k]) {
      const Video& real = index.videos[pair.real.video];
      const Video& fake = index.videos[pair.fake.video];
      CHECK(fake.domain == sampler.domains()[k]);
      CHECK(pair.real.video == fake.real_partner);
      CHECK(real.frames[pair.real.frame].stem() == fake.frames[pair.fake.frame].stem());
      ++seen[{pair.fake.video, pair.fake.frame}];
      keys.insert(pair.key);
    }
  }
  CHECK(keys.size() == 24);
  for (const auto& [fake, times] : seen) {
    CHECK(times == (index.videos[fake.first].domain == "FF-A" ? 1 : 3));
  }
  CHECK(seen.size() == 16);
}

TEST_CASE("PairSampler: epochs depend on seed and number alone", "[sampler]") {
  const Index index = small_index();
  const PairSampler one(index, {"FF-A", "FF-B"}, {.pairs = 2, .seed = 3});
  const PairSampler same(index, {"FF-A", "FF-B"}, {.pairs = 2, .seed = 3});
  const PairSampler other(index, {"FF-A", "FF-B"}, {.pairs = 2, .seed = 4});
  (void)same.epoch(5);  // leaves no trace
  CHECK((one.epoch(1) == same.epoch(1)));
  CHECK((one.epoch(0) != one.epoch(1)));
  CHECK((one.epoch(0) != other.epoch(0)));
}

TEST_CASE("PairSampler: fakes without a real frame of their number are counted", "[sampler]") {
  Index index = small_index();
  index.videos[3].real_partner.reset();
  index.videos[4].frames[2] = "FF-A/a1/99.png";
  const PairSampler sampler(index, {"FF-A"}, {.pairs = 4});
  CHECK(sampler.unpaired() == 5);
  const Epoch epoch = sampler.epoch(0);
  for (const SamplePair& pair : epoch[0]) CHECK(!index.videos[pair.real.video].is_fake);
  CHECK(mentions(message_of([&] { PairSampler(index, {"FF-C"}, {.pairs = 1}); }), "FF-C"));
}

TEST_CASE("protocol_domains: all, leave one out, single", "[sampler]") {
  const std::vector<std::string> all{"FF-DF", "FF-F2F", "FF-NT"};
  CHECK((protocol_domains("all", all) == all));
  CHECK((protocol_domains("loo:FF-F2F", all) == std::vector<std::string>{"FF-DF", "FF-NT"}));
  CHECK((protocol_domains("single:FF-NT", all) == std::vector<std::string>{"FF-NT"}));
  CHECK(message_of([&] { protocol_domains("loo:FF-DT", all); }) ==
        "protocol loo:FF-DT: the data has no manipulation 'FF-DT' (did you mean 'FF-DF'?); choose "
        "one of FF-DF, FF-F2F, FF-NT");
  CHECK(mentions(message_of([&] { protocol_domains("most", all); }), "loo:NAME"));
  CHECK(mentions(message_of([] { protocol_domains("loo:FF-DF", {"FF-DF"}); }), "no manipulation"));
}

cv::Mat picture() {
  cv::Mat image(16, 16, CV_8UC3);
  cv::RNG random(5);
  random.fill(image, cv::RNG::UNIFORM, 60, 190);
  return image;
}

AugmentOptions none() {
  AugmentOptions options;
  options.flip = options.affine = options.brightness = options.contrast = options.jpeg =
      options.blur = 0;
  return options;
}

bool same(const cv::Mat& a, const cv::Mat& b) { return cv::norm(a, b, cv::NORM_INF) == 0; }

TEST_CASE("augment: depends on the key alone and leaves its input", "[augment]") {
  const cv::Mat image = picture();
  const cv::Mat before = image.clone();
  AugmentOptions options;
  options.jpeg = options.blur = options.affine = 1;
  const cv::Mat first = augment(image, options, 1);
  (void)augment(image, options, 2);
  CHECK(same(augment(image, options, 1), first));
  CHECK_FALSE(same(augment(image, options, 2), first));
  CHECK(same(image, before));
}

TEST_CASE("augment: each change can be switched off, or be the only one", "[augment]") {
  const cv::Mat image = picture();
  CHECK(same(augment(image, none(), 1), image));
  AugmentOptions off;
  off.augment = false;
  CHECK(same(augment(image, off, 1), image));

  AugmentOptions flip = none();
  flip.flip = 1;
  cv::Mat mirrored;
  cv::flip(image, mirrored, 1);
  CHECK(same(augment(image, flip, 1), mirrored));

  AugmentOptions light = none();
  light.brightness = 0.1;
  cv::Mat shift;
  cv::subtract(augment(image, light, 1), image, shift, {}, CV_32S);
  double low = 0, high = 0;
  cv::minMaxLoc(shift.reshape(1), &low, &high);
  CHECK(low == high);
  CHECK(std::abs(low) <= 26);
  CHECK(low != 0);

  for (double AugmentOptions::*change :
       {&AugmentOptions::affine, &AugmentOptions::jpeg, &AugmentOptions::blur}) {
    AugmentOptions one = none();
    one.*change = 1;
    const cv::Mat before = image.clone();
    CHECK_FALSE(same(augment(image, one, 3), before));
    CHECK(same(image, before));
  }
}

TEST_CASE("augment: JPEG keeps red red", "[augment]") {
  AugmentOptions jpeg = none();
  jpeg.jpeg = 1;
  const cv::Mat red(16, 16, CV_8UC3, cv::Scalar(200, 30, 60));
  const cv::Scalar mean = cv::mean(augment(red, jpeg, 1));
  CHECK(mean[0] == Approx(200).margin(4));
  CHECK(mean[1] == Approx(30).margin(4));
  CHECK(mean[2] == Approx(60).margin(4));
}

TEST_CASE("ImageCache: keeps frames up to its limit and reads RGB", "[cache]") {
  const TemporaryFolder folder;
  Index index;
  index.videos.emplace_back();
  for (const char* name : {"0.png", "1.png"}) {
    testing::write_picture(folder.path() / name, {10, 20, 200});  // blue, green, red
    index.videos[0].frames.push_back(folder.path() / name);
  }
  constexpr std::size_t one_image = 8 * 8 * 3;
  ImageCache cache(index, 8, one_image);
  CHECK(cache.get({0, 0}).at<cv::Vec3b>(3, 3) == cv::Vec3b(200, 20, 10));
  CHECK(cache.get({0, 1}).rows == 8);
  CHECK(cache.bytes() == one_image);
  std::filesystem::remove(folder.path() / "0.png");
  std::filesystem::remove(folder.path() / "1.png");
  CHECK(cache.get({0, 0}).rows == 8);
  CHECK(cache.get({0, 1}).at<cv::Vec3b>(3, 3) == cv::Vec3b(200, 20, 10));  // frame 0
  CHECK(cache.broken() == std::vector<std::filesystem::path>{folder.path() / "1.png"});
}

TEST_CASE("learning_rate: warm-up, then constant, cosine or steps", "[schedule]") {
  ScheduleOptions options;
  options.lr = 0.4;
  options.warmup_steps = 4;
  options.schedule = "constant";
  CHECK(learning_rate(options, 0, 10, 104) == Approx(0.1));
  CHECK(learning_rate(options, 3, 10, 104) == Approx(0.4));
  CHECK(learning_rate(options, 80, 10, 104) == Approx(0.4));
  options.schedule = "cosine";
  options.final_lr = 0.25;
  CHECK(learning_rate(options, 4, 10, 104) == Approx(0.4));
  CHECK(learning_rate(options, 54, 10, 104) == Approx(0.25));  // half-way
  CHECK(learning_rate(options, 29, 10, 104) ==
        Approx(0.3560660171780));  // 0.1 + 0.3 (1 + sqrt(1/2)) / 2
  CHECK(learning_rate(options, 103, 10, 104) > 0.1);
  options.schedule = "step";
  options.step_epochs = 2;
  options.step_gamma = 0.5;
  CHECK(learning_rate(options, 19, 10, 104) == Approx(0.4));
  CHECK(learning_rate(options, 20, 10, 104) == Approx(0.2));
  CHECK(learning_rate(options, 40, 10, 104) == Approx(0.1));
}

TEST_CASE("TrainOptions: survive the way through JSON", "[options]") {
  TrainOptions options;
  options.data = "somewhere";
  options.datasets = {"A", "B"};
  options.method.number("rho") = 0.07;
  options.method.number("rho-grad") = 0.03;
  options.method["rescale"] = std::optional(true);
  options.method["order-seed"] = std::optional<std::uint64_t>(18446744073709551615ULL);
  options.schedule.lr = 1.0 / 3;
  options.augment.augment = false;
  options.augment.jpeg_quality = 55;
  options.seed = 18446744073709551615ULL;
  TrainOptions copy;
  set_from_json(copy, nlohmann::ordered_json::parse(to_json(options).dump()), "file");
  CHECK(to_json(copy) == to_json(options));
  for (const MethodOption& option : options.method.all()) {
    CAPTURE(option.name);
    CHECK(copy.method[option.name] == option.value);
  }
  CHECK(copy.method.number("rho") == 0.07);
  CHECK_FALSE(copy.method.number("alpha"));
  CHECK(copy.seed == options.seed);
  CHECK(copy.schedule.lr == options.schedule.lr);
}

TEST_CASE("TrainOptions: a wrong name or value is named, with the file", "[options]") {
  TrainOptions options;
  const auto set = [&](const char* json) {
    return message_of(
        [&] { set_from_json(options, nlohmann::ordered_json::parse(json), "x.json"); });
  };
  CHECK(set(R"({"epohcs": 3})") == "x.json: unknown option 'epohcs': did you mean 'epochs'?");
  CHECK(mentions(set(R"({"epochs": "three"})"), "\"epochs\" cannot be \"three\""));
  CHECK(mentions(set(R"({"epochs": 2.5})"), "2.5"));
  CHECK(mentions(set(R"({"seed": -1})"), "-1"));
  CHECK(mentions(set(R"({"order-seed": -1})"), "option \"order-seed\" cannot be -1"));
  CHECK(mentions(set(R"({"order-seed": 0.5})"), "0.5"));
  CHECK(mentions(set(R"({"rescale": 1})"), "option \"rescale\" cannot be 1"));
  CHECK(set(R"({"rho_grad": 1})") == "x.json: unknown option 'rho_grad': did you mean 'rho-grad'?");
  CHECK(mentions(set("[]"), "object"));
  options.data = "d";
  options.augment.flip = 1.5;
  CHECK(message_of([&] { validate(options); }) == "option flip must be a probability, not 1.5");
  options.augment.flip = 0.5;
  options.base = "adamx";
  CHECK(message_of([&] { validate(options); }) == "unknown base 'adamx': did you mean 'adamw'?");
}

TEST_CASE("read_options: a plain file and a run's config.json", "[options]") {
  const TemporaryFolder folder;
  const auto file = folder.path() / "options.json";
  testing::write_text(file, R"({"epochs": 3})");
  CHECK(read_options(file.string())["epochs"] == 3);
  testing::write_text(file, R"({"name": "run", "options": {"epochs": 4}})");
  CHECK(read_options(file.string())["epochs"] == 4);
  testing::write_text(file, R"({"epochs": )");
  CHECK(mentions(message_of([&] { read_options(file.string()); }), "options.json"));
  CHECK(mentions(message_of([&] { read_options("/none.json"); }), "/none.json: cannot be opened"));
}

TEST_CASE("nearest: the fewest edits, if few enough", "[nearest]") {
  const std::vector<std::string> names{"erm", "sam", "asam", "sagm", "roga", "roga_pooled"};
  CHECK(nearest("rgoa", names) == "roga");
  CHECK(nearest("roga-pooled", names) == "roga_pooled");
  CHECK(nearest("sma", names) == "sam");
  CHECK(nearest("sgam", names) == "sagm");
  CHECK(nearest("lookahead", names).empty());
  CHECK(mentions(unknown_name("optimizer", "lookahead", names), "known are erm, sam"));
}

TEST_CASE("Progress: plain lines at tenths where there is no terminal", "[progress]") {
  std::ostringstream out;
  {
    Progress progress("train", 40, out, false);
    for (int n = 1; n <= 40; ++n) progress.update(n, "loss " + std::to_string(n));
    progress.print("done");
  }
  const std::string text = out.str();
  CHECK(std::ranges::count(text, '\n') == 11);
  CHECK(mentions(text, "train 4/40"));
  CHECK(mentions(text, "loss 40\ndone\n"));
  CHECK_FALSE(mentions(text, "\r"));
  CHECK(to_text(std::chrono::seconds(12)) == "12 s");
  CHECK(to_text(std::chrono::seconds(185)) == "3 min 05 s");
  CHECK(to_text(std::chrono::seconds(7620)) == "2 h 07 min");
}

TEST_CASE("load_training_set: data sets of one manipulation each share their reals", "[sampler]") {
  const TemporaryFolder folder;
  testing::MiniatureFaceForensics mini{.folder = folder.path()};
  mini.write();
  const Index index = load_index(locate_data(folder.path()));
  const std::vector<Index> parts = by_dataset(index, {.split = "test"});
  REQUIRE(parts.size() == 2);
  for (const Index& part : parts) {
    CHECK(std::ranges::count(part.videos, true, &Video::is_fake) == 2);
    CHECK(std::ranges::count(part.videos, false, &Video::is_fake) == 2);
    CHECK(count_frames(part) == 12);
  }
  CHECK(by_dataset(index, {.split = "test", .domains = {"FF-DF"}}).size() == 1);
  TrainOptions options;
  options.data = folder.path().string();
  CHECK(mentions(message_of([&] { load_training_set(options); }), "in split val"));
}

}  // namespace
}  // namespace deepfake
