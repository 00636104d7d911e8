// Random distortion and its elastic field. Affine maps and resampling have a file of their own.
#include "data/distortion.h"

#include <numeric>

#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

using Values = std::vector<real>;

Values distorted(Values image, const Shape& shape, const DistortionOptions& options,
                 std::uint64_t seed) {
  Rng rng(seed);
  random_distortion(options)(image, shape, rng);
  return image;
}

double largest_difference(const Values& a, const Values& b) {
  REQUIRE(a.size() == b.size());
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, static_cast<double>(std::abs(a[i] - b[i])));
  }
  return largest;
}

Values random_values(Index n, std::uint64_t seed) {
  const Tensor t = random_tensor({n}, seed);
  return {t.values().begin(), t.values().end()};
}

// Ink in the form of a round hill in the middle of 28 × 28, far from the borders.
Values hill() {
  Values image;
  for (int y = 0; y < 28; ++y) {
    for (int x = 0; x < 28; ++x) {
      const double r2 = (x - 13.5) * (x - 13.5) + (y - 13.5) * (y - 13.5);
      image.push_back(static_cast<real>(std::exp(-r2 / (2 * 2.5 * 2.5))));
    }
  }
  return image;
}

double total(const Values& image) {
  return std::accumulate(image.begin(), image.end(), 0.0);
}

// The two components of an elastic field, one after the other.
Values field(Index side, double alpha, double sigma, std::uint64_t seed) {
  Rng rng(seed);
  const Sources still = affine_sources(side, side, {});
  Sources moved = still;
  add_elastic(moved, gaussian_kernel(sigma), alpha, rng);
  Values both;
  for (std::size_t i = 0; i < still.x.size(); ++i) both.push_back(moved.x[i] - still.x[i]);
  for (std::size_t i = 0; i < still.y.size(); ++i) both.push_back(moved.y[i] - still.y[i]);
  return both;
}

}  // namespace

TEST_CASE("distortion of no strength leaves an image as it is, bit for bit") {
  const Values image = random_values(2 * 9 * 6, 1);
  CHECK(distorted(image, {2, 9, 6}, {}, 1) == image);
}

TEST_CASE("each strength bounds its own random number, which is uniform") {
  // The channels of this picture are the coordinates of its pixels, from the middle: after a
  // distortion they tell where each came from, and so what the map was.
  Values coordinates;
  for (Index i = 0; i < 49; ++i) coordinates.push_back(static_cast<real>(i % 7 - 3));
  for (Index i = 0; i < 49; ++i) coordinates.push_back(static_cast<real>(i / 7 - 3));
  // x of the middle; x and y of the pixel to its right, and x of the one below.
  const auto draws = [&](const DistortionOptions& options, auto number, double bound) {
    constexpr int count = 2000;
    double sum = 0, squares = 0;
    for (std::uint64_t seed = 0; seed < count; ++seed) {
      const Values image = distorted(coordinates, {2, 7, 7}, options, seed);
      const double value = number(image);
      CHECK(std::abs(value) < bound + 1e-5);
      sum += value;
      squares += value * value;
    }
    // Uniform in ±b: mean 0, variance b²/3 of standard deviation b² √(4/45 / count) = 0.0067 b².
    CHECK(std::abs(sum / count) < 5 * bound / std::sqrt(3.0 * count));
    CHECK(std::abs(squares / count - bound * bound / 3) < 5 * 0.0067 * bound * bound);
  };
  constexpr std::size_t middle = 24, right = 25, below = 31, y = 49;
  draws(
      {.shift = 2}, [&](const Values& v) { return v[middle]; }, 2);
  draws(
      {.shift = 2}, [&](const Values& v) { return v[y + middle]; }, 2);
  draws(
      {.scale = 0.3}, [&](const Values& v) { return 1 / v[right] - 1; }, 0.3);
  draws(
      {.scale = 0.3}, [&](const Values& v) { return 1 / v[y + below] - 1; }, 0.3);
  draws(
      {.shear = 0.4}, [&](const Values& v) { return v[below]; }, 0.4);
  draws(
      {.rotation = 20}, [&](const Values& v) { return std::asin(v[y + right]); },
      20 * std::acos(-1.0) / 180);
}

TEST_CASE("the Gaussian kernel reaches 3 sigma to either side and sums to 1") {
  for (const double sigma : {0.5, 1.0, 4.0, 5.5}) {
    const Values kernel = gaussian_kernel(sigma);
    const auto r = static_cast<std::size_t>(std::ceil(3 * sigma));
    REQUIRE(kernel.size() == 2 * r + 1);
    CHECK(std::abs(total(kernel) - 1) < 1e-6);
    for (std::size_t t = 0; t <= r; ++t) {
      const double ratio = std::exp(-static_cast<double>(t * t) / (2 * sigma * sigma));
      CHECK(std::abs(kernel[r + t] - ratio * kernel[r]) < 1e-7);
      CHECK(kernel[r - t] == kernel[r + t]);
    }
  }
}

TEST_CASE("smoothing in two passes is the sum over the square") {
  for (const auto& [height, width, sigma] : {std::tuple(2, 3, 0.6), std::tuple(1, 1, 1.0),
                                             std::tuple(9, 11, 2.0), std::tuple(28, 28, 4.0)}) {
    const Values kernel = gaussian_kernel(sigma);
    const auto taps = static_cast<Index>(kernel.size()), wide = width + taps - 1;
    const Values x = random_values((height + taps - 1) * wide, 3);
    Values y;
    for (Index i = 0; i < height; ++i) {
      for (Index j = 0; j < width; ++j) {
        real sum = 0;
        for (Index s = 0; s < taps; ++s) {
          for (Index t = 0; t < taps; ++t) {
            sum += kernel[static_cast<std::size_t>(s)] * kernel[static_cast<std::size_t>(t)] *
                   x[static_cast<std::size_t>((i + s) * wide + j + t)];
          }
        }
        y.push_back(sum);
      }
    }
    CHECK(largest_difference(smooth(x, height, width, kernel), y) < 1e-6);
  }
}

TEST_CASE("the elastic field is as strong and as smooth as alpha and sigma say, also at the edge") {
  constexpr int fields = 1000;
  constexpr double alpha = 34, sigma = 4;
  double inside = 0, corner = 0, step = 0, both = 0;
  for (std::uint64_t seed = 0; seed < fields; ++seed) {
    const Values d = field(28, alpha, sigma, seed);
    for (const std::size_t component : {0U, 28U * 28U}) {
      const real* at = d.data() + component;
      corner += (at[0] * at[0] + at[27] * at[27] + at[27 * 28] * at[27 * 28] + at[783] * at[783]) /
                (4.0 * 2 * fields);
      for (std::size_t i = 0; i < 28 * 28; ++i) {
        inside += at[i] * at[i] / (784.0 * 2 * fields);
        if (i % 28 > 0) step += std::pow(at[i] - at[i - 1], 2) / (27 * 28.0 * 2 * fields);
      }
    }
    for (std::size_t i = 0; i < 28 * 28; ++i) both += d[i] * d[784 + i] / (784.0 * fields);
  }
  // The variance of a component is that of the noise, 1/3, times the kernel's energy 1/(4πσ²) and
  // alpha²; pixels apart by t correlate as exp(−t²/4σ²). A field holds about eight independent
  // values of a component, so the bounds are some five standard deviations.
  const double variance = alpha * alpha / (12 * std::acos(-1.0) * sigma * sigma);
  CHECK(std::abs(inside / variance - 1) < 0.06);
  CHECK(std::abs(corner / variance - 1) < 0.09);
  CHECK(std::abs(step / variance / (2 - 2 * std::exp(-1 / (4 * sigma * sigma))) - 1) < 0.06);
  CHECK(std::abs(both / variance) < 0.08);  // the two components are independent
}

TEST_CASE("distortion keeps the ink, but for scaling, which multiplies it") {
  const Values image = hill();
  const double ink = total(image);
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Values moved =
        distorted(image, {1, 28, 28}, {.rotation = 45, .shear = 0.3, .shift = 2}, seed);
    CHECK(std::abs(total(moved) / ink - 1) < 0.01);
  }
  Values scaled = image;
  resample(scaled, affine_sources(28, 28, {.rotation = 30, .scale_x = 1.2, .scale_y = 0.9}));
  CHECK(std::abs(total(scaled) / ink - 1.2 * 0.9) < 0.01);
  // A field that is the same everywhere in the mean keeps the ink in the mean.
  double mean = 0;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    mean += total(distorted(image, {1, 28, 28}, {.elastic_alpha = 34}, seed)) / 500;
  }
  CHECK(std::abs(mean / ink - 1) < 0.05);
}

TEST_CASE("distortion depends on the generator alone and treats all channels alike") {
  const Values image = random_values(8 * 8, 4);
  Values three = image;
  for (const real scale : {real{2}, real{-1}}) {
    for (const real v : image) three.push_back(scale * v);
  }
  const Values one = distorted(image, {1, 8, 8}, mnist_distortion, 5);
  CHECK(one != image);
  CHECK(one == distorted(image, {1, 8, 8}, mnist_distortion, 5));
  CHECK(one != distorted(image, {1, 8, 8}, mnist_distortion, 6));
  const Values all = distorted(three, {3, 8, 8}, mnist_distortion, 5);
  for (std::size_t i = 0; i < 64; ++i) {
    CHECK(all[i] == one[i]);
    CHECK(all[64 + i] == 2 * one[i]);
    CHECK(all[128 + i] == -one[i]);
  }
}

TEST_CASE("distortion refuses strengths without a meaning, and sizes that do not fit") {
  const auto error = [](const DistortionOptions& options) {
    return error_of([&] { random_distortion(options); });
  };
  CHECK(error({.rotation = -5}) ==
        "random_distortion: rotation must be a number of at least 0; got -5");
  CHECK(contains(error({.scale = -0.1}), "scale must be a number of at least 0; got -0.1"));
  CHECK(contains(error({.scale = 1}), "scale must be below 1"));
  CHECK(contains(error({.shear = NAN}), "shear must be a number of at least 0; got nan"));
  CHECK(contains(error({.shift = INFINITY}), "shift must be a number of at least 0; got inf"));
  CHECK(contains(error({.elastic_alpha = -1}), "elastic_alpha must be a number of at least 0"));
  CHECK(contains(error({.elastic_sigma = 0}), "elastic_sigma must be above 0"));
  CHECK(contains(error_of([] { smooth(Values(10), 3, 3, gaussian_kernel(1)); }),
                 "9 × 9 values are needed for 3 × 3; got 10"));
}
