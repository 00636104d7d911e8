// The report's page as text: what its data say, and what does not get into it.
// tests/apps/report_browser_test.cpp has what a browser makes of it.
#include "apps/report/report.h"

#include <cstring>
#include <nlohmann/json.hpp>

#include "apps/report/base64.h"
#include "core/function_ref.h"
#include "core/ops/reduce.h"
#include "nn/models.h"
#include "tests/apps/small_distillation.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;
using nlohmann::json;

namespace {

SmallDistillation& perceptrons() {
  static SmallDistillation run = small_perceptrons();
  return run;
}

// What stands between the tags of the page's data.
std::string data_text(const std::string& page) {
  const std::string open = "<script type=\"application/json\" id=\"data\">";
  const std::size_t begin = page.find(open) + open.size();
  return page.substr(begin, page.find("</script", begin) - begin);
}

json data_of(const std::string& page) {
  return json::parse(data_text(page));
}

int occurrences(const std::string& text, const std::string& part) {
  int count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

// The bytes of base64, character by character.
std::string decoded(const std::string& text) {
  const std::string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  unsigned bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<unsigned>(alphabet.find(c));
    count += 6;
    if (count >= 8) bytes += static_cast<char>(bits >> (count -= 8) & 255);
  }
  return bytes;
}

std::vector<float> floats_of(const json& text) {
  const std::string bytes = decoded(text.get<std::string>());
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

// A set of n images, all of class 0, and logits that choose `answer(i)` for image i.
Dataset zeros(Index n) {
  return {.image = {1, 2, 2},
          .classes = 3,
          .pixels = std::vector<std::uint8_t>(static_cast<std::size_t>(4 * n)),
          .class_ids = std::vector<std::int32_t>(static_cast<std::size_t>(n))};
}
Tensor logits_for(Index n, FunctionRef<Index(Index)> answer) {
  Tensor logits = Tensor::zeros({n, 3});
  for (Index i = 0; i < n; ++i) logits.values()[static_cast<std::size_t>(3 * i + answer(i))] = 1;
  return logits;
}

std::string refusal(const ReportInput& input) {
  return error_of([&] { report_page(input); });
}

}  // namespace

// The vectors of RFC 4648, section 10.
TEST_CASE("base64 gives the text that its standard gives") {
  const auto text = [](const std::string& bytes) { return base64_of(bytes); };
  CHECK(text("") == "");
  CHECK(text("f") == "Zg==");
  CHECK(text("fo") == "Zm8=");
  CHECK(text("foo") == "Zm9v");
  CHECK(text("foob") == "Zm9vYg==");
  CHECK(text("fooba") == "Zm9vYmE=");
  CHECK(text("foobar") == "Zm9vYmFy");
  CHECK(text("\xfb\xff\xfe") == "+//+");
}

TEST_CASE("a report's page is whole, and its data are those of the run") {
  SmallDistillation& run = perceptrons();
  const std::string page = report_page(run.input());
  CHECK(page.starts_with("<!DOCTYPE html>"));
  CHECK(page.ends_with("</html>\n"));
  CHECK(!contains(page, "{{"));
  const json data = data_of(page);
  CHECK(data.at("run") == json::parse(run.results.json(run.input().options).dump()));
  CHECK(data.at("verdict") == run.results.verdict());
  CHECK(data.at("temperature") == 4);
  CHECK(data.at("classes") == 10);
  CHECK(data.at("height") == 28);
  CHECK(data.at("width") == 28);
}

TEST_CASE("a report's confusion matrices count every label with every answer") {
  SmallDistillation& run = perceptrons();
  const json matrices = data_of(report_page(run.input())).at("confusion");
  const auto check = [&](const char* key, const Tensor& logits) {
    const std::vector<std::int32_t> answers = argmax_last(logits);
    for (std::int32_t label = 0; label < 10; ++label) {
      for (std::int32_t answer = 0; answer < 10; ++answer) {
        Index count = 0;
        for (std::size_t i = 0; i < answers.size(); ++i) {
          if (run.test.class_ids[i] == label && answers[i] == answer) ++count;
        }
        CHECK(matrices.at(key)
                  .at(static_cast<std::size_t>(label))
                  .at(static_cast<std::size_t>(answer)) == count);
      }
    }
  };
  check("teacher", run.teacher_logits);
  check("hard", run.hard_logits);
  check("distilled", run.distilled_logits);
}

TEST_CASE("a report has the images that are mistaken, with pixels and logits") {
  SmallDistillation& run = perceptrons();
  const json images = data_of(report_page(run.input())).at("images");
  const auto index = images.at("index").get<std::vector<std::size_t>>();
  REQUIRE(index.size() == 120);  // few enough that all are there
  const std::string pixels = decoded(images.at("pixels"));
  CHECK(std::ranges::equal(pixels, run.test.pixels, [](char a, std::uint8_t b) {
    return static_cast<std::uint8_t>(a) == b;
  }));
  CHECK(images.at("label") == run.test.class_ids);
  const json& logits = images.at("logits");
  CHECK(std::ranges::equal(floats_of(logits.at("teacher")), run.teacher_logits.values()));
  CHECK(std::ranges::equal(floats_of(logits.at("hard")), run.hard_logits.values()));
  CHECK(std::ranges::equal(floats_of(logits.at("distilled")), run.distilled_logits.values()));
}

TEST_CASE("a report of many mistakes has the first 200 of each kind, and counts them all") {
  SmallDistillation run = small_perceptrons();
  constexpr Index n = 2000;
  run.test = zeros(n);
  // The teacher mistakes the last 100, hard labels the odd ones, and both agree on nothing else.
  run.teacher_logits = logits_for(n, [](Index i) { return i >= 1900 ? 1 : 0; });
  run.hard_logits = logits_for(n, [](Index i) { return i % 2; });
  run.distilled_logits = logits_for(n, [](Index) { return 0; });
  Rng rng(1);
  run.hard = mlp({4, 3}, {}, rng);
  run.distilled = mlp({4, 3}, {}, rng);
  const json data = data_of(report_page(run.input()));
  CHECK(data.at("mistaken").at("counts") == json{950, 50, 950, 50, 0, 0, 0, 0});
  CHECK(data.at("mistaken").at("most") == 200);
  const auto index = data.at("images").at("index").get<std::vector<Index>>();
  CHECK(std::ranges::is_sorted(index));
  CHECK(index.size() == 300 + 50 + 200 + 50);
  std::vector<Index> only_hard;
  for (const Index i : index) {
    if (i % 2 == 1 && i < 1900) only_hard.push_back(i);
  }
  CHECK(only_hard.size() == 200);
  CHECK(only_hard.back() == 399);
  Index late = 0;  // the sample of the others comes from all over
  for (const Index i : index) {
    if (i % 2 == 0 && i >= 950 && i < 1900) ++late;
  }
  CHECK(late == 150);
}

TEST_CASE("a student's weights are in the page as the network has them") {
  SmallDistillation& run = perceptrons();
  const json layers = data_of(report_page(run.input())).at("models").at("hard").at("layers");
  REQUIRE(layers.size() == 4);
  CHECK(layers[0].at("kind") == "flatten");
  CHECK(layers[1].at("kind") == "linear");
  CHECK(layers[1].at("in") == json{784});
  CHECK(layers[1].at("out") == json{12});
  CHECK(layers[2].at("kind") == "relu");
  const std::vector<Tensor> parameters = run.hard.parameters();
  CHECK(std::ranges::equal(floats_of(layers[1].at("weight")), parameters[0].values()));
  CHECK(std::ranges::equal(floats_of(layers[1].at("bias")), parameters[1].values()));
  CHECK(std::ranges::equal(floats_of(layers[3].at("weight")), parameters[2].values()));
}

TEST_CASE("a report leaves out a student of more than 2,000,000 bytes") {
  SmallDistillation& run = perceptrons();
  Rng rng(1);
  const auto model_of = [&](Index width) {
    Sequential large = mlp({784, width}, {}, rng);
    const ReportInput usual = run.input();
    const ReportInput input{.results = usual.results,
                            .options = usual.options,
                            .test = usual.test,
                            .teacher_logits = usual.teacher_logits,
                            .hard_logits = usual.hard_logits,
                            .distilled_logits = usual.distilled_logits,
                            .hard = large,
                            .distilled = usual.distilled,
                            .temperature = 4};
    return data_of(report_page(input)).at("models").at("hard");
  };
  CHECK(model_of(636).at("bytes") == 636 * 785 * 4);  // 1,997,040
  CHECK(model_of(636).contains("layers"));
  CHECK(model_of(637).at("bytes") == 637 * 785 * 4);  // 2,000,180
  CHECK(!model_of(637).contains("layers"));
}

TEST_CASE("no option's text breaks out of the page's data") {
  SmallDistillation& run = perceptrons();
  ReportInput input = run.input();
  const std::string usual = report_page(input);
  const std::string wild = "</script><script>alert(1)</script><!-- <script> & \" \\ {{page.css}} é";
  input.options["data"] = wild;
  const std::string page = report_page(input);
  for (const char* tag : {"<script", "</script", "<!--"}) {
    CHECK(occurrences(page, tag) == occurrences(usual, tag));
  }
  CHECK(!contains(data_text(page), "<"));
  CHECK(data_of(page).at("run").at("options").at("data") == wild);
  input.options["data"] = "/caf\xe9";  // a path need not be UTF-8
  CHECK(data_of(report_page(input)).at("run").at("options").at("data") == "/caf\xef\xbf\xbd");
}

TEST_CASE("a report refuses what does not belong together") {
  SmallDistillation run = small_perceptrons();
  run.hard_logits = Tensor::zeros({119, 10});
  CHECK(refusal(run.input()) ==
        "report_page: logits must be (120, 10) for this test set; got (119, 10)");
  run.test.image = {4, 14, 14};
  CHECK(refusal(run.input()) ==
        "report_page: images must be (1, H, W) or (3, H, W); got (4, 14, 14)");
  run.results.students.clear();
  CHECK(refusal(run.input()) == "report_page: the results have no pair of students");
}
