#include "optim/parameter_group.h"

#include <cmath>
#include <unordered_map>

#include "core/error.h"

namespace limbeck {
namespace {

void check(const ParameterGroup& group) {
  if (!(group.lr_factor >= 0) || !std::isfinite(group.lr_factor)) {
    fail("ParameterGroup", "lr_factor must be a number of at least 0; got {}", group.lr_factor);
  }
  if (group.weight_decay && !(*group.weight_decay >= 0)) {
    fail("ParameterGroup", "weight_decay must be at least 0; got {}", *group.weight_decay);
  }
}

// "0.weight (3, 2)"
std::string name_of(const Tensor& parameter) {
  const std::string& name = parameter.name();
  return fmt::format("{}{}{}", name, name.empty() ? "" : " ", parameter.shape());
}

}  // namespace

ParameterGroups::ParameterGroups(std::vector<ParameterGroup> groups) : groups_(std::move(groups)) {
  std::unordered_map<const detail::TensorBody*, std::size_t> seen;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    check(groups_[g]);
    for (const Tensor& parameter : groups_[g].parameters) {
      const auto [at, is_new] = seen.emplace(&parameter.body(), g);
      if (is_new) {
        parameters_.push_back(parameter);
        group_of_.push_back(g);
      } else if (at->second != g) {
        fail("ParameterGroups",
             "the parameter {} is in groups {} and {}; it moves by the options of one",
             name_of(parameter), at->second, g);
      }
    }
  }
}

ParameterGroups::ParameterGroups(std::initializer_list<ParameterGroup> groups)
    : ParameterGroups(std::vector<ParameterGroup>(groups)) {}

ParameterGroups::ParameterGroups(std::vector<Tensor> parameters)
    : ParameterGroups(
          std::vector<ParameterGroup>(1, ParameterGroup{.parameters = std::move(parameters)})) {}

ParameterGroups::ParameterGroups(std::initializer_list<Tensor> parameters)
    : ParameterGroups(std::vector<Tensor>(parameters)) {}

std::string ParameterGroups::describe() const {
  if (groups_.size() == 1 && groups_[0].lr_factor == 1 && !groups_[0].weight_decay) return "";
  std::string text;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    text += fmt::format("{}[lr_factor = {}", text.empty() ? "" : " ", groups_[g].lr_factor);
    if (const auto& decay = groups_[g].weight_decay) {
      text += fmt::format(", weight_decay = {}", *decay);
    }
    const char* before = ": ";
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      if (group_of_[i] != g) continue;
      text += before + name_of(parameters_[i]);
      before = ", ";
    }
    text += "]";
  }
  return text;
}

std::vector<ParameterGroup> decay_matrices_only(const std::vector<Tensor>& parameters,
                                                double weight_decay) {
  ParameterGroup matrices{.weight_decay = weight_decay}, vectors{.weight_decay = 0};
  check(matrices);
  for (const Tensor& parameter : parameters) {
    (parameter.shape().rank() >= 2 ? matrices : vectors).parameters.push_back(parameter);
  }
  std::vector<ParameterGroup> groups;
  for (ParameterGroup* const group : {&matrices, &vectors}) {
    if (!group->parameters.empty()) groups.push_back(std::move(*group));
  }
  return groups;
}

}  // namespace limbeck
