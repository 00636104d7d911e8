// What chance leaves of a few repeats: means with their intervals, and differences of pairs.
#pragma once

#include <cmath>
#include <optional>
#include <string>
#include <vector>

namespace limbeck {

// The t that a variable of Student's distribution with `degrees` degrees of freedom stays below
// with probability p: t(0.975, 9) = 2.262. Error: p not in (0, 1), or no degree.
double student_t_quantile(double p, int degrees);

// A mean, and how far about it the true one is looked for: mean ± half, an interval that holds the
// true mean in 95 of 100 such experiments. Of one number there is no interval.
struct Estimate {
  double mean = 0;
  std::optional<double> half{};

  // Whether 0 lies outside of the interval. Of one number it never does, nor of numbers that are
  // all the same: they do not tell how far chance moves them.
  bool differs_from_0() const { return half && *half > 0 && std::abs(mean) > *half; }
};

// t(0.975, n − 1) · deviation / √n on both sides of the mean: of numbers that scatter normally.
// Error: no number.
Estimate estimate_of(const std::vector<double>& values);
// Of a_i − b_i: runs that share a seed, so that what the seed does to both does not count. Error:
// other numbers of values.
Estimate paired_difference(const std::vector<double>& a, const std::vector<double>& b);

// "312.4 ± 5.1", or "312" of one number; with a sign: "+3.1 ± 2.0".
std::string text_of(const Estimate& estimate);
std::string signed_text_of(const Estimate& estimate);
// What a difference of errors tells: "fewer", "more", "no difference within the interval", "of one
// seed" or, where it is not 0 and the same with each seed, "the same with each seed".
std::string verdict_of(const Estimate& more);

}  // namespace limbeck
