// The convolution the other way: by a loop nest, as the transpose of conv2d, and its gradients.
#include "core/ops/convolution.h"

#include "core/parallel.h"
#include "tests/core/ops/plain_conv.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

struct Case {
  Index images, in, height, width, out;
  Size2d kernel;
  ConvTransposeOptions options{};
};

// Strides, paddings and kernels of every sort, and what the transform takes: 3×3 and 5×5, stride 1.
const std::vector<Case> cases = {
    {2, 1, 3, 4, 2, {2, 3}},
    {2, 3, 4, 3, 2, 4, {.stride = 2, .padding = 1}},
    {1, 2, 3, 3, 4, {3, 2}, {.stride = {3, 2}, .output_padding = {2, 1}}},
    {3, 4, 5, 6, 4, 3, {.padding = 1}},
    {1, 4, 6, 5, 5, 5, {.padding = 2}},
    {2, 4, 5, 5, 6, 3, {.padding = 2}},
    {1, 2, 2, 2, 2, 1, {.stride = 3, .output_padding = 2}},
    {0, 2, 2, 2, 2, 3}};

// y[n, o, i · stride − padding + p, j · stride − padding + q] += x[n, c, i, j] · w[c, o, p, q]
Tensor by_loops(const Tensor& x, const Tensor& w, const Tensor& bias, const Case& c) {
  const auto& [stride, padding, more] = c.options;
  const Index height =
      (c.height - 1) * stride.height - 2 * padding.height + c.kernel.height + more.height;
  const Index width =
      (c.width - 1) * stride.width - 2 * padding.width + c.kernel.width + more.width;
  Tensor y = Tensor::zeros({c.images, c.out, height, width});
  for (Index at = 0; at < x.size(); ++at) {
    const Index j = at % c.width, i = at / c.width % c.height;
    const Index channel = at / (c.width * c.height) % c.in, n = at / (c.width * c.height * c.in);
    for (Index o = 0; o < c.out; ++o) {
      for (Index k = 0; k < c.kernel.area(); ++k) {
        const Index row = i * stride.height - padding.height + k / c.kernel.width;
        const Index column = j * stride.width - padding.width + k % c.kernel.width;
        if (row < 0 || row >= height || column < 0 || column >= width) continue;
        y.data()[((n * c.out + o) * height + row) * width + column] +=
            x.data()[at] * w.data()[(channel * c.out + o) * c.kernel.area() + k];
      }
    }
  }
  return y + reshape(bias, {c.out, 1, 1});
}

}  // namespace

TEST_CASE("conv_transpose2d by hand: windows that overlap add up") {
  const Tensor x = Tensor::from({1, 1, 1, 3}, {1, 2, 3});
  const Tensor w = Tensor::from({1, 1, 1, 3}, {1, 10, 100});
  CHECK(difference(conv_transpose2d(x, w, Tensor()), {1, 12, 123, 230, 300}) < 1e-6);
  CHECK(difference(conv_transpose2d(x, w, Tensor::from({1}, {5}), {.stride = {1, 2}}),
                   {6, 15, 107, 25, 208, 35, 305}) < 1e-6);
  CHECK(
      difference(conv_transpose2d(x, w, Tensor(),
                                  {.stride = {1, 2}, .padding = {0, 1}, .output_padding = {0, 1}}),
                 {10, 102, 20, 203, 30, 300}) < 1e-6);
}

TEST_CASE("conv_transpose2d is its loop nest, on one thread and on three") {
  const int before = threads();
  for (const int count : {1, 3}) {
    set_threads(count);
    for (const Case& c : cases) {
      const Tensor x = random_tensor({c.images, c.in, c.height, c.width}, 1);
      const Tensor w = random_tensor({c.in, c.out, c.kernel.height, c.kernel.width}, 2);
      const Tensor b = random_tensor({c.out}, 3);
      CAPTURE(c.kernel.str());
      CAPTURE(c.options.stride.str());
      CHECK(relative_difference(conv_transpose2d(x, w, b, c.options), by_loops(x, w, b, c)) <
            (sizeof(real) == 8 ? 1e-12 : 2e-5));
    }
  }
  set_threads(before);
}

TEST_CASE("convolution and its transpose are adjoint: <conv(x), y> = <x, convT(y)>") {
  for (const Case& c : cases) {
    const auto& options = c.options;
    const Tensor y = random_tensor({c.images, c.in, c.height, c.width}, 1);
    const Tensor w = random_tensor({c.in, c.out, c.kernel.height, c.kernel.width}, 2);
    const Tensor back = conv_transpose2d(y, w, Tensor(), options);
    const Tensor x = random_tensor(back.shape(), 3);
    const Tensor z = conv2d(x, w, Tensor(), {.stride = options.stride, .padding = options.padding});
    REQUIRE(z.shape() == y.shape());
    CHECK(sum(z * y).item() == doctest::Approx(sum(x * back).item()).epsilon(1e-4));
  }
}

TEST_CASE("conv_transpose2d computes only the gradients that somebody wants, whole ones") {
  const Tensor x = random_tensor({2, 3, 4, 4}, 1), w = random_tensor({3, 2, 3, 3}, 2);
  const auto gradients = [&](bool of_x, bool of_w) {
    Tensor a = x.clone().requires_grad(of_x), b = w.clone().requires_grad(of_w);
    const Tensor y = conv_transpose2d(a, b, Tensor(), {.stride = 2});
    sum(y * random_tensor(y.shape(), 3)).backward();
    return std::vector<Tensor>{of_x ? a.grad() : Tensor(), of_w ? b.grad() : Tensor()};
  };
  const auto both = gradients(true, true);
  CHECK(same_bits(gradients(true, false)[0], both[0]));
  CHECK(same_bits(gradients(false, true)[1], both[1]));
}

#ifdef LIMBECK_REAL_DOUBLE
TEST_CASE("gradients of conv_transpose2d") {
  for (const Case& c : cases) {
    if (c.images == 0) continue;
    CAPTURE(c.kernel.str());
    const auto f = [&](const std::vector<Tensor>& in) {
      return conv_transpose2d(in[0], in[1], in[2], c.options);
    };
    CHECK(gradient_error(f, {random_tensor({c.images, c.in, c.height, c.width}, 1),
                             random_tensor({c.in, c.out, c.kernel.height, c.kernel.width}, 2),
                             random_tensor({c.out}, 3)}) < 1e-6);
  }
}
#endif

TEST_CASE("conv_transpose2d refuses what does not fit, and says what it was given") {
  const Tensor x = Tensor::zeros({2, 3, 4, 4}), w = Tensor::zeros({3, 5, 2, 2});
  const auto refusal = [&](const Tensor& images, const Tensor& weight, const Tensor& bias,
                           const ConvTransposeOptions& options = {}) {
    return error_of([&] { conv_transpose2d(images, weight, bias, options); });
  };
  CHECK(refusal(Tensor::zeros({3, 4}), w, Tensor()) ==
        "conv_transpose2d: images must be (N, C, H, W); got shape (3, 4)");
  CHECK(refusal(x, Tensor::zeros({3, 5}), Tensor()) ==
        "conv_transpose2d: the weight must be (C_in, C_out, kh, kw); got (3, 5)");
  CHECK(refusal(x, Tensor::zeros({5, 3, 2, 2}), Tensor()) ==
        "conv_transpose2d: the images have 3 channels and the weight takes 5; images (2, 3, 4, 4), "
        "weight (5, 3, 2, 2)");
  CHECK(refusal(x, w, Tensor::zeros({3})) ==
        "conv_transpose2d: the bias must be (5), one for each channel out; got (3)");
  CHECK(refusal(x, w, Tensor(), {.stride = 2, .output_padding = 2}) ==
        "conv_transpose2d: output_padding must be from 0 to below the stride; got 2 with a stride "
        "of 2");
  CHECK(refusal(Tensor::zeros({2, 3, 1, 1}), w, Tensor(), {.padding = 1}) ==
        "conv_transpose2d: a kernel of 2 and a padding of 1 leave nothing of images (2, 3, 1, 1)");
  CHECK(contains(refusal(x, w, Tensor(), {.stride = 0}), "the stride must be at least 1"));
}
