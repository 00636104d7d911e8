#include "optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/error.h"

namespace limbeck {
namespace {

void check_every(const char* op, const StepOptions& options) {
  if (options.every < 1) fail(op, "every must be at least 1; got {}", options.every);
}

// From 1 to 0 along half a cosine, as `part` goes from 0 to 1.
double half_cosine(double part) {
  return (1 + std::cos(std::numbers::pi * part)) / 2;
}

// A warm-up, and then fall(part) of the way from `floor` to 1; part goes from 0 to 1.
template <class Options>
Schedule warm_up_and_fall(const char* op, const Options& options, double (*fall)(double part)) {
  if (options.warmup < 0 || options.warmup >= options.total) {
    fail(op, "the warm-up must be shorter than the total; got {} and {} steps", options.warmup,
         options.total);
  }
  return [options, fall](Index step) {
    if (step < options.warmup) {
      return static_cast<double>(step + 1) / static_cast<double>(options.warmup);
    }
    const Index length = options.total - options.warmup;
    const Index done = std::min(step - options.warmup, length);
    const double part = static_cast<double>(done) / static_cast<double>(length);
    return options.floor + (1 - options.floor) * fall(part);
  };
}

}  // namespace

Schedule constant() {
  return [](Index) { return 1.0; };
}

Schedule step_decay(const StepOptions& options) {
  check_every("step_decay", options);
  return [options](Index step) {
    return std::pow(options.factor, static_cast<double>(step / options.every));
  };
}

Schedule exponential(const StepOptions& options) {
  check_every("exponential", options);
  return [options](Index step) {
    return std::pow(options.factor, static_cast<double>(step) / static_cast<double>(options.every));
  };
}

Schedule linear_decay(const LinearDecayOptions& options) {
  return warm_up_and_fall("linear_decay", options, [](double part) { return 1 - part; });
}

Schedule cosine(const CosineOptions& options) {
  return warm_up_and_fall("cosine", options, half_cosine);
}

Schedule one_cycle(const OneCycleOptions& options) {
  const double last = static_cast<double>(options.total) - 1;
  const double top = options.rise * static_cast<double>(options.total) - 1;
  if (!(top > 0 && top < last)) {
    fail("one_cycle",
         "the rise must be longer than one step and shorter than all; got {} of {} steps",
         options.rise, options.total);
  }
  if (!(options.divisor >= 1 && options.end_divisor >= 1)) {
    fail("one_cycle", "the divisors must be at least 1; got {} and {}", options.divisor,
         options.end_divisor);
  }
  const double start = 1 / options.divisor, end = start / options.end_divisor;
  return [=](Index step) {
    const double at = std::min(static_cast<double>(step), last);
    if (at <= top) return 1 + (start - 1) * half_cosine(at / top);
    return end + (1 - end) * half_cosine((at - top) / (last - top));
  };
}

}  // namespace limbeck
