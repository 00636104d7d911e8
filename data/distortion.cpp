#include "data/distortion.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.h"

namespace limbeck {
namespace {

void check_strength(const char* name, double strength) {
  if (!(strength >= 0) || !std::isfinite(strength)) {
    fail("random_distortion", "{} must be a number of at least 0; got {}", name, strength);
  }
}

void check(const DistortionOptions& options) {
  check_strength("rotation", options.rotation);
  check_strength("scale", options.scale);
  check_strength("shear", options.shear);
  check_strength("shift", options.shift);
  check_strength("elastic_alpha", options.elastic_alpha);
  check_strength("elastic_sigma", options.elastic_sigma);
  if (options.scale >= 1) {
    fail("random_distortion", "scale must be below 1, or nothing would remain of the image; got {}",
         options.scale);
  }
  if (options.elastic_sigma == 0) fail("random_distortion", "elastic_sigma must be above 0; got 0");
}

// y[i] = Σ_t kernel[t] x[i + t · step], i < n. A step of 1 goes along the rows of a picture, a step
// of its width down its columns. The n sums are made at once, in vector registers if they fit.
template <Index n>
void correlate_block(real* y, const real* x, const std::vector<real>& kernel, Index step) {
  std::array<real, n> sums{};
  for (const real weight : kernel) {
    for (std::size_t i = 0; i < n; ++i) sums[i] += weight * x[i];
    x += step;
  }
  std::ranges::copy(sums, y);
}

// The same for any n. The last block reaches back to where the one before has been.
void correlate(real* y, const real* x, Index n, const std::vector<real>& kernel, Index step) {
  constexpr Index block = 64;
  for (Index i = 0; i + block <= n; i += block) correlate_block<block>(y + i, x + i, kernel, step);
  if (n >= block) {
    correlate_block<block>(y + n - block, x + n - block, kernel, step);
  } else {
    for (Index i = 0; i < n; ++i) correlate_block<1>(y + i, x + i, kernel, step);
  }
}

// n numbers in (−1, 1), a random byte each: smoothing averages so many of them that 256 steps are
// enough. Their variance is that of the uniform distribution, 1/3, to five digits.
std::vector<real> noise(Index n, const Rng& rng) {
  std::vector<std::uint32_t> words(static_cast<std::size_t>(n + 3) / 4);
  rng.words_from(0, words);
  std::vector<real> numbers(static_cast<std::size_t>(n));
  const auto* const bytes = reinterpret_cast<const unsigned char*>(words.data());
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    numbers[i] = (static_cast<real>(bytes[i]) - real{127.5}) / 128;
  }
  return numbers;
}

}  // namespace

Augmentation random_distortion(const DistortionOptions& options) {
  check(options);
  return [options, kernel = gaussian_kernel(options.elastic_sigma)](std::span<real> image,
                                                                    const Shape& shape, Rng& rng) {
    const auto within = [&rng](double bound) { return rng.uniform(-bound, bound); };
    const Affine map{.rotation = within(options.rotation),
                     .scale_x = 1 + within(options.scale),
                     .scale_y = 1 + within(options.scale),
                     .shear = within(options.shear),
                     .right = within(options.shift),
                     .down = within(options.shift)};
    Sources sources = affine_sources(shape.dim(-2), shape.dim(-1), map);
    if (options.elastic_alpha > 0) add_elastic(sources, kernel, options.elastic_alpha, rng);
    resample(image, sources);
  };
}

Augmentation distorted_mnist() {
  return either(0.7, random_distortion(mnist_distortion), random_shift(2));
}

void add_elastic(Sources& sources, const std::vector<real>& kernel, double alpha, Rng& rng) {
  const auto margin = static_cast<Index>(kernel.size()) - 1;  // 2r
  const Index reached = (sources.height + margin) * (sources.width + margin);
  for (std::vector<real>* positions : {&sources.x, &sources.y}) {
    const std::vector<real> field =
        smooth(noise(reached, rng.fork()), sources.height, sources.width, kernel);
    for (std::size_t i = 0; i < field.size(); ++i) {
      (*positions)[i] += static_cast<real>(alpha) * field[i];
    }
  }
}

std::vector<real> gaussian_kernel(double sigma) {
  const auto r = static_cast<Index>(std::ceil(3 * sigma));
  std::vector<double> weights;
  double sum = 0;
  for (Index t = -r; t <= r; ++t) {
    const double z = static_cast<double>(t) / sigma;
    weights.push_back(std::exp(-z * z / 2));
    sum += weights.back();
  }
  std::vector<real> kernel;
  for (const double weight : weights) kernel.push_back(static_cast<real>(weight / sum));
  return kernel;
}

std::vector<real> smooth(const std::vector<real>& x, Index height, Index width,
                         const std::vector<real>& kernel) {
  const Index margin = static_cast<Index>(kernel.size()) - 1;  // 2r
  const Index wide = width + margin;
  if (static_cast<Index>(x.size()) != (height + margin) * wide) {
    fail("smooth", "{} × {} values are needed for {} × {}; got {}", height + margin, wide, height,
         width, x.size());
  }
  std::vector<real> columns(static_cast<std::size_t>(height * wide)), rows(columns.size());
  correlate(columns.data(), x.data(), height * wide, kernel, wide);
  // As if all rows were one: the sums that reach over the end of a row are left out below.
  correlate(rows.data(), columns.data(), height * wide - margin, kernel, 1);
  std::vector<real> y(static_cast<std::size_t>(height * width));
  for (Index i = 0; i < height; ++i) {
    std::copy_n(rows.begin() + i * wide, width, y.begin() + i * width);
  }
  return y;
}

}  // namespace limbeck
