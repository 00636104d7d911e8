#include "nn/module.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "core/autograd.h"
#include "core/text.h"

namespace limbeck {
namespace {

// While summary() runs a network, the output shape of every module that is called.
thread_local std::map<const Module*, Shape>* observed_shapes = nullptr;

// Of every module that is called for one image of shape `input`.
std::map<const Module*, Shape> output_shapes(Module& network, const Shape& input) {
  std::map<const Module*, Shape> shapes;
  const NoGrad no_grad;
  const EvalMode eval_mode(network);
  auto* const before = std::exchange(observed_shapes, &shapes);
  try {
    network(Tensor::zeros(input.with_front(1)));
  } catch (...) {
    observed_shapes = before;
    throw;
  }
  observed_shapes = before;
  return shapes;
}

}  // namespace

Tensor Module::operator()(const Tensor& x) {
  Tensor y = forward(x);
  if (observed_shapes != nullptr) (*observed_shapes)[this] = y.shape();
  return y;
}

Index Module::multiply_adds(const Shape& output) const {
  static_cast<void>(output);
  return 0;
}

Tensor Module::forward_fused(const Tensor& x, Layers& following) {
  static_cast<void>(following);
  return (*this)(x);
}

struct Module::Collected {
  std::vector<NamedTensor> parameters;
  std::vector<NamedTensor> buffers;
  std::vector<std::pair<std::string, Rng*>> generators;
  std::vector<Module*> modules;
};

void Module::collect(const std::string& prefix, Collected& all) {
  class Collector : public Parts {
   public:
    Collector(std::string prefix, Collected& all) : prefix_(std::move(prefix)), all_(all) {}
    void operator()(const std::string& name, Tensor& parameter) override {
      if (parameter.defined()) all_.parameters.push_back({prefix_ + name, parameter});
    }
    void operator()(const std::string& name, Module& child) override {
      child.collect(prefix_ + name + ".", all_);
    }
    void buffer(const std::string& name, Tensor& state) override {
      if (state.defined()) all_.buffers.push_back({prefix_ + name, state});
    }
    void random(const std::string& name, Rng& rng) override {
      all_.generators.emplace_back(prefix_ + name, &rng);
    }

   private:
    std::string prefix_;
    Collected& all_;
  };
  all.modules.push_back(this);
  Collector collector(prefix, all);
  parts(collector);
}

std::vector<NamedTensor> Module::named_parameters() {
  Collected all;
  collect("", all);
  return all.parameters;
}

std::vector<NamedTensor> Module::named_buffers() {
  Collected all;
  collect("", all);
  return all.buffers;
}

std::vector<std::pair<std::string, Rng*>> Module::named_generators() {
  Collected all;
  collect("", all);
  return all.generators;
}

std::vector<Module*> Module::modules() {
  Collected all;
  collect("", all);
  return all.modules;
}

std::vector<Tensor> Module::parameters() {
  std::vector<Tensor> tensors;
  for (const NamedTensor& parameter : named_parameters()) tensors.push_back(parameter.tensor);
  return tensors;
}

Index Module::parameter_count() {
  Index count = 0;
  for (const Tensor& parameter : parameters()) count += parameter.size();
  return count;
}

void Module::train(bool on) {
  for (Module* module : modules()) module->training_ = on;
}

void Module::zero_grad() {
  for (Tensor& parameter : parameters()) parameter.clear_grad();
}

EvalMode::EvalMode(Module& module) {
  for (Module* part : module.modules()) before_.emplace_back(part, part->is_training());
  module.eval();
}

EvalMode::~EvalMode() {
  for (const auto& [part, training] : before_) part->training_ = training;
}

bool summarising() {
  return observed_shapes != nullptr;
}

Index multiply_adds(Module& network, const Shape& input) {
  Index sum = 0;
  for (const auto& [module, shape] : output_shapes(network, input)) {
    sum += module->multiply_adds(shape.without_front());
  }
  return sum;
}

std::string summary(Module& network, const Shape& input) {
  const std::map<const Module*, Shape> shapes = output_shapes(network, input);
  std::string text = fmt::format("{:<24} {:>16} {:>12}\n", "layer", "output", "parameters");
  const auto row = [&](const std::string& layer, const std::string& shape, Index count) {
    text += fmt::format("{:<24} {:>16} {:>12}\n", layer, shape, thousands(count));
  };
  row("input", input.str(), 0);
  for (Module* module : network.modules()) {
    if (module->modules().size() > 1) continue;
    const auto shape = shapes.find(module);
    const bool called = shape != shapes.end();
    row(module->describe(), called ? shape->second.without_front().str() : "not called",
        module->parameter_count());
  }
  row("total", "", network.parameter_count());
  return text;
}

}  // namespace limbeck
