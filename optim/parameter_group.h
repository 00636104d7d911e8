// Groups of parameters: one optimizer that moves some parameters in another way than the rest.
//
//   AdamW adam(decay_matrices_only(model.parameters(), 0.01), {.lr = 1e-3});
//
//   // a body that has learned already, and a new head
//   Sgd sgd({{.parameters = body.parameters(), .lr_factor = 0.1},
//            {.parameters = head.parameters()}}, {.lr = 0.05, .momentum = 0.9});
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "core/tensor.h"

namespace limbeck {

// Some parameters, with what is special about their steps.
struct ParameterGroup {
  std::vector<Tensor> parameters{};
  double lr_factor = 1;  // of the optimizer's learning rate, whatever a schedule makes of it; ≥ 0
  std::optional<double> weight_decay{};  // λ ≥ 0; none: that of the optimizer's options
};

// What an optimizer is made for: groups, or a list of tensors, which is one group. A parameter that
// a group has twice, as one that two layers share is, counts once. Error: one in two groups, or an
// option out of its range.
class ParameterGroups {
 public:
  // Not explicit: an optimizer takes any of these.
  ParameterGroups(std::vector<Tensor> parameters);
  ParameterGroups(std::initializer_list<Tensor> parameters);
  ParameterGroups(std::vector<ParameterGroup> groups);
  ParameterGroups(std::initializer_list<ParameterGroup> groups);

  // Those of the first group, then those of the second, and so on.
  const std::vector<Tensor>& parameters() const { return parameters_; }
  // The group of parameters()[i].
  const ParameterGroup& group_of(std::size_t i) const { return groups_[group_of_[i]]; }
  // The groups, each with its options and its parameters' names and shapes; "" if it is one,
  // without options.
  std::string describe() const;

 private:
  std::vector<ParameterGroup> groups_;
  std::vector<Tensor> parameters_;
  std::vector<std::size_t> group_of_;
};

// Two groups: with this decay whatever has two dimensions or more, which is the weights of products
// and convolutions; without one all vectors: biases, and the scales and shifts of normalisations.
// A bias has little to overfit with, and a scale no reason to be near 0. A group that would be
// empty is left out. Error: weight_decay below 0.
std::vector<ParameterGroup> decay_matrices_only(const std::vector<Tensor>& parameters,
                                                double weight_decay);

}  // namespace limbeck
