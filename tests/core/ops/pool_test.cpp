// Pooling: closed forms, PyTorch's values, and plain loops beside the fast ones.
#include "core/ops/pool.h"

#include "tests/core/ops/plain_pool.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// Small whole numbers, so that many windows have several equal maxima.
Tensor with_ties(const Shape& shape) {
  Tensor x = random_tensor(shape, 3, -4, 4);
  for (real& v : x.values()) v = std::floor(v);
  return x;
}

struct Case {
  Shape images;
  PoolOptions options;
};

// Outputs 1, 2, 3, 7, 8, 14 and more wide; the two-by-two window on even and odd images; windows
// that overlap, touch and leave gaps; enough planes for several threads.
const std::vector<Case> cases = {
    {{2, 3, 6, 6}, {.kernel = 2}},
    {{2, 3, 7, 9}, {.kernel = 2}},
    {{1, 2, 2, 2}, {.kernel = 2}},
    {{1, 2, 15, 33}, {.kernel = 2}},
    {{8, 32, 28, 28}, {.kernel = 2}},
    {{2, 2, 14, 14}, {.kernel = 3, .stride = 2, .padding = 1}},
    {{2, 2, 11, 13}, {.kernel = 3, .stride = 1, .padding = 1}},
    {{8, 16, 28, 28}, {.kernel = 3, .stride = 1, .padding = 1}},
    {{2, 2, 9, 7}, {.kernel = {3, 2}, .stride = {2, 1}, .padding = {1, 1}}},
    {{1, 1, 8, 20}, {.kernel = {1, 4}, .stride = {1, 3}, .padding = {0, 2}}},
    {{2, 1, 12, 12}, {.kernel = 2, .stride = 5}},
    {{2, 2, 5, 6}, {.kernel = {5, 6}}},
    {{1, 1, 40, 30}, {.kernel = {40, 30}}},
    {{0, 3, 6, 6}, {.kernel = 2}},
};

}  // namespace

TEST_CASE("a window takes its maximum and its mean") {
  const Tensor x =
      Tensor::from({1, 1, 4, 4}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,  //
                                  -16});
  CHECK(difference(max_pool2d(x, {.kernel = 2}), {6, 8, 14, 15}) == 0);
  CHECK(difference(avg_pool2d(x, {.kernel = 2}), {3.5, 5.5, 11.5, 5.5}) == 0);
  CHECK(difference(global_avg_pool2d(x), {6.5}) == 0);
  CHECK(global_avg_pool2d(Tensor::zeros({5, 3, 7, 7})).shape() == Shape{5, 3});
}

TEST_CASE("pooling gives PyTorch's values and gradients") {
  // x = wave((1, 1, 5, 4), 1, 0.7).requires_grad_()
  // y = F.max_pool2d(x, (3, 2), (2, 1), (1, 1)); (y * wave(y.shape, 1, 0.3)).sum().backward()
  // and the same with F.avg_pool2d
  const PoolOptions options = {.kernel = {3, 2}, .stride = {2, 1}, .padding = {1, 1}};
  constexpr double tolerance = 1e-6;
  Tensor x = wave({1, 1, 5, 4}, 1, 0.7).requires_grad();
  Tensor y = max_pool2d(x, options);
  sum(y * wave(y.shape(), 1, 0.3)).backward();
  CHECK(y.shape() == Shape{1, 1, 3, 5});
  CHECK(difference(y, {0.8414709848, 0.9916648105, 0.9916648105, 0.6754631806, 0.04158066243,
                       0.3115413635, 0.8504366206, 0.9893582466, 0.9893582466, 0.6629692301,
                       0.02477542545, 0.3274744391, 0.8591618149, 0.9867719643, 0.9867719643}) <
        tolerance);
  CHECK(difference(
            x.grad(),
            {0.8414709848,  1.963131788,   0.9463000877,  0.8084964038,  0, 0, 0, 0, 0.5984721441,
             0.3349881502,  -0.2139604396, -0.5298361409, -0.7568024953, 0, 0, 0, 0, -0.9161659367,
             -0.9936910036, -1.865907268}) < tolerance);
  x.clear_grad();
  y = avg_pool2d(x, options);
  sum(y * wave(y.shape(), 1, 0.3)).backward();
  CHECK(difference(y, {0.03826884898, 0.04062463111, -0.03230946373, -0.09004791293, -0.05538266707,
                       -0.045923517, -0.171284208, -0.2711994642, -0.2435653748, -0.09772660157,
                       -0.0555756428, -0.1051750111, -0.06989510416, -0.001742437604,
                       0.01855329826}) < tolerance);
  CHECK(difference(x.grad(),
                   {0.300838195,    0.3271886314,  0.3243122818,  0.2924660819,  0.4564149107,
                    0.3899501002,   0.2886522085,  0.1615698748,  0.1555767157,  0.06276146876,
                    -0.03566007327, -0.1308962072, -0.1232513563, -0.2555480213, -0.3650173426,
                    -0.4418807519,  -0.278828072,  -0.3183094901, -0.3293572694, -0.3109845447}) <
        tolerance);
}

TEST_CASE("pooling agrees with plain loops, forward and backward, equal maxima included") {
  for (const Case& c : cases) {
    const Window2d window = pool_window("test", c.options);
    CAPTURE(c.images.str());
    CAPTURE(window.kernel.str());
    CAPTURE(window.stride.str());
    CAPTURE(window.padding.str());
    Tensor x = with_ties(c.images).requires_grad();
    Tensor y = max_pool2d(x, c.options);
    const Tensor dy = random_tensor(y.shape(), 4);
    sum(y * dy).backward();
    const Pooled max = plain_max_pool(x, dy, window);
    CHECK(same_bits(y, max.y));
    CHECK(difference(x.grad(), max.dx) < 1e-6);

    x.clear_grad();
    y = avg_pool2d(x, c.options);
    sum(y * dy).backward();
    const Pooled avg = plain_avg_pool(x, dy, window);
    CHECK(difference(y, avg.y) < 1e-5);
    CHECK(difference(x.grad(), avg.dx) < 1e-5);
  }
}

TEST_CASE("padding is never a maximum, and NaN always is") {
  const auto pool = [](const std::vector<real>& values, const PoolOptions& options) {
    Tensor x = Tensor::from({1, 1, 2, 2}, values).requires_grad();
    const Tensor y = max_pool2d(x, options);
    sum(y).backward();
    return std::pair(y, x.grad());
  };
  const PoolOptions padded = {.kernel = 2, .stride = 2, .padding = 1};  // one pixel a window
  CHECK(difference(pool({-1, -2, -3, -4}, padded).first, {-1, -2, -3, -4}) == 0);
  // The gradient stays on the image even where no pixel beats −∞.
  CHECK(difference(pool(std::vector<real>(4, -INFINITY), padded).second, {1, 1, 1, 1}) == 0);
  for (std::size_t i = 0; i < 4; ++i) {
    CAPTURE(i);
    std::vector<real> values = {1, 2, 3, 4};
    values[i] = NAN;
    CHECK(std::isnan(pool(values, {.kernel = 2}).first.item()));
    CHECK(std::isnan(pool(values, {.kernel = 2, .stride = 1}).first.item()));
  }
}

TEST_CASE("outputs_on_image is the range in which no check is needed") {
  for (const Index in : {1, 2, 5, 8}) {
    for (const Index stride : {1, 2, 3}) {
      for (Index shift = -9; shift <= 9; ++shift) {
        constexpr Index out = 6;
        const Span span = outputs_on_image(shift, in, out, stride);
        for (Index o = 0; o < out; ++o) {
          const Index at = o * stride + shift;
          REQUIRE((o >= span.begin && o < span.end) == (at >= 0 && at < in));
        }
        REQUIRE(span.size() >= 0);
      }
    }
  }
}

TEST_CASE("pooling refuses windows that do not fit, and says what it was given") {
  const Tensor x = Tensor::zeros({2, 3, 4, 6});
  CHECK(error_of([&] { max_pool2d(x, {}); }) == "max_pool2d: the kernel must be at least 1; got 0");
  CHECK(error_of([&] {
          avg_pool2d(x, {.kernel = {3, 0}});
        }) == "avg_pool2d: the kernel must be at least 1; got 3×0");
  CHECK(error_of([&] {
          max_pool2d(x, {.kernel = 2, .stride = {2, -1}});
        }) == "max_pool2d: the stride must be at least 1; got 2×-1");
  CHECK(
      contains(error_of([&] { max_pool2d(x, {.kernel = 2, .padding = -1}); }), "not be negative"));
  CHECK(error_of([&] { max_pool2d(x, {.kernel = 3, .padding = 2}); }) ==
        "max_pool2d: the padding must be at most half of the kernel; got 2 with a kernel of 3");
  CHECK(error_of([&] { max_pool2d(x, {.kernel = 5}); }) ==
        "max_pool2d: the kernel 5 is larger than images (2, 3, 4, 6) with a padding of 0");
  CHECK(error_of([&] {
          avg_pool2d(Tensor::zeros({3, 4, 6}), {.kernel = 2});
        }) == "avg_pool2d: images must be (N, C, H, W); got shape (3, 4, 6)");
  CHECK(contains(error_of([&] {
                   max_pool2d(Tensor::zeros({1, 1, 300, 300}), {.kernel = 300});
                 }),
                 "65536 pixels at most; got a kernel of 300"));
  CHECK(contains(error_of([&] { global_avg_pool2d(Tensor::zeros({3, 4})); }), "got shape (3, 4)"));
  CHECK(contains(error_of([&] { global_avg_pool2d(Tensor::zeros({2, 3, 0, 4})); }), "one pixel"));
}

#ifdef LIMBECK_REAL_DOUBLE
TEST_CASE("gradients of pooling") {
  using Inputs = std::vector<Tensor>;
  const Inputs in = {random_tensor({2, 2, 7, 9}, 5)};
  for (const PoolOptions& options :
       {PoolOptions{.kernel = 2}, PoolOptions{.kernel = 3, .stride = 2, .padding = 1},
        PoolOptions{.kernel = 3, .stride = 1, .padding = 1},
        PoolOptions{.kernel = {2, 4}, .stride = {3, 1}, .padding = {1, 2}}}) {
    CHECK(gradient_error([=](const Inputs& x) { return max_pool2d(x[0], options); }, in) < 1e-6);
    CHECK(gradient_error([=](const Inputs& x) { return avg_pool2d(x[0], options); }, in) < 1e-6);
  }
  CHECK(gradient_error([](const Inputs& x) { return global_avg_pool2d(x[0]); }, in) < 1e-6);
}
#endif

TEST_CASE("pooling of images without pixels is an error, however they are padded") {
  const PoolOptions padded{.kernel = 2, .padding = 1};
  for (const Shape& shape : {Shape{1, 1, 0, 4}, Shape{1, 1, 4, 0}, Shape{2, 3, 0, 0}}) {
    const Tensor x = Tensor::zeros(shape);
    CHECK(contains(error_of([&] { max_pool2d(x, padded); }), "max_pool2d: "));
    CHECK(contains(error_of([&] { avg_pool2d(x, padded); }), "avg_pool2d: "));
  }
  const Tensor none = Tensor::zeros({0, 1, 4, 4});  // no images are fine
  CHECK(max_pool2d(none, padded).shape() == Shape{0, 1, 3, 3});
}
