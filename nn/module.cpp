#include "nn/module.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <unordered_set>
#include <utility>

#include "core/autograd.h"
#include "core/denormals.h"
#include "core/text.h"
#include "nn/output_watch.h"

namespace limbeck {
namespace {

// Of every module that is called for one image of shape `input`.
std::map<const Module*, Shape> output_shapes(Module& network, const Shape& input) {
  std::map<const Module*, Shape> shapes;
  const NoGrad no_grad;
  const EvalMode eval_mode(network);
  const OutputWatch watch(
      [&](const Module& module, const Tensor& y) { shapes[&module] = y.shape(); });
  network(Tensor::zeros(input.with_front(1)));
  return shapes;
}

}  // namespace

Tensor Module::operator()(const Tensor& x) {
  return call([&] { return forward(x); });
}

Tensor Module::call(FunctionRef<Tensor()> work) {
  const FlushDenormals flush_denormals;
  const LayerScope scope(layer_name_);
  Tensor y = work();
  OutputWatch::tell(*this, y);
  return y;
}

Index Module::multiply_adds(const Shape& output) const {
  static_cast<void>(output);
  return 0;
}

void Parts::operator()(const std::string& name, const Tensor& parameter) {
  if (parameter.defined()) parameters_.push_back({prefix_ + name, parameter});
}

void Parts::operator()(const std::string& name, Module& child) {
  modules_.emplace_back(prefix_ + name, &child);
  const std::string before = std::exchange(prefix_, prefix_ + name + ".");
  child.parts(*this);
  prefix_ = before;
}

void Parts::buffer(const std::string& name, const Tensor& state) {
  if (state.defined()) buffers_.push_back({prefix_ + name, state});
}

void Parts::random(const std::string& name, Rng& rng) {
  generators_.emplace_back(prefix_ + name, &rng);
}

// Of this module under that name and all in it. To list its parts changes none; who gets them from
// a constant module gets the tensors only.
Parts Module::all_parts(const std::string& name) const {
  auto& self = const_cast<Module&>(*this);
  Parts all;
  all.modules_.emplace_back(name, &self);
  if (!name.empty()) all.prefix_ = name + ".";
  self.parts(all);
  return all;
}

std::vector<NamedTensor> Module::named_parameters() const {
  return all_parts().parameters_;
}

std::vector<NamedTensor> Module::named_buffers() const {
  return all_parts().buffers_;
}

std::vector<std::pair<std::string, Rng*>> Module::named_generators() {
  return all_parts().generators_;
}

std::vector<std::pair<std::string, Module*>> Module::named_modules() {
  return all_parts().modules_;
}

std::vector<Module*> Module::modules() {
  std::vector<Module*> modules;
  for (const auto& [name, module] : named_modules()) modules.push_back(module);
  return modules;
}

std::vector<Tensor> Module::parameters() const {
  std::vector<Tensor> tensors;
  std::unordered_set<const detail::TensorBody*> seen;
  for (const NamedTensor& parameter : named_parameters()) {
    if (seen.insert(&parameter.tensor.body()).second) tensors.push_back(parameter.tensor);
  }
  return tensors;
}

void Module::set_name(const std::string& name) {
  Parts all = all_parts(name);
  for (const auto& [full_name, module] : all.modules_) {
    const std::string what = module->describe();
    module->name_ = full_name;
    module->layer_name_ = full_name.empty()
                              ? nullptr
                              : std::make_shared<const std::string>(fmt::format(
                                    "{} ({})", full_name, what.substr(0, what.find('('))));
  }
  for (auto& [full_name, parameter] : all.parameters_) parameter.set_name(full_name);
  for (auto& [full_name, buffer] : all.buffers_) buffer.set_name(full_name);
}

Index Module::parameter_count() const {
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

bool Module::is_training() const {
  return training_ && std::atomic_ref(evaluations_) == 0;
}

EvalMode::EvalMode(Module& module) : held_(module.modules()) {
  for (const Module* part : held_) ++std::atomic_ref(part->evaluations_);
}

EvalMode::~EvalMode() {
  for (const Module* part : held_) --std::atomic_ref(part->evaluations_);
}

RestoreModes::RestoreModes(Module& module) {
  for (Module* part : module.modules()) before_.emplace_back(part, part->training_);
}

RestoreModes::~RestoreModes() {
  for (const auto& [part, training] : before_) part->training_ = training;
}

Index multiply_adds(Module& network, const Shape& input) {
  Index sum = 0;
  for (const auto& [module, shape] : output_shapes(network, input)) {
    sum += module->multiply_adds(shape.without_front());
  }
  return sum;
}

namespace {

// The elements of the parameters that a module has itself, beside those of its children.
Index own_parameters(const Module& module) {
  Index count = 0;
  for (const NamedTensor& p : module.named_parameters()) {
    if (p.name.find('.') == p.name.npos) count += p.tensor.size();
  }
  return count;
}

}  // namespace

std::string summary(Module& network, const Shape& input) {
  const std::map<const Module*, Shape> shapes = output_shapes(network, input);
  std::vector<std::array<std::string, 5>> rows = {
      {"layer", "", "output", "parameters", "multiply-adds"}, {"input", "", input.str(), "", ""}};
  Index products = 0;
  for (const auto& [name, module] : network.named_modules()) {
    const auto shape = shapes.find(module);
    const bool called = shape != shapes.end();
    const Index own = called ? module->multiply_adds(shape->second.without_front()) : Index{0};
    products += own;
    const Index parameters = own_parameters(*module);
    if (module->modules().size() > 1 && parameters == 0) continue;
    rows.push_back({name, module->describe(),
                    called ? shape->second.without_front().str() : "not called",
                    thousands(parameters), thousands(own)});
  }
  rows.push_back({"total", "", "", thousands(network.parameter_count()), thousands(products)});
  std::size_t names = 0, layers = 0;
  for (const auto& row : rows) {
    names = std::max(names, row[0].size());
    layers = std::max(layers, row[1].size());
  }
  std::string text;
  for (const auto& row : rows) {
    text += fmt::format("{:<{}}  {:<{}}  {:>14}", row[0], names, row[1], layers, row[2]);
    if (!row[3].empty()) text += fmt::format("  {:>10}  {:>13}", row[3], row[4]);
    text += '\n';
  }
  return text;
}

}  // namespace limbeck
