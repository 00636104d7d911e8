#include "nn/train/judge.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/ops/reduce.h"
#include "nn/train/evaluate.h"

namespace limbeck::detail {
namespace {

// The classes that occur in the set and that no decision is for: "3, 5".
std::string never_decided(const std::vector<std::int32_t>& decisions, const Dataset& data) {
  std::string never;
  for (std::int32_t c = 0; c < data.classes; ++c) {
    const bool occurs = std::ranges::find(data.class_ids, c) != data.class_ids.end();
    if (!occurs || std::ranges::find(decisions, c) != decisions.end()) continue;
    never += fmt::format("{}{}", never.empty() ? "" : ", ", c);
  }
  return never;
}

// The model's decisions for a set, and into the report what the metrics say of its logits.
std::vector<std::int32_t> decide(EpochReport& report, Module& model, const Dataset& data,
                                 const TrainOptions& options, const char* prefix) {
  const Tensor logits = logits_of(model, data, options.ranks);
  for (const Metric& metric : options.metrics) {
    report.metrics.push_back({prefix + metric.name, metric.of(logits, data)});
  }
  return argmax_last(logits);
}

}  // namespace

HeldOut hold_out(const Dataset& train, const TrainOptions& options) {
  if (options.validation_split == 0) return {};
  const Index all = train.size();
  const auto held = std::llround(static_cast<double>(all) * options.validation_split);
  if (held < 1 || held >= all) {
    fail("train",
         "a validation_split of {:g} takes {} of {} images; there must be some on both "
         "sides",
         options.validation_split, held, all);
  }
  constexpr std::uint64_t stream = 1;
  std::vector<Index> order = Rng(options.seed).child(stream).permutation(all);
  const auto middle = order.begin() + held;
  std::sort(order.begin(), middle);
  std::sort(middle, order.end());
  return {.learned = std::vector<Index>(middle, order.end()),
          .validation = train.select(std::vector<Index>(order.begin(), middle))};
}

void check_judges(const TrainOptions& options, const HeldOut& held) {
  const auto check_set = [](const char* op, const Dataset* set) {
    if (set == nullptr) return;
    if (set->size() == 0) fail(op, "there are no images");
    set->check_labelled(op);
  };
  check_set("train, on the test set", options.test);
  check_set("train, on the validation set",
            held.validation ? &*held.validation : options.validation);
}

void judge(EpochReport& report, Module& model, const TrainOptions& options,
           const Dataset* validation, const std::vector<std::int32_t>* teacher_decisions) {
  if (options.test != nullptr) {
    const auto decisions = decide(report, model, *options.test, options, "");
    report.errors = count_errors(decisions, *options.test);
    if (teacher_decisions != nullptr) report.agreement = agreement(decisions, *teacher_decisions);
    if (const std::string never = never_decided(decisions, *options.test); !never.empty()) {
      report.warnings.push_back(fmt::format("the model never decides for class {}", never));
    }
  }
  if (validation != nullptr) {
    report.validation_errors =
        count_errors(decide(report, model, *validation, options, "validation_"), *validation);
  }
}

KeptTensors::KeptTensors(std::vector<NamedTensor> tensors) : tensors_(std::move(tensors)) {
  for (const NamedTensor& t : tensors_) copies_.push_back({t.name, t.tensor.clone()});
}

void KeptTensors::keep() {
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    std::ranges::copy(std::as_const(tensors_[i].tensor).values(),
                      copies_[i].tensor.values().begin());
  }
}

void KeptTensors::put_back() {
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    std::ranges::copy(std::as_const(copies_[i].tensor).values(),
                      tensors_[i].tensor.values().begin());
  }
}

}  // namespace limbeck::detail
