#include "apps/study/omission.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/ops/reduce.h"
#include "nn/distill/distiller.h"
#include "nn/train/evaluate.h"

namespace limbeck {
namespace {

bool is_among(std::int32_t c, const std::vector<std::int32_t>& classes) {
  return std::ranges::find(classes, c) != classes.end();
}

struct Count {
  Index all = 0, on_missing = 0;
};

Count count(const Tensor& logits, const Dataset& test, const std::vector<std::int32_t>& missing,
            double bias) {
  Tensor raised = logits.clone();
  for (Index i = 0; i < logits.dim(0); ++i) {
    for (const std::int32_t c : missing) {
      raised.data()[i * logits.dim(1) + c] += static_cast<real>(bias);
    }
  }
  const std::vector<std::int32_t> decisions = argmax_last(raised);
  Count errors;
  for (std::size_t i = 0; i < decisions.size(); ++i) {
    if (decisions[i] == test.class_ids[i]) continue;
    ++errors.all;
    errors.on_missing += is_among(test.class_ids[i], missing);
  }
  return errors;
}

}  // namespace

std::vector<std::int32_t> all_but(const std::vector<std::int32_t>& kept, Index classes) {
  const std::int32_t largest = std::ranges::max(kept);
  if (largest >= classes) {
    fail("study", "it leaves out all classes but those up to {}; there are {} classes", largest,
         classes);
  }
  std::vector<std::int32_t> others;
  for (std::int32_t c = 0; c < classes; ++c) {
    if (!is_among(c, kept)) others.push_back(c);
  }
  return others;
}

Omission train_without(Lab& lab, const std::vector<std::int32_t>& missing,
                       const Training& training) {
  std::vector<Index> kept;
  for (Index i = 0; i < training.set->size(); ++i) {
    if (!is_among(training.set->class_ids[static_cast<std::size_t>(i)], missing)) kept.push_back(i);
  }
  const Dataset rest = training.set->select(kept);
  Training without = training;
  without.set = &rest;
  without.teacher = [&] { return gather_rows(training.teacher(), kept); };
  Sequential student = lab.train_network(without);

  const Tensor logits = logits_of(student, lab.test());
  const Count plain = count(logits, lab.test(), missing, 0);
  Omission result{.missing = missing,
                  .errors = plain.all,
                  .on_missing = plain.on_missing,
                  .errors_with_bias = plain.all,
                  .on_missing_with_bias = plain.on_missing};
  for (int tenths = -50; tenths <= 300; ++tenths) {
    const double bias = tenths / 10.0;
    const Count raised = count(logits, lab.test(), missing, bias);
    if (raised.all >= result.errors_with_bias) continue;
    result.bias = bias;
    result.errors_with_bias = raised.all;
    result.on_missing_with_bias = raised.on_missing;
  }
  return result;
}

Index images_of(const std::vector<std::int32_t>& classes, const Dataset& set) {
  return static_cast<Index>(
      std::ranges::count_if(set.class_ids, [&](std::int32_t c) { return is_among(c, classes); }));
}

std::string share_read(const Omission& o, const Dataset& test) {
  const Index images = images_of(o.missing, test);
  if (images == 0) return "none, as there are no images of them,";
  return fmt::format("{:.1f} %", 100 - 100 * static_cast<double>(o.on_missing_with_bias) /
                                           static_cast<double>(images));
}

Json to_json(const Omission& o) {
  return {{"missing", o.missing},
          {"errors", o.errors},
          {"on_missing", o.on_missing},
          {"bias", o.bias},
          {"errors_with_bias", o.errors_with_bias},
          {"on_missing_with_bias", o.on_missing_with_bias}};
}

Omission omission_from(const Json& json) {
  Omission result{.missing = {},
                  .errors = count_in(json, "errors"),
                  .on_missing = count_in(json, "on_missing"),
                  .bias = number_in(json, "bias"),
                  .errors_with_bias = count_in(json, "errors_with_bias"),
                  .on_missing_with_bias = count_in(json, "on_missing_with_bias")};
  for (const Json& c : json.value("missing", Json::array())) {
    result.missing.push_back(static_cast<std::int32_t>(count_of(c, "a missing class")));
  }
  return result;
}

}  // namespace limbeck
