// The definitions themselves, by hand: the other kernels are compared with them.
#include "core/kernels/plain.h"

#include <cstdlib>
#include <filesystem>

#include "tests/apps/run_program.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// (2 × 3) = (1 2 3; 4 5 6) and (3 × 2) = (1 0; 2 1; 3 4) have the product (14 14; 32 29).
constexpr real a[] = {1, 2, 3, 4, 5, 6};
constexpr real b[] = {1, 0, 2, 1, 3, 4};
constexpr real a_transposed[] = {1, 4, 2, 5, 3, 6};
constexpr real b_transposed[] = {1, 2, 3, 0, 1, 4};

// The image 1 … 9 of 3 × 3, and the 2 × 2 kernel 1 2 3 4 with the bias −40: without padding, the
// sums are 37 47 67 77, and so z is −3 7 27 37.
constexpr real image[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
constexpr real kernel[] = {1, 2, 3, 4};
constexpr real bias[] = {-40};
constexpr ConvSizes sizes{.images = 1,
                          .in = 1,
                          .height = 3,
                          .width = 3,
                          .out = 1,
                          .conv_height = 2,
                          .conv_width = 2,
                          .window = {2, 1, 0},
                          .groups = 1,
                          .relu = false,
                          .pools = false};

struct ConvGradients {
  std::vector<real> dx = std::vector<real>(9), dweight = std::vector<real>(4),
                    dbias = std::vector<real>(1);
};

ConvGradients gradients(const ConvSizes& s, const std::vector<real>& y, const std::vector<real>& dy,
                        const std::uint8_t* argmax = nullptr) {
  ConvGradients g;
  plain_conv_backward({.dx = g.dx.data(),
                       .dweight = g.dweight.data(),
                       .dbias = g.dbias.data(),
                       .dy = dy.data(),
                       .y = y.data(),
                       .argmax = argmax,
                       .x = image,
                       .weight = kernel},
                      s);
  return g;
}

}  // namespace

TEST_CASE("the plain product by hand: transposed, in wider matrices, added to what is there") {
  real c[] = {-1, -1, -1, -1};
  for (const bool ta : {false, true}) {
    for (const bool tb : {false, true}) {
      plain_gemm(c, ta ? a_transposed : a, tb ? b_transposed : b,
                 {.m = 2, .n = 2, .k = 3, .transpose_a = ta, .transpose_b = tb});
      CHECK(std::vector<real>(c, c + 4) == std::vector<real>{14, 14, 32, 29});
    }
  }
  plain_gemm(c, a, b, {.m = 2, .n = 2, .k = 3, .accumulate = true});
  CHECK(std::vector<real>(c, c + 4) == std::vector<real>{28, 28, 64, 58});
  // The upper left parts of a, (1 2; 4 5), and of b, (1 0; 2 1): 5 2; 14 5.
  real wide[] = {0, 0, 7, 0, 0, 7};
  plain_gemm(wide, a, b, {.m = 2, .n = 2, .k = 2, .c_row = 3, .a_row = 3, .b_row = 2});
  CHECK(std::vector<real>(wide, wide + 6) == std::vector<real>{5, 2, 7, 14, 5, 7});
}

TEST_CASE("the plain convolution by hand, and what follows it, forward and backward") {
  std::vector<real> y(4);
  std::uint8_t place = 9;
  const auto forward = [&](const ConvSizes& s) {
    plain_conv_forward(
        {.y = y.data(), .argmax = &place, .x = image, .weight = kernel, .bias = bias}, s);
  };
  forward(sizes);
  CHECK(y == std::vector<real>{-3, 7, 27, 37});
  // dy = 1 0 0 10: the weights' gradient is window 0 + 10 · window 3, and the image's the kernel at
  // either place.
  ConvGradients g = gradients(sizes, y, {1, 0, 0, 10});
  CHECK(g.dweight == std::vector<real>{51, 62, 84, 95});
  CHECK(g.dx == std::vector<real>{1, 2, 0, 3, 14, 20, 0, 30, 40});
  CHECK(g.dbias == std::vector<real>{11});

  ConvSizes s = sizes;
  s.relu = true;
  forward(s);
  CHECK(y == std::vector<real>{0, 7, 27, 37});
  g = gradients(s, y, {1, 0, 0, 10});
  CHECK(g.dbias == std::vector<real>{10});
  CHECK(g.dx == std::vector<real>{0, 0, 0, 0, 10, 20, 0, 30, 40});

  s.pools = true;
  forward(s);
  CHECK(y[0] == 37);
  CHECK(place == 3);
  g = gradients(s, y, {2}, &place);
  CHECK(g.dweight == std::vector<real>{10, 12, 16, 18});
  CHECK(g.dbias == std::vector<real>{2});
}

TEST_CASE("plain convolution in two groups, with padding and steps, by hand") {
  // Two channels of 2 × 2 of their own filters, 1 and 10 in one corner each; padding 1, steps of 2:
  // a window sees one pixel.
  const std::vector<real> x = {1, 2, 3, 4, 5, 6, 7, 8}, w = {0, 0, 0, 1, 10, 0, 0, 0};
  std::vector<real> y(8);
  ConvSizes s = sizes;
  s.in = s.out = s.groups = 2;
  s.height = s.width = 2;
  s.window = {2, 2, 1};
  plain_conv_forward(
      {.y = y.data(), .argmax = nullptr, .x = x.data(), .weight = w.data(), .bias = nullptr}, s);
  CHECK(y == std::vector<real>{1, 0, 0, 0, 0, 0, 0, 80});
}

TEST_CASE("products, convolutions and pooling by hand, on the kernels that are asked for") {
  const char* asked = std::getenv("LIMBECK_KERNELS");
  CHECK(plain_kernels() == (asked != nullptr && std::string(asked) == "plain"));
  real c[4];
  gemm(c, a, b, {.m = 2, .n = 2, .k = 3});
  CHECK(std::vector<real>(c, c + 4) == std::vector<real>{14, 14, 32, 29});
  const Tensor x = Tensor::from({1, 1, 3, 3}, image);
  const Tensor y = conv2d(x, Tensor::from({1, 1, 2, 2}, kernel), Tensor::from({1}, bias), {});
  CHECK(std::ranges::equal(y.values(), std::vector<real>{-3, 7, 27, 37}));
  const Tensor highest = max_pool2d(x, {.kernel = 2, .stride = 1});
  CHECK(std::ranges::equal(highest.values(), std::vector<real>{5, 6, 8, 9}));
}

TEST_CASE("LIMBECK_KERNELS=plain is heard, and what it does not know is refused") {
  const std::string program = std::filesystem::read_symlink("/proc/self/exe").string();
  if (run_command({program, "--version"}).exit_code != 0) {
    MESSAGE("skipped: this program is for another processor, and an emulator runs it");
    return;
  }
  const auto run = [&](const std::string& kernels) {
    // (Of the file alone, the first; of all tests, those against PyTorch too.)
    return run_command({"env", "LIMBECK_KERNELS=" + kernels, program,
                        "-tc=*on the kernels that are asked for,conv2d gives PyTorch*,"
                        "matmul and linear*,pooling gives PyTorch*"});
  };
  const Finished plain = run("plain");
  CAPTURE(plain.out);
  CHECK(plain.exit_code == 0);
  CHECK((contains(plain.out, " 1 passed") || contains(plain.out, " 4 passed")));
  const Finished unknown = run("fast");
  CHECK(unknown.exit_code == 1);
  CHECK(contains(unknown.out,
                 "LIMBECK_KERNELS: this may be \"plain\", or not set at all; got \"fast\""));
}
