#include "optim/average.h"

#include <algorithm>

#include "core/error.h"
#include "core/parallel.h"

namespace limbeck {

WeightAverage::WeightAverage(std::vector<Tensor> parameters, double decay)
    : parameters_(std::move(parameters)), decay_(decay) {
  if (!(decay >= 0 && decay < 1)) {
    fail("WeightAverage", "the decay must be in [0, 1); got {}", decay);
  }
  for (const Tensor& parameter : parameters_) averages_.push_back(parameter.clone());
}

void WeightAverage::update() {
  ++steps_;
  const auto t = static_cast<double>(steps_);
  const auto rest = static_cast<real>(1 - std::min(decay_, (1 + t) / (10 + t)));
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    real* const average = averages_[i].data();
    const real* const weight = std::as_const(parameters_[i]).data();
    parallel_for(averages_[i].size(), elementwise_grain, [=](Index begin, Index end) {
      for (Index j = begin; j < end; ++j) average[j] += rest * (weight[j] - average[j]);
    });
  }
}

void WeightAverage::swap() {
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    std::ranges::swap_ranges(parameters_[i].values(), averages_[i].values());
  }
}

}  // namespace limbeck
