#include "nn/distill/chain.h"

#include <algorithm>
#include <cctype>

#include "core/error.h"

namespace limbeck {
namespace {

constexpr const char* in_chain = "Chain";

void check_step(const ChainStep& step, std::size_t number) {
  const auto good = [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_'; };
  if (step.name.empty() || !std::ranges::all_of(step.name, good)) {
    fail(in_chain, "the name of step {}, \"{}\", must be of letters, digits, '-' and '_'", number,
         step.name);
  }
  if (step.student == nullptr) fail(in_chain, "step \"{}\" has no student", step.name);
  if (step.student == step.from) {
    fail(in_chain, "in step \"{}\" a network teaches itself; ema() is a teacher of that kind",
         step.name);
  }
}

// Error: what this training would refuse of its set and options, which is best known before the
// first one begins.
void check_training_of(const ChainStep& step, const Dataset& set) {
  try {
    check_training(set, step.options);
    const auto uses_labels = [](const Term& term) { return term.uses_labels; };
    if (std::ranges::any_of(step.objective.terms, uses_labels)) set.check_labelled("labels");
  } catch (const Error& error) {
    fail(in_chain, "step \"{}\": {}", step.name, error.what());
  }
}

}  // namespace

Chain::Chain(std::vector<ChainStep> steps, ChainOptions options)
    : steps_(std::move(steps)), options_(std::move(options)) {
  if (steps_.empty()) fail(in_chain, "at least one step is needed");
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    check_step(steps_[i], i + 1);
    const auto before = steps_.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::find_if(steps_.begin(), before, [&](const ChainStep& step) {
          return step.name == steps_[i].name;
        }) != before) {
      fail(in_chain, "two steps are named \"{}\"", steps_[i].name);
    }
  }
  for (const ChainStep& step : steps_) {
    if (step.student->name().empty()) step.student->set_name(step.name);
  }
}

TrainOptions Chain::options_of(std::size_t number) const {
  const ChainStep& step = steps_[number];
  TrainOptions options = step.options;
  CheckpointOptions& checkpoint = options.checkpoint;
  if (checkpoint.file.empty() && !options_.folder.empty()) {
    checkpoint.file = options_.folder + "/" + step.name + ".checkpoint";
  }
  if (!checkpoint.stop) checkpoint.stop = options_.stop;
  const auto before = std::span(steps_).first(number);
  const bool learned =
      std::ranges::any_of(before, [&](const ChainStep& s) { return s.student == step.student; });
  if (learned && !checkpoint.file.empty()) {
    checkpoint.run["student at first"] = detail::checksum_of(*step.student);
  }
  return options;
}

std::vector<EpochReport> Chain::fit(const ChainStep& step, const TrainOptions& options,
                                    const Dataset& set) const {
  if (step.from == nullptr) {
    return limbeck::fit(*step.student, set, options, step.objective, step.how);
  }
  return Distiller(*step.from, *step.student, step.objective, step.how).fit(set, options);
}

std::vector<std::vector<EpochReport>> Chain::fit(const Dataset& transfer_set) {
  const auto set_of = [&](const ChainStep& step) -> const Dataset& {
    return step.transfer_set != nullptr ? *step.transfer_set : transfer_set;
  };
  for (const ChainStep& step : steps_) check_training_of(step, set_of(step));
  std::vector<std::vector<EpochReport>> reports;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    reports.push_back(fit(steps_[i], options_of(i), set_of(steps_[i])));
    if (options_.on_step) options_.on_step(steps_[i], reports.back());
  }
  return reports;
}

}  // namespace limbeck
