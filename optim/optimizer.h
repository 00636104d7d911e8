// Optimizer: changes parameters by their gradients, to make the loss smaller.
#pragma once

#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/tensor.h"
#include "optim/parameter_group.h"

namespace limbeck {

// What optimizers share: their parameters, the learning rate and the count of steps. A new one says
// in update() how a parameter moves. A parameter that is given twice, as one that two layers share
// is, moves once a step; a frozen one, which does not require a gradient, stays as it is until it
// does. Groups of parameters may have a learning rate and a decay of their own
// (optim/parameter_group.h).
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  // A copy would move the same parameters by the same memory.
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  // One update of every parameter that has a gradient; the others stay as they are.
  void step();
  void zero_grad();  // clears the gradients

  // What zero_grad(), loss.backward() and step() do together, in fewer passes over memory: each
  // parameter moves as soon as its gradient is complete, a part at a time while that is in cache,
  // and the gradients of the parameters are not kept. (backward_into in core/gradient_sink.h tells
  // what the loss must not do.) To change gradients first, by clipping say, take the three calls.
  // Error: what backward() finds wrong. Before it is found, some parameters may have moved already;
  // then the step counts.
  void minimize(const Tensor& loss);

  // What it remembers beside the parameters, tensors that see its own memory, and the number of
  // steps so far: what a program keeps to go on after a stop.
  virtual std::vector<NamedTensor> named_state() { return {}; }
  Index steps() const { return steps_; }
  void set_steps(Index steps);

  // What it is, with all options that its steps depend on but the learning rate: "Adam(beta1 =
  // 0.9, …)". A training that goes on after a stop asks whether it is the same. At first the name
  // of its class, as the compiler has it.
  virtual std::string describe() const;
  // The groups of its parameters with their options, in which trainings differ as well; "" if there
  // are none of their own.
  std::string describe_groups() const { return groups_.describe(); }

  // What it moves, where that wants a gradient: the parameters of all groups, each once.
  const std::vector<Tensor>& moved() const { return parameters_; }

  double lr() const { return lr_; }  // the learning rate of the next step
  // The learning rate from the next step on. Error: negative, or not a number.
  void set_lr(double lr);

 protected:
  // `decay` is the λ of groups without one of their own; a rule that has no decay leaves it out.
  // Error: none of the parameters requires a gradient, a learning rate as in set_lr, λ below 0, or
  // a group with a decay where the rule has none.
  Optimizer(ParameterGroups groups, double lr, std::optional<double> decay = std::nullopt);
  Optimizer(Optimizer&& other) noexcept;

  // Updates elements [begin, begin + gradient.size()) of parameter i. Must be safe to call from
  // several threads at once for different elements.
  virtual void update(std::size_t i, Index begin, std::span<const real> gradient) = 0;
  // Whether an element's update needs its own gradient and no other. A rule that needs all of them,
  // for a norm or a factorisation, says no: it then gets each parameter's gradient whole, in one
  // call, and minimize() takes its three steps.
  virtual bool is_elementwise() const { return true; }

  std::vector<Tensor>& parameters() { return parameters_; }  // as they were given, each once
  // The learning rate and λ for parameter i, by its group: what update() moves it by.
  double lr(std::size_t i) const { return lr_ * groups_.group_of(i).lr_factor; }
  double weight_decay(std::size_t i) const {
    return groups_.group_of(i).weight_decay.value_or(weight_decay_);
  }
  // How often parameter i has been updated, with the update under way: fewer times than there were
  // steps, where it had no gradient in some.
  Index updates(std::size_t i) const {
    return static_cast<Index>(std::as_const(updates_).values()[i]);
  }
  // All of these, (number of parameters), for named_state().
  const Tensor& all_updates() const { return updates_; }
  // A tensor of zeros for each parameter: what an optimizer remembers of it.
  std::vector<Tensor> zeros_like_parameters() const;
  // Such tensors with names: "m.0", "m.1", …
  static std::vector<NamedTensor> numbered(const std::string& name,
                                           std::span<const Tensor> tensors);

 private:
  void count_update(std::size_t i);

  ParameterGroups groups_;
  std::vector<Tensor> parameters_;
  double lr_;
  double weight_decay_;
  Index steps_ = 0;  // begun: 1 during the first
  Tensor updates_;
  std::vector<Index> last_step_;  // in which parameter i was updated
  std::mutex mutex_;              // of these two
};

}  // namespace limbeck
