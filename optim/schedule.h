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

// The same drops, spread evenly over the steps: factor^(step / every). PyTorch's ExponentialLR has
// every = 1. Error: every < 1.
Schedule exponential(const StepOptions& options);

// The course of a linear schedule, in steps.
struct LinearDecayOptions {
  Index warmup = 0;  // steps in which the factor rises from 1/warmup to 1 in equal parts
  Index total = 0;   // steps in all
  double floor = 0;  // the factor after these, which the last step comes close to
};
// A straight line from 1 down to `floor` after the warm-up, which it reaches when `total` steps are
// over. Error: not 0 <= warmup < total.
Schedule linear_decay(const LinearDecayOptions& options);

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

// The course of one cycle.
struct OneCycleOptions {
  Index total = 0;           // steps in all
  double rise = 0.3;         // the share of them in which the factor rises
  double divisor = 25;       // it starts at 1 / divisor
  double end_divisor = 1e4;  // and ends at 1 / (divisor · end_divisor)
};
// From 1 / divisor up to 1 at step rise · total − 1, and down to nearly nothing at the last step,
// total − 1: half a cosine each. The rate in the middle, the base, may then be several times what a
// training would bear from its start. Smith and Topin, "Super-Convergence", 2018, in the form of
// PyTorch's OneCycleLR, without its change of momentum. Error: total or divisors below 1, or a rise
// that is not longer than one step and shorter than all of them.
Schedule one_cycle(const OneCycleOptions& options);

}  // namespace limbeck
