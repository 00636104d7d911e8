#include "nn/distill/taps.h"

#include <algorithm>
#include <map>

#include "core/error.h"
#include "nn/output_watch.h"
#include "nn/train/evaluate.h"

namespace limbeck {
namespace {

// What each module gave in one run of the network, once a call.
using Outputs = std::map<const Module*, std::vector<Shape>>;

// The module of this path, or null.
Module* find(Module& network, const std::string& path) {
  const auto modules = network.named_modules();
  const auto named = [&](const std::string& name) {
    const auto found = std::ranges::find(modules, name, &decltype(modules)::value_type::first);
    return found == modules.end() || name.empty() ? nullptr : found->second;
  };
  const std::string& own = network.name();
  if (Module* const module = named(path)) return module;
  if (own.empty()) return nullptr;
  if (path == own) return &network;
  return path.starts_with(own + ".") ? named(path.substr(own.size() + 1)) : nullptr;
}

// "0 (784), 1 (1200), 2 (10)": what can be tapped.
std::string list_of(Module& network, const Outputs& outputs) {
  std::string list;
  for (const auto& [path, module] : network.named_modules()) {
    const auto found = outputs.find(module);
    if (path.empty() || found == outputs.end() || found->second.size() != 1) continue;
    const Shape& shape = found->second.front();
    if (shape.rank() == 0) continue;
    list += fmt::format("{}{} {}", list.empty() ? "" : ", ", path, shape.without_front());
  }
  return list;
}

}  // namespace

TapWatch::TapWatch(const char* op, std::string whose, Module& network,
                   const std::vector<std::string>& paths, const Dataset& data)
    : op_(op), whose_(std::move(whose)) {
  Outputs outputs;
  {
    const OutputWatch watch(
        [&](const Module& module, const Tensor& y) { outputs[&module].push_back(y.shape()); });
    const Index first = 0;
    classes_ = logits_of(network, data.select(std::span(&first, 1))).dim(-1);
  }
  for (const std::string& path : paths) {
    const Module* const module = find(network, path);
    if (module == nullptr) {
      fail(op_, "the {} has no module \"{}\"; what it has, and gives for an image: {}", whose_,
           path, list_of(network, outputs));
    }
    const std::vector<Shape>& runs = outputs[module];
    check_runs({.module = module, .path = path, .runs = static_cast<Index>(runs.size())});
    if (runs.front().rank() == 0 || runs.front().dim(0) != 1) {
      fail(op_, "the {}'s module \"{}\" gives {} for one image: a tap needs a row an image", whose_,
           path, runs.front());
    }
    shapes_.push_back(runs.front().without_front());
    const auto known = std::ranges::find(taps_, module, &Tap::module);
    tap_of_.push_back(static_cast<std::size_t>(known - taps_.begin()));
    if (known == taps_.end()) taps_.push_back({.module = module, .path = path});
  }
}

void TapWatch::check_runs(const Tap& tap) const {
  if (tap.runs == 1) return;
  if (tap.runs == 0) {
    fail(op_,
         "the {}'s module \"{}\" is not called when the network computes, so it has no output to "
         "tap",
         whose_, tap.path);
  }
  fail(op_, "the {}'s module \"{}\" runs {} times for a batch: a tap needs one output", whose_,
       tap.path, tap.runs);
}

Tensor TapWatch::run(FunctionRef<Tensor()> ask) {
  if (taps_.empty()) return ask();
  std::vector<const Module*> modules;
  for (Tap& tap : taps_) {
    tap.output = {}, tap.runs = 0;
    modules.push_back(tap.module);
  }
  const OutputWatch watch(std::move(modules), [this](const Module& module, const Tensor& y) {
    Tap& tap = *std::ranges::find(taps_, &module, &Tap::module);
    tap.output = y;
    ++tap.runs;
  });
  Tensor answer = ask();
  for (const Tap& tap : taps_) {
    check_runs(tap);
    if (tap.output.shape().rank() > 0 && tap.output.dim(0) == answer.dim(0)) continue;
    fail(op_, "the {}'s module \"{}\" gives {} for {} images: a tap needs a row an image", whose_,
         tap.path, tap.output.shape(), answer.dim(0));
  }
  ran_ = true;
  return answer;
}

std::vector<Tensor> TapWatch::take() {
  if (taps_.empty()) return {};
  if (!ran_) fail(op_, "the {}'s taps were not filled since they were taken", whose_);
  ran_ = false;
  std::vector<Tensor> outputs;
  for (const std::size_t tap : tap_of_) outputs.push_back(taps_[tap].output);
  for (Tap& tap : taps_) tap.output = {};
  return outputs;
}

}  // namespace limbeck
