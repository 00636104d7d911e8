// The report's page in a browser: what it shows is compared with what this library computes. Needs
// node, npm and Chromium; without them the tests say that they are skipped.
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/function_ref.h"
#include "core/ops/reduce.h"
#include "core/ops/softmax.h"
#include "nn/batch_norm.h"
#include "nn/conv2d.h"
#include "nn/linear.h"
#include "nn/models.h"
#include "nn/pooling.h"
#include "nn/train/evaluate.h"
#include "tests/apps/small_distillation.h"
#include "tests/data/idx_files.h"

using namespace limbeck;
using namespace limbeck::testing;
using nlohmann::json;

namespace {

constexpr const char* playwright = "playwright-core@1.60.0";

bool succeeds(const std::string& command) {
  return std::system(command.c_str()) == 0;
}

// Why there is no browser to test with; "" if there is one. Installs what drives it, once.
std::string obstacle() {
  for (const char* program : {"node", "npm", "/usr/bin/chromium"}) {
    if (!succeeds(fmt::format("command -v {} > /dev/null", program))) {
      return fmt::format("{} is not installed", program);
    }
  }
  if (std::filesystem::exists("build/node/node_modules/playwright-core")) return "";
  const bool installed = succeeds(fmt::format(
      "npm install --prefix build/node --no-audit --no-fund {} > build/node.log 2>&1", playwright));
  return installed ? "" : fmt::format("npm cannot install {}; see build/node.log", playwright);
}

// Each kind of layer that there is: convolutions in groups, dilated, with stride and padding, batch
// norm, and the three poolings.
SmallDistillation small_convolutions() {
  Rng rng(3);
  Sequential plain(
      Conv2d({.in = 1, .out = 4, .kernel = 5, .stride = 2, .padding = 2}, rng),
      BatchNorm2d({.channels = 4}), ReLU(), MaxPool2d({.kernel = 3, .stride = 2}),
      Conv2d({.in = 4, .out = 8, .kernel = {3, 1}, .dilation = {2, 1}, .groups = 2}, rng), ReLU(),
      AvgPool2d({.kernel = 3, .stride = 1, .padding = 1}), Flatten(),
      Linear({.in = 8 * 2 * 6, .out = 10}, rng));
  Sequential pooled(Conv2d({.in = 1, .out = 16, .kernel = 3, .padding = 1}, rng),
                    BatchNorm2d({.channels = 16}), ReLU(), MaxPool2d({.kernel = 2}),
                    Conv2d({.in = 16, .out = 16, .kernel = 3}, rng), ReLU(), GlobalAvgPool2d(),
                    Linear({.in = 16, .out = 10}, rng));
  return small_distillation(std::move(plain), std::move(pooled));
}

SmallDistillation large_perceptrons() {
  Rng rng(4);
  return small_distillation(mlp({784, 640, 10}, {}, rng), mlp({784, 640, 10}, {}, rng));
}

struct Visit {
  std::string name;
  SmallDistillation run;
  json seen{};  // of tests/apps/report_browser.mjs
};

// Three pages, the last without its students' weights, looked at once for all tests; none, with a
// message, if that cannot be.
std::vector<Visit>& visits() {
  static std::vector<Visit> all = [] {
    std::vector<Visit> made;
    if (const std::string why = obstacle(); !why.empty()) {
      MESSAGE("the report is not tested in a browser: " << why);
      return made;
    }
    made.push_back({"perceptrons", small_perceptrons(), {}});
    made.push_back({"convolutions", small_convolutions(), {}});
    made.push_back({"large perceptrons", large_perceptrons(), {}});
    const Folder folder;
    std::string command = "node tests/apps/report_browser.mjs " + folder.file("seen.json");
    for (std::size_t i = 0; i < made.size(); ++i) {
      const std::string page = report_page(made[i].run.input());
      command += fmt::format(" {}", folder.write(fmt::format("{}.html", i), page));
    }
    if (!succeeds(command)) {  // said once, by the test that comes first
      FAIL_CHECK("tests/apps/report_browser.mjs failed");
      return std::vector<Visit>{};
    }
    const json seen = json::parse(read_all(folder.file("seen.json")));
    for (std::size_t i = 0; i < made.size(); ++i) made[i].seen = seen.at(i);
    return made;
  }();
  return all;
}

// The pages that are complete; those are tried out, the other is only looked at.
std::span<Visit> complete() {
  std::vector<Visit>& all = visits();
  return std::span(all).first(std::min<std::size_t>(all.size(), 2));
}

Tensor row_of(const Tensor& logits, Index i) {
  return logits.view({1, logits.dim(1)}, i * logits.dim(1));
}

// In bits, from log-probabilities, which lose nothing at a low temperature.
double entropy(const Tensor& log_probs) {
  double sum = 0;
  for (const double log_p : log_probs.values()) sum -= std::exp(log_p) * log_p / std::log(2.0);
  return sum;
}

void check_bars(const json& bars, FunctionRef<double(std::size_t)> expected) {
  REQUIRE(bars.size() == 10);
  for (std::size_t c = 0; c < 10; ++c) {
    CHECK(std::abs(bars.at(c).get<double>() - expected(c)) < 1e-3);
  }
}

// The logits of a student for pixels that the page prepared.
Tensor logits_for(Sequential& student, const json& pixels) {
  const Dataset image{.image = {1, 28, 28},
                      .classes = 10,
                      .pixels = pixels.get<std::vector<std::uint8_t>>(),
                      .class_ids = {0}};
  return logits_of(student, image);
}

}  // namespace

TEST_CASE("a report opens in a browser without a complaint and without asking the network") {
  for (const Visit& visit : visits()) {
    CAPTURE(visit.name);
    CHECK(visit.seen.at("complaints") == json::array());
    CHECK(visit.seen.at("requests") == json::array());
    CHECK(visit.seen.at("title") == "mlp:12 teaches mlp:12 · distillation report");
    REQUIRE(visit.seen.at("rows").size() == 3);
    const Index errors = visit.run.results.students[0].distilled.errors;
    CHECK(visit.seen.at("rows").at(2).get<std::string>().starts_with("Student, distilledmlp:12"));
    CHECK(contains(visit.seen.at("rows").at(2), fmt::format("B{}", errors)));  // after "KB", "MB"
  }
}

TEST_CASE("a report's bars are softmax(z / T) and its entropies theirs, wherever the slider is") {
  for (const Visit& visit : complete()) {
    const SmallDistillation& run = visit.run;
    const std::vector<Tensor> all = {run.teacher_logits, run.hard_logits, run.distilled_logits};
    CHECK(visit.seen.at("temperatures").size() == 12);
    for (const json& moment : visit.seen.at("temperatures")) {
      const double t = 0.1 * std::pow(500.0, moment.at("v").get<double>() / 400);
      CAPTURE(visit.name);
      CAPTURE(t);
      CHECK(std::stod(moment.at("text").get<std::string>()) == doctest::Approx(t).epsilon(5e-3));
      for (std::size_t network = 0; network < 3; ++network) {
        const Tensor logits = row_of(all[network], moment.at("index"));
        const Tensor probs = softmax(logits, t), log_probs = log_softmax(logits, t);
        check_bars(moment.at("linear").at(network),
                   [&](std::size_t c) { return probs.values()[c]; });
        check_bars(moment.at("logarithmic").at(network), [&](std::size_t c) {
          return std::max(0.0, 1 + log_probs.values()[c] / std::log(1e6));
        });
        CHECK(std::abs(moment.at("entropies").at(network).get<double>() - entropy(log_probs)) <
              1e-3);
      }
    }
  }
}

TEST_CASE("a drawing is classified in the page as the library classifies its pixels") {
  for (Visit& visit : complete()) {
    CHECK(visit.seen.at("drawings").size() == 4);
    for (const auto& item : visit.seen.at("drawings").items()) {
      const std::string& name = item.key();
      const json& drawing = item.value();
      CAPTURE(visit.name);
      CAPTURE(name);
      CHECK(drawing.at("shown") == drawing.at("pixels"));
      const std::vector<std::pair<const char*, Sequential*>> students = {
          {"hard", &visit.run.hard}, {"distilled", &visit.run.distilled}};
      for (std::size_t i = 0; i < 2; ++i) {
        const Tensor logits = logits_for(*students[i].second, drawing.at("pixels"));
        const json& page_logits = drawing.at("logits").at(students[i].first);
        for (std::size_t c = 0; c < 10; ++c) {
          CHECK(std::abs(page_logits.at(c).get<double>() - logits.values()[c]) < 1e-3);
        }
        const std::int32_t best = argmax_last(logits)[0];
        CHECK(drawing.at("answers").at(i) == best);
        const Tensor probs = softmax(logits);
        check_bars(drawing.at("bars").at(i), [&](std::size_t c) { return probs.values()[c]; });
      }
    }
  }
}

TEST_CASE("a drawing is prepared by MNIST's rule: 20 pixels long, its mass in the middle") {
  for (const Visit& visit : complete()) {
    for (const auto& item : visit.seen.at("drawings").items()) {
      const std::string& name = item.key();
      const json& drawing = item.value();
      CAPTURE(name);
      int left = 28, right = -1, top = 28, bottom = -1;
      double mass = 0, x = 0, y = 0;
      for (int i = 0; i < 784; ++i) {
        const double ink = drawing.at("pixels").at(static_cast<std::size_t>(i));
        if (ink == 0) continue;
        left = std::min(left, i % 28), right = std::max(right, i % 28);
        top = std::min(top, i / 28), bottom = std::max(bottom, i / 28);
        mass += ink, x += ink * (i % 28 + 0.5), y += ink * (i / 28 + 0.5);
      }
      CHECK(std::max(right - left, bottom - top) + 1 == 20);
      CHECK(std::abs(x / mass - 14) <= 0.51);  // half a pixel, and bytes that are rounded
      CHECK(std::abs(y / mass - 14) <= 0.51);
      if (name == "wide") CHECK(bottom - top + 1 < 6);  // the shape of the stroke is kept
    }
  }
}

TEST_CASE("a report can be used with the keyboard") {
  for (const Visit& visit : complete()) {
    const json& keyboard = visit.seen.at("keyboard");
    CHECK(keyboard.at("home") == json{0, "T = 0.1"});
    CHECK(keyboard.at("right") == 3);
    CHECK(keyboard.at("end") == json{400, "T = 50"});
    CHECK(keyboard.at("outline") == "solid");
    CHECK(keyboard.at("pressed") == keyboard.at("index"));
  }
}

TEST_CASE("a report's images can be sifted by who mistakes them") {
  for (const Visit& visit : complete()) {
    const SmallDistillation& run = visit.run;
    const json& gallery = visit.seen.at("gallery");
    const auto check = [&](std::size_t filter, const Tensor& logits, const std::string& text) {
      const Index errors = count_errors(argmax_last(logits), run.test);
      CHECK(gallery.at(filter).at("images") == errors);
      CHECK(gallery.at(filter).at("filter") == fmt::format("{} ({})", text, errors));
      CHECK(contains(gallery.at(filter).at("note"), errors == 0 ? "none" : "All"));
    };
    check(1, run.teacher_logits, "the teacher gets wrong");
    check(2, run.hard_logits, "the student on hard labels gets wrong");
    check(3, run.distilled_logits, "the distilled student gets wrong");
  }
}

TEST_CASE("a report fits a phone of 360 pixels, and its sheet takes a touch") {
  for (const Visit& visit : visits()) {
    CAPTURE(visit.name);
    CHECK(visit.seen.at("phone").at("width") == 360);
    const bool draws = visit.name != "large perceptrons";
    CHECK(visit.seen.at("phone").at("touched") == (draws ? json(true) : json(nullptr)));
  }
}

TEST_CASE("a report has other colours in a dark scheme") {
  for (const Visit& visit : complete()) {
    const json& colours = visit.seen.at("colours");
    CHECK(colours.at("light").at("backgroundColor") == "rgb(255, 255, 255)");
    CHECK(colours.at("dark").at("backgroundColor") != "rgb(255, 255, 255)");
    CHECK(colours.at("dark").at("color") != colours.at("light").at("color"));
  }
}

TEST_CASE("a report without its students' weights says so instead of a sheet to draw on") {
  for (const Visit& visit : visits()) {
    const bool large = visit.name == "large perceptrons";
    CHECK(visit.seen.at("canDraw") == !large);
    CHECK(contains(visit.seen.at("leftOut"),
                   "take 2,035,240 bytes, and a page holds models of at "
                   "most 2,000,000") == large);
  }
}
