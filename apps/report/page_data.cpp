#include "apps/report/page_data.h"

#include <algorithm>
#include <array>
#include <vector>

#include "apps/common/class_names.h"
#include "apps/report/base64.h"
#include "core/error.h"
#include "core/ops/reduce.h"
#include "nn/distill/distiller.h"
#include "nn/export/plain_layers.h"
#include "nn/train/evaluate.h"

namespace limbeck::detail {
namespace {

using nlohmann::ordered_json;

constexpr Index most_of_a_set = 200;     // images for each set of networks that mistake them
constexpr Index most_of_right = 300;     // images that all three get right
constexpr Index most_bytes = 2'000'000;  // of a model
constexpr std::size_t sets = 8;

// As the page's model.js names them, in the order of PlainKind.
constexpr std::array kinds = {"linear",   "conv2d",          "relu",    "max_pool",
                              "avg_pool", "global_avg_pool", "flatten", "add"};

using Decisions = std::vector<std::int32_t>;

std::vector<float> floats(std::span<const real> values) {
  return {values.begin(), values.end()};
}

// The images of each set of networks: which are mistaken by just these.
std::array<std::vector<Index>, sets> by_set(const std::array<Decisions, 3>& decisions,
                                            const Dataset& test) {
  std::array<std::vector<Index>, sets> images;
  for (Index image = 0; image < test.size(); ++image) {
    const auto i = static_cast<std::size_t>(image);
    std::size_t set = 0;
    for (std::size_t network = 0; network < 3; ++network) {
      if (decisions[network][i] != test.class_ids[i]) set |= std::size_t{1} << network;
    }
    images[set].push_back(image);
  }
  return images;
}

// The first ones of the mistaken, so that the first of a union of sets are among them too; the
// others from all over the test set.
std::vector<Index> shown(const std::array<std::vector<Index>, sets>& images) {
  std::vector<Index> chosen;
  const auto right = static_cast<Index>(images[0].size());
  const Index samples = std::min(right, most_of_right);
  for (Index i = 0; i < samples; ++i) {
    chosen.push_back(images[0][static_cast<std::size_t>(i * right / samples)]);
  }
  for (std::size_t set = 1; set < sets; ++set) {
    const Index size = std::min(static_cast<Index>(images[set].size()), most_of_a_set);
    chosen.insert(chosen.end(), images[set].begin(), images[set].begin() + size);
  }
  std::ranges::sort(chosen);
  return chosen;
}

ordered_json images(const ReportInput& input, std::span<const Index> indices) {
  const Dataset chosen = input.test.select(indices);
  const auto rows = [&](const Tensor& logits) {
    const Tensor of_chosen = gather_rows(logits, indices);
    return base64_of(floats(of_chosen.values()));
  };
  return {{"index", std::vector<Index>(indices.begin(), indices.end())},
          {"label", chosen.class_ids},
          {"pixels", base64_of(chosen.pixels)},
          {"logits",
           {{"teacher", rows(input.teacher_logits)},
            {"hard", rows(input.hard_logits)},
            {"distilled", rows(input.distilled_logits)}}}};
}

ordered_json dims(const Shape& shape) {
  ordered_json list = ordered_json::array();
  for (int i = 0; i < shape.rank(); ++i) list.push_back(shape.dim(i));
  return list;
}

ordered_json pair(const Size2d& size) {
  return {size.height, size.width};
}

ordered_json layer_json(const PlainLayer& layer) {
  ordered_json json = {{"kind", kinds.at(static_cast<std::size_t>(layer.kind))},
                       {"from", layer.from},
                       {"in", dims(layer.in)},
                       {"out", dims(layer.out)}};
  if (layer.weight.defined()) {
    json["weight"] = base64_of(floats(layer.weight.values()));
    json["bias"] = base64_of(floats(layer.bias.values()));
  }
  const bool has_window = layer.kind == PlainKind::conv2d || layer.kind == PlainKind::max_pool ||
                          layer.kind == PlainKind::avg_pool;
  if (has_window) {
    json["kernel"] = pair(layer.window.kernel);
    json["stride"] = pair(layer.window.stride);
    json["padding"] = pair(layer.window.padding);
  }
  if (layer.kind == PlainKind::conv2d) {
    json["dilation"] = pair(layer.window.dilation);
    json["groups"] = layer.groups;
  }
  return json;
}

// Without layers where it is too large for a page, or has some that are not plain.
ordered_json model(Sequential& network, const Shape& image) {
  std::vector<PlainLayer> layers;
  try {
    layers = plain_layers(network, image);
  } catch (const Error&) {
    return {{"bytes", network.parameter_count() * static_cast<Index>(sizeof(float))}};
  }
  Index bytes = 0;
  for (const PlainLayer& layer : layers) {
    if (!layer.weight.defined()) continue;
    bytes += (layer.weight.size() + layer.bias.size()) * static_cast<Index>(sizeof(float));
  }
  ordered_json json = {{"bytes", bytes}};
  if (bytes > most_bytes) return json;
  json["layers"] = ordered_json::array();
  for (const PlainLayer& layer : layers) json["layers"].push_back(layer_json(layer));
  return json;
}

void check(const ReportInput& input) {
  const Dataset& test = input.test;
  if (input.results.students.empty()) fail("report_page", "the results have no pair of students");
  if (test.image.rank() != 3 || (test.image.dim(0) != 1 && test.image.dim(0) != 3)) {
    fail("report_page", "images must be (1, H, W) or (3, H, W); got {}", test.image);
  }
  for (const Tensor* logits :
       {&input.teacher_logits, &input.hard_logits, &input.distilled_logits}) {
    const Shape wanted{test.size(), test.classes};
    if (logits->shape() != wanted) {
      fail("report_page", "logits must be {} for this test set; got {}", wanted, logits->shape());
    }
  }
}

// One for each class, its number where it has none.
std::vector<std::string> class_names(const ReportInput& input) {
  std::vector<std::string> names;
  for (Index c = 0; c < input.test.classes; ++c) names.push_back(class_text(c, input.class_names));
  return names;
}

}  // namespace

ordered_json page_data(const ReportInput& input) {
  check(input);
  const std::array<Decisions, 3> decisions = {argmax_last(input.teacher_logits),
                                              argmax_last(input.hard_logits),
                                              argmax_last(input.distilled_logits)};
  const auto mistaken = by_set(decisions, input.test);
  ordered_json counts = ordered_json::array();
  for (const auto& set : mistaken) counts.push_back(set.size());
  return {{"run", input.results.json(input.options)},
          {"verdict", input.results.verdict()},
          {"temperature", input.temperature},
          {"classes", input.test.classes},
          {"class_names", class_names(input)},
          {"channels", input.test.image.dim(0)},
          {"height", input.test.image.dim(1)},
          {"width", input.test.image.dim(2)},
          {"confusion",
           {{"teacher", confusion_matrix(decisions[0], input.test)},
            {"hard", confusion_matrix(decisions[1], input.test)},
            {"distilled", confusion_matrix(decisions[2], input.test)}}},
          {"mistaken", {{"counts", counts}, {"most", most_of_a_set}}},
          {"images", images(input, shown(mistaken))},
          {"models",
           {{"hard", model(input.hard, input.test.image)},
            {"distilled", model(input.distilled, input.test.image)}}},
          {"most_bytes", most_bytes}};
}

}  // namespace limbeck::detail
