#include "data/distortion.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

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

// The numbers that fill a register of the widest kind. (What is wider, g++ keeps in memory.)
#if defined(__AVX512F__)
constexpr Index register_bytes = 64;
#elif defined(__AVX__)
constexpr Index register_bytes = 32;
#else
constexpr Index register_bytes = 16;
#endif
constexpr Index in_register = register_bytes / static_cast<Index>(sizeof(real));
using Numbers = real __attribute__((vector_size(register_bytes)));

// y[i, j] = Σ_t kernel[t] x[i, j + t · step] for rows of a register each, as many as the processor
// can add to while it waits for the others. A step of 1 goes along the rows of a picture, a step of
// its width down its columns.
template <Index rows>
void correlate_tile(real* y, Index y_row, const real* x, Index x_row,
                    const std::vector<real>& kernel, Index step) {
  std::array<Numbers, rows> sums{};
  Index at = 0;
  for (const real weight : kernel) {
    for (std::size_t i = 0; i < rows; ++i) {
      Numbers numbers;
      std::memcpy(&numbers, x + at + static_cast<Index>(i) * x_row, sizeof numbers);
      sums[i] += weight * numbers;
    }
    at += step;
  }
  for (std::size_t i = 0; i < rows; ++i) {
    std::memcpy(y + static_cast<Index>(i) * y_row, &sums[i], sizeof(Numbers));
  }
}

// The same for any number of rows and columns. Columns are rounded up to whole registers: y has
// room for them, and x has a register more. The last tile reaches back to where the one before was.
void correlate(real* y, Index y_row, const real* x, Index x_row, Index rows, Index columns,
               const std::vector<real>& kernel, Index step) {
  constexpr Index tile = 8;
  for (Index j = 0; j < columns; j += in_register) {
    for (Index i = 0; i < rows; i += tile) {
      const Index first = std::min(i, rows - tile);
      if (first >= 0) {
        correlate_tile<tile>(y + first * y_row + j, y_row, x + first * x_row + j, x_row, kernel,
                             step);
      } else {
        for (Index k = 0; k < rows; ++k) {
          correlate_tile<1>(y + k * y_row + j, y_row, x + k * x_row + j, x_row, kernel, step);
        }
      }
    }
  }
}

// n numbers in (−1, 1), a random byte each: smoothing averages so many of them that 256 steps are
// enough. Their variance is that of the uniform distribution, 1/3, to five digits.
std::vector<real> noise(Index n, const Rng& rng) {
  std::vector<std::uint32_t> words(static_cast<std::size_t>(n + 3) / 4);
  rng.words_from(0, words);
  std::vector<real> numbers;
  numbers.reserve(static_cast<std::size_t>(n + in_register));  // smooth() will ask for so much
  numbers.resize(static_cast<std::size_t>(n));
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

std::vector<real> smooth(std::vector<real> x, Index height, Index width,
                         const std::vector<real>& kernel) {
  const Index margin = static_cast<Index>(kernel.size()) - 1;  // 2r
  const Index wide = width + margin,
              padded_width = (width + in_register - 1) / in_register * in_register;
  if (static_cast<Index>(x.size()) != (height + margin) * wide) {
    fail("smooth", "{} × {} values are needed for {} × {}; got {}", height + margin, wide, height,
         width, x.size());
  }
  x.resize(x.size() + in_register);
  // Down the columns all rows are as one, which is cut into registers.
  const Index pieces = (height * wide + in_register - 1) / in_register;
  std::vector<real> columns(static_cast<std::size_t>((pieces + 1) * in_register));
  correlate(columns.data(), in_register, x.data(), in_register, pieces, in_register, kernel, wide);
  std::vector<real> rows(static_cast<std::size_t>(height * padded_width));
  correlate(rows.data(), padded_width, columns.data(), wide, height, width, kernel, 1);
  std::vector<real> y(static_cast<std::size_t>(height * width));
  for (Index i = 0; i < height; ++i) {
    std::copy_n(rows.begin() + i * padded_width, width, y.begin() + i * width);
  }
  return y;
}

}  // namespace limbeck
