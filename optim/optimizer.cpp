#include "optim/optimizer.h"

#include <algorithm>
#include <cmath>
#include <typeinfo>

#include "core/error.h"
#include "core/gradient_sink.h"
#include "core/parallel.h"

namespace limbeck {
namespace {

constexpr Index grain = 16 * 1024;  // elements below which an update stays on one thread

}  // namespace

Optimizer::Optimizer(ParameterGroups groups, double lr, std::optional<double> decay)
    : groups_(std::move(groups)),
      parameters_(groups_.parameters()),
      weight_decay_(decay.value_or(0)) {
  if (std::ranges::none_of(parameters_, &Tensor::wants_grad)) {
    fail("Optimizer", "none of {} parameters requires a gradient, so nothing would ever change",
         parameters_.size());
  }
  set_lr(lr);
  if (!(weight_decay_ >= 0)) {
    fail("Optimizer", "weight_decay must be at least 0; got {}", weight_decay_);
  }
  for (std::size_t i = 0; i < parameters_.size() && !decay; ++i) {
    if (weight_decay(i) != 0) {
      fail("Optimizer", "a group has weight_decay {}, and this optimizer's rule has none",
           weight_decay(i));
    }
  }
  updates_ = Tensor::zeros({static_cast<Index>(parameters_.size())});
  last_step_.assign(parameters_.size(), 0);
}

Optimizer::Optimizer(Optimizer&& other) noexcept
    : groups_(std::move(other.groups_)),
      parameters_(std::move(other.parameters_)),
      lr_(other.lr_),
      weight_decay_(other.weight_decay_),
      steps_(other.steps_),
      updates_(std::move(other.updates_)),
      last_step_(std::move(other.last_step_)) {}

// Called for every part of a parameter, perhaps from several threads.
void Optimizer::count_update(std::size_t i) {
  const std::lock_guard lock(mutex_);
  if (last_step_[i] == steps_) return;
  last_step_[i] = steps_;
  updates_.values()[i] += 1;
}

void Optimizer::set_lr(double lr) {
  if (!(lr >= 0) || !std::isfinite(lr)) {
    fail("Optimizer", "the learning rate must be a number of at least 0; got {}", lr);
  }
  lr_ = lr;
}

void Optimizer::step() {
  const FlushDenormals flush_denormals;
  ++steps_;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    if (!parameters_[i].has_grad()) continue;
    const Tensor grad = parameters_[i].grad();
    parameters_[i].body().storage->changed();
    count_update(i);
    const Index part = is_elementwise() ? grain : grad.size();
    parallel_for(grad.size(), part, [&](Index begin, Index end) {
      update(i, begin,
             grad.values().subspan(static_cast<std::size_t>(begin),
                                   static_cast<std::size_t>(end - begin)));
    });
  }
}

void Optimizer::minimize(const Tensor& loss) {
  zero_grad();
  if (!is_elementwise()) {
    loss.backward();
    step();
    zero_grad();
    return;
  }
  ++steps_;
  std::vector<GradientSink> sinks;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    sinks.push_back({parameters_[i], [this, i](Index begin, std::span<const real> gradient) {
                       count_update(i);
                       update(i, begin, gradient);
                     }});
  }
  try {
    backward_into(loss, sinks);
  } catch (...) {
    if (std::ranges::find(last_step_, steps_) == last_step_.end()) --steps_;  // nothing moved
    throw;
  }
}

std::string Optimizer::describe() const {
  return typeid(*this).name();
}

void Optimizer::set_steps(Index steps) {
  steps_ = steps;
  std::ranges::fill(last_step_, 0);
}

std::vector<Tensor> Optimizer::zeros_like_parameters() const {
  std::vector<Tensor> zeros;
  for (const Tensor& parameter : parameters_) zeros.push_back(Tensor::zeros(parameter.shape()));
  return zeros;
}

std::vector<NamedTensor> Optimizer::numbered(const std::string& name,
                                             std::span<const Tensor> tensors) {
  std::vector<NamedTensor> named;
  for (const Tensor& tensor : tensors) {
    named.push_back({fmt::format("{}.{}", name, named.size()), tensor});
  }
  return named;
}

void Optimizer::zero_grad() {
  for (Tensor& parameter : parameters_) parameter.clear_grad();
}

}  // namespace limbeck
