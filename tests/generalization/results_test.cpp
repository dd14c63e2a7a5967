// SPDX-License-Identifier: MIT
// The benchmark's statistics and tables, by hand.
#include "generalization/results.hpp"

#include "deepfake/sample_data.hpp"
#include "support/catch.hpp"

namespace {

using namespace generalization;
using deepfake::testing::mentions;
using deepfake::testing::TemporaryFolder;
using deepfake::testing::write_text;

TEST_CASE("paired test: mean, error and exact p by hand", "[generalization]") {
  const PairedTest three = paired_test({{1, 2, 3}});
  CHECK(three.mean == Approx(2));
  CHECK(three.standard_error == Approx(std::sqrt(1.0 / 3)));
  CHECK(three.p_value == Approx(2.0 / 8));  // all plus, all minus
  // Student's t with two degrees of freedom: 4.302653.
  CHECK(three.low == Approx(2 - 4.302653 * std::sqrt(1.0 / 3)));
  CHECK(three.high == Approx(2 + 4.302653 * std::sqrt(1.0 / 3)));
  CHECK(paired_test({{1, -1}}).p_value == 1);
  CHECK(paired_test({{0, 0, 0}}).p_value == 1);
  // Of the sums +-3 +-1 +-1, those of size 3 or more: 5, 3, 3 and their negatives.
  CHECK(paired_test({{3, 1, -1}}).p_value == Approx(6.0 / 8));
  CHECK(paired_test({}).seeds == 0);

  // Two instruction sets whose difference is the same for all seeds. Mean squares: of seeds 2, of
  // sets 6, of the rest 0; the mean's variance is (2 + 6 - 0) / 6, with 8^2 / (2^2 / 2 + 6^2 / 1)
  // degrees of freedom, 1.684; t is then 5.1762. Signs flip for whole seeds.
  const PairedTest two = paired_test({{1, 2, 3}, {3, 4, 5}});
  CHECK(two.mean == Approx(3));
  CHECK(two.standard_error == Approx(std::sqrt(8.0 / 6)));
  CHECK(two.p_value == Approx(2.0 / 8));
  CHECK(two.high - two.mean == Approx(5.1762 * std::sqrt(8.0 / 6)).epsilon(1e-3));
  CHECK(two.mean - two.low == Approx(two.high - two.mean));
  // Where the sets agree, the seeds alone are left.
  const PairedTest same = paired_test({{1, 2, 3, 4, 5}, {1, 2, 3, 4, 5}});
  const PairedTest once = paired_test({{1, 2, 3, 4, 5}});
  CHECK(same.low == Approx(once.low));
  CHECK(same.high == Approx(once.high));
  // Where sets differ at random, less than seeds do, they are no effect of their own.
  const PairedTest noisy = paired_test({{1, 2, 3}, {2, 1, 3}});
  CHECK(noisy.standard_error == Approx(0.5));
  // More than 20 seeds: of random patterns.
  const std::vector<double> many(24, 1.0);
  CHECK(paired_test({many}).p_value < 1e-5);
}

TEST_CASE("tables: paired over seeds, cut-off lines left out", "[generalization]") {
  const TemporaryFolder folder;
  const auto line = [](const char* held_out, int seed, const char* variant, double test,
                       double seconds) {
    return std::string("{\"family\":\"rotated\",\"held_out\":\"") + held_out +
           "\",\"seed\":" + std::to_string(seed) + ",\"method\":\"" + variant +
           "\",\"variant\":\"" + variant +
           "\",\"validation\":0.5,\"test\":" + std::to_string(test) +
           ",\"seconds_per_step\":" + std::to_string(seconds) +
           ",\"sharpness_of_domains\":0.1,\"agreement\":0.2,\"loss\":0.3}\n";
  };
  std::string text;
  for (int seed = 0; seed < 2; ++seed) {
    for (const char* held_out : {"0", "75"}) {
      text += line(held_out, seed, "erm", .4 + .1 * seed, 1);
      text += line(held_out, seed, "sam", .45 + .1 * seed, 2);
    }
  }
  text += line("0", 2, "sam", .9, 2);  // its other domain is missing: no whole seed
  text += "{\"family\":\"rotated\",\"held";
  write_text(folder.path() / "r.jsonl", text);
  const auto trials = read_trials(folder.path() / "r.jsonl");
  CHECK(trials.size() == 9);
  const std::string table = to_markdown(trials, {"erm"});
  CHECK(mentions(table, "| erm | 2 | 0.450 ± 0.050 | 0.500 ± 0.000 | | 0.100 | 0.200 | 1.00 |"));
  CHECK(mentions(table,
                 "| sam | 2 | 0.500 ± 0.050 | 0.500 ± 0.000 | +0.0500 [+0.0500, +0.0500], "
                 "0.500 | 0.100 | 0.200 | 2.00 |"));
}

TEST_CASE("search: the best setting on validation images, whatever the held-out ones say",
          "[generalization]") {
  const auto trial = [](const char* method, const char* variant, double validation, double test) {
    Trial one;
    one.method = method;
    one.variant = variant;
    one.validation = validation;
    one.test = test;
    return one;
  };
  const std::vector<Trial> trials{
      trial("SAM", "SAM, rho 0.1", .8, .1), trial("SAM", "SAM, rho 0.1", .6, .1),
      trial("SAM", "SAM, rho 0.2", .65, .9), trial("ERM", "ERM", .5, .5)};
  CHECK(chosen(trials) == Choices{{"ERM", {{"", ""}}}, {"SAM", {{"", "rho 0.1"}}}});
  CHECK(mentions(choices(trials), "| SAM, rho 0.1 | 2 | **0.700** |"));
  CHECK(mentions(choices(trials), "| SAM, rho 0.2 | 1 | 0.650 |"));

  // Rows of a setting that an earlier search chose stay out of the table; unknown methods stay in.
  const auto kept =
      only_chosen({trials[0], trials[2], trial("RoGA", "RoGA, rho 9", .5, .5)}, chosen(trials));
  REQUIRE(kept.size() == 2);
  CHECK(kept[0].variant == "SAM, rho 0.1");
  CHECK(kept[1].variant == "RoGA, rho 9");
  CHECK(mean_with_error({1, 2, 3}) == "2.000 ± 0.577");
}

/// Lines as the program writes them, of two settings of SAM and its partner with random groups.
std::string judged_line(const std::string& held_out, const std::string& also, const char* rho,
                        const char* tests, const char* averaged) {
  const auto judged = [](const char* of) {
    return std::string(R"({"validation":0.5,"tests":)") + of +
           R"(,"sharpness_of_domains":0.1,"agreement":0.2})";
  };
  return R"({"family":"f","held_out":")" + held_out + '"' +
         (also.empty() ? "" : R"(,"also_left_out":")" + also + '"') +
         R"(,"seed":1,"arithmetic":"avx2","method":"SAM","variant":"SAM, rho )" + rho +
         R"(","raw":)" + judged(tests) + R"(,"averaged":)" + judged(averaged) + R"(,"loss":0.3})" +
         '\n';
}

TEST_CASE("search: leaving a second domain out keeps the first one for the end",
          "[generalization]") {
  const TemporaryFolder folder;
  write_text(folder.path() / "search.jsonl",
             judged_line("a", "b", "1", R"({"a":0.9,"b":0.2})", R"({"a":0.1,"b":0.8})") +
                 judged_line("a", "b", "2", R"({"a":0.1,"b":0.4})", R"({"a":0.2,"b":0.7})"));
  const auto search = read_trials(folder.path() / "search.jsonl");
  REQUIRE(search.size() == 8);  // two trainings, two kinds of weights, two domains
  // What keeps a for the end goes by b, and the other way round; averaged weights choose for the
  // last ones of the same trainings, which would have chosen the other setting for b.
  const std::map<std::string, std::string> by_average{{"a", "rho 1"}, {"b", "rho 2"}};
  CHECK(chosen(search, Rule::leave_out) ==
        Choices{{"SAM", by_average}, {"SAM averaged", by_average}});
  const std::string table = choices(search, Rule::leave_out);
  CHECK(mentions(table, "| setting | trials | for a | for b |"));
  CHECK(mentions(table, "| SAM averaged, rho 1 | 1 | **0.800** | 0.100 |"));
  CHECK_FALSE(mentions(table, "SAM, rho"));
  // On validation images of the rest, too, each domain has a choice of its own: by trials that did
  // not train on it.
  CHECK(chosen(search).at("SAM").contains("a"));
  CHECK_FALSE(chosen(search).at("SAM").contains(""));

  write_text(folder.path() / "results.jsonl",
             judged_line("a", "", "1", R"({"a":0.6})", R"({"a":0.7})") +
                 judged_line("a", "", "2", R"({"a":0.5})", R"({"a":0.8})"));
  auto trials = read_trials(folder.path() / "results.jsonl");
  REQUIRE(trials.size() == 4);
  auto control = trials[2];
  control.method = "control";
  control.variant = "control, rho 2";
  control.settings_of = "SAM";
  trials.push_back(control);
  const auto kept = only_chosen(trials, chosen(search, Rule::leave_out));
  REQUIRE(kept.size() == 2);
  CHECK(kept[0].variant == "SAM, rho 1");
  CHECK(kept[1].variant == "SAM averaged, rho 1");
  CHECK(kept[1].test == 0.7);
  // The averaged weights against the last ones.
  const auto line = nlohmann::json::parse(differences(kept, {"SAM"}));
  CHECK(line.at("method") == "SAM averaged");
  CHECK(line.at("mean").get<double>() == Approx(0.1));
  CHECK(line.at("by_arithmetic").at("avx2").at("seeds") == 1);
}

}  // namespace
