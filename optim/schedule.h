// Learning-rate schedules: factors by which the base rate is multiplied, step by step.
//
//   const Schedule schedule = cosine({.warmup = 100, .total = 5000});
//   for (Index step = 0; step < 5000; ++step) {
//     adam.set_lr(1e-3 * schedule(step));
//     ...
#pragma once

#include <functional>

#include "core/shape.h"

namespace limbeck {

using Schedule = std::function<double(Index step)>;  // steps count from 0

Schedule constant();  // 1

// When the factor drops, and by how much.
struct StepOptions {
  Index every = 0;      // steps between two drops
  double factor = 0.1;  // of one drop
};
// factor^⌊step / every⌋. Error: every < 1.
Schedule step_decay(const StepOptions& options);

// The course of a cosine schedule, in steps.
struct CosineOptions {
  Index warmup = 0;  // steps in which the factor rises from 1/warmup to 1 in equal parts
  Index total = 0;   // steps in all
  double floor = 0;  // the factor after these, which the last step comes close to
};
// Half a cosine from 1 down to `floor` after the warm-up, which it reaches when `total` steps are
// over: with a floor of 0 the last step too still moves something, as in PyTorch's
// CosineAnnealingLR. Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts",
// ICLR 2017, equation 5, without restarts.
// Error: not 0 <= warmup < total.
Schedule cosine(const CosineOptions& options);

}  // namespace limbeck
