#include "optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/error.h"

namespace limbeck {

Schedule constant() {
  return [](Index) { return 1.0; };
}

Schedule step_decay(const StepOptions& options) {
  if (options.every < 1) fail("step_decay", "every must be at least 1; got {}", options.every);
  return [options](Index step) {
    return std::pow(options.factor, static_cast<double>(step / options.every));
  };
}

Schedule cosine(const CosineOptions& options) {
  if (options.warmup < 0 || options.warmup >= options.total) {
    fail("cosine", "the warm-up must be shorter than the total; got {} and {} steps",
         options.warmup, options.total);
  }
  return [options](Index step) {
    if (step < options.warmup) {
      return static_cast<double>(step + 1) / static_cast<double>(options.warmup);
    }
    const Index length = options.total - options.warmup;
    const Index done = std::min(step - options.warmup, length);
    const double part = static_cast<double>(done) / static_cast<double>(length);
    const double wave = (1 + std::cos(std::numbers::pi * part)) / 2;
    return options.floor + (1 - options.floor) * wave;
  };
}

}  // namespace limbeck
