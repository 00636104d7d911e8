// WeightAverage: a second set of weights, the moving average of those that training goes through.
#pragma once

#include <span>
#include <vector>

#include "core/tensor.h"

namespace limbeck {

// After each step of an optimizer,
//   a ← d a + (1 − d) w       d = min(decay, (1 + t) / (10 + t)) at step t = 1, 2, …
// Late in training w wanders about a minimum; its average lies nearer the middle and often
// generalises better (Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging",
// 1992; with exponential weights, Tarvainen and Valpola, "Mean teachers are better role models",
// NeurIPS 2017). The smaller d of the first steps (as in TensorFlow's ExponentialMovingAverage)
// lets the average forget where w began.
//
//   WeightAverage average(model.parameters(), 0.999);
//   ... adam.minimize(loss); average.update();              // every step
//   average.swap();                                         // the model now has the averages
//   ... evaluate ...; average.swap();                       // and now its own weights again
class WeightAverage {
 public:
  // Of a network with batch normalisation the running statistics too (Module::named_buffers): those
  // of the weights as they are do not fit the averages. Error: decay outside [0, 1).
  WeightAverage(std::vector<Tensor> parameters, double decay);

  void update();  // after a step
  // The averages, tensors that see its own memory, and the number of updates so far: what a program
  // keeps to go on after a stop.
  std::span<Tensor> averages() & { return averages_; }
  Index steps() const { return steps_; }
  void set_steps(Index steps) { steps_ = steps; }
  // Exchanges the parameters' elements with the averages.
  void swap();

 private:
  std::vector<Tensor> parameters_;
  std::vector<Tensor> averages_;
  double decay_;
  Index steps_ = 0;
};

}  // namespace limbeck
