// Convolution: both kernels against the loop nest, forward and backward, and its errors.
#include "core/ops/convolution.h"

#include "core/ops/exact_convolution.h"
#include "core/parallel.h"
#include "tests/core/ops/plain_conv.h"

using namespace limbeck;
using namespace limbeck::testing;

TEST_CASE("convolution is its loop nest, forward and backward") {
  const double tolerance = sizeof(real) == 8 ? 1e-12 : 2e-5;
  for (const ConvCase& c : std::initializer_list<ConvCase>{
           {2, 1, 9, 8, 3, 5, 1, 2},                 // one channel in, as a first layer
           {3, 4, 10, 11, 5, 3, 1, 1},               // 3×3 and 5×5 of stride 1: transformed
           {5, 8, 14, 14, 16, 5, 1, 2},              //
           {2, 9, 7, 13, 40, 5, 1, 0},               //
           {1, 4, 3, 3, 4, 3, 1, 0},                 // one output pixel
           {2, 5, 6, 6, 33, 3, 1, {2, 0}},           // another padding each way
           {2, 3, 9, 8, 4, {3, 2}, {2, 3}, {1, 0}},  // not square
           {2, 4, 8, 8, 6, 1, 1, 0},                 // 1×1
           {2, 3, 25, 26, 18, 3, 2, 1},              // many pixels and channels out
           {2, 6, 7, 7, 6, 3, 1, 1, 6},              // depthwise
           {2, 5, 9, 20, 5, {5, 3}, {2, 3}, 1, 5},   //
           {1, 3, 1, 1, 3, 3, 1, 1, 3},              // one pixel
           {1, 2, 7, 17, 2, 3, 2, 0, 2},             // rows of 8, and pixels that no window sees
           {1, 2, 10, 9, 2, 2, 3, 4, 2},             // windows on nothing but padding
           {1, 2, 9, 11, 2, {2, 4}, 1, {0, 5}, 2, {3, 2}},
           {2, 5, 3, 7, 9, 1, 2, 0},              // 1×1 whose windows are copied
           {2, 6, 3, 5, 10, 1, 1, 0, 2},          // 1×1 of groups
           {2, 6, 8, 8, 4, 3, 2, 1, 2},           // two groups
           {2, 4, 9, 12, 5, 3, 1, 0, 1, {2, 3}},  // dilated
           {2, 4, 9, 11, 4, {3, 5}, 2, {2, 3}, 4, 2}}) {
    CAPTURE(c.in);
    CAPTURE(c.out);
    CAPTURE(c.kernel.str());
    Tensor x = random_tensor({c.images, c.in, c.height, c.width}, 1).requires_grad();
    Tensor w =
        random_tensor({c.out, c.in / c.groups, c.kernel.height, c.kernel.width}, 2).requires_grad();
    Tensor b = random_tensor({c.out}, 3).requires_grad();
    const Tensor y = conv2d(
        x, w, b,
        {.stride = c.stride, .padding = c.padding, .dilation = c.dilation, .groups = c.groups});
    const Tensor cotangent = random_tensor(y.shape(), 4);
    sum(y * cotangent).backward();
    const ConvResult expected = plain_conv(c, x, w, b, cotangent);
    CHECK(relative_difference(y, expected.y) < tolerance);
    CHECK(relative_difference(x.grad(), expected.dx) < tolerance);
    CHECK(relative_difference(w.grad(), expected.dw) < tolerance);
    CHECK(relative_difference(b.grad(), expected.db) < tolerance);
  }
}

TEST_CASE("an exact convolution of integers gives integers, and conv2d's gradients") {
  // 3×3 and 5×5 of stride 1, which conv2d transforms, with sums in the millions.
  for (const ConvCase& c :
       std::initializer_list<ConvCase>{{2, 8, 10, 11, 5, 3, 1, 1}, {2, 6, 9, 9, 8, 5, 1, 2}}) {
    CAPTURE(c.kernel.str());
    Tensor x = random_tensor({c.images, c.in, c.height, c.width}, 1, 0, 255);
    Tensor w = random_tensor({c.out, c.in, c.kernel.height, c.kernel.width}, 2, 0, 127);
    for (real& v : x.values()) v = std::round(v);
    for (real& v : w.values()) v = std::round(v);
    x.requires_grad(), w.requires_grad();
    const Tensor y = exact_conv2d(x, w, {}, {.stride = c.stride, .padding = c.padding});
    const Tensor cotangent = random_tensor(y.shape(), 4);
    sum(y * cotangent).backward();
    const ConvResult expected = plain_conv(c, x, w, Tensor::zeros({c.out}), cotangent);
    CHECK(same_bits(y, expected.y));
    CHECK(relative_difference(x.grad(), expected.dx) < 2e-5);
    CHECK(relative_difference(w.grad(), expected.dw) < 2e-5);
  }
}

TEST_CASE("conv2d gives PyTorch's values and gradients") {
  // x, w, b = wave((1, 2, 5, 4), 1, 0.9), wave((2, 1, 3, 2), 1, 1.1), wave((2,), 1, 0.4)
  // y = F.conv2d(x, w, b, stride=(2, 1), padding=(1, 0), groups=2)
  // (y * wave((1, 2, 3, 3), 1, 0.6)).sum().backward()
  Tensor x = wave({1, 2, 5, 4}, 1, 0.9).requires_grad();
  Tensor w = wave({2, 1, 3, 2}, 1, 1.1).requires_grad();
  Tensor b = wave({2}, 1, 0.4).requires_grad();
  const Tensor y = conv2d(x, w, b, {.stride = {2, 1}, .padding = {1, 0}, .groups = 2});
  CHECK(y.shape() == Shape{1, 2, 3, 3});
  sum(y * wave(y.shape(), 1, 0.6)).backward();
  constexpr double tolerance = 1e-5;
  CHECK(difference(y, {0.5414962233, 1.049615367, 1.400214992, -0.3863891388, 0.9100380438,
                       2.154575043, 0.8664711023, 2.641120114, 3.053830544, -0.1339675803,
                       -0.06178503502, 0.8029239022, -1.266857699, -0.5865369273, 1.283432007,
                       -1.005747359, 0.9746480551, 2.963217961}) < tolerance);
  CHECK(difference(slice_rows(reshape(x.grad().detach(), {40}), 0, 20),
                   {-0.04912014796, -0.8292763059, -0.9629705714, -0.7407168652,  -0.3683760858,
                    -0.5172832688,  -1.267161861,  -0.4793552659, -0.01955464632, -0.2919877394,
                    0.2782957505,   0.693356667,   -1.095029094,  -1.331629105,   -0.6236974936,
                    -0.5638522968,  0.05800586117, 0.961956758,   0.8365118165,   0.4256526909}) <
        tolerance);
  CHECK(difference(w.grad(), {-0.06850816927, -2.235519584, 3.225083934, 3.453808716, -2.363756773,
                              -0.6720681673, -0.1685201502, -2.003375439, 2.710197245, 3.394026349,
                              -2.688963847, -0.8831094009}) < tolerance);
  CHECK(difference(b.grad(), {-0.3695622943, 0.845904389}) < tolerance);
}

TEST_CASE("what follows in the same pass is relu and max_pool2d, forward and backward") {
  for (const Index in : {1, 6}) {  // im2col, and transformed
    CAPTURE(in);
    Tensor x = random_tensor({3, in, 9, 11}, 1).requires_grad();
    Tensor w = random_tensor({10, in, 3, 3}, 2).requires_grad();
    Tensor b = random_tensor({10}, 3).requires_grad();
    const auto gradients = [&](const Tensor& y) {
      for (Tensor* leaf : {&x, &w, &b}) leaf->clear_grad();
      sum(y * random_tensor(y.shape(), 4)).backward();
      return std::vector<Tensor>{y.detach(), x.grad(), w.grad(), b.grad()};
    };
    const Tensor z = conv2d(x, w, b, {.padding = 1});
    const auto rectified = gradients(relu(z));
    const auto pooled = gradients(max_pool2d(relu(conv2d(x, w, b, {.padding = 1})), {.kernel = 2}));
    const auto fused_relu = gradients(conv2d(x, w, b, {.padding = 1, .after = After::relu}));
    const auto fused_pool =
        gradients(conv2d(x, w, b, {.padding = 1, .after = After::relu_max_pool}));
    for (std::size_t i = 0; i < 4; ++i) {
      CHECK(difference(fused_relu[i], rectified[i]) < 1e-5);
      CHECK(difference(fused_pool[i], pooled[i]) < 1e-5);
    }
  }
}

TEST_CASE("relu and pooling in the same pass see NaN and infinity as they do apart") {
  Tensor x = random_tensor({2, 1, 9, 10}, 1);
  x.data()[13] = NAN;
  x.data()[95] = INFINITY;
  const Tensor w = random_tensor({3, 1, 5, 5}, 2);
  Tensor b = Tensor::zeros({3});
  b.data()[1] = -INFINITY;  // which makes a NaN of a sum of +inf, and 0 of any other
  b.data()[2] = INFINITY;
  const Tensor together = conv2d(x, w, b, {.padding = 2, .after = After::relu_max_pool});
  const Tensor apart = max_pool2d(relu(conv2d(x, w, b, {.padding = 2})), {.kernel = 2});
  int nans = 0;
  for (std::size_t i = 0; i < apart.values().size(); ++i) {
    CAPTURE(i);
    const real expected = apart.values()[i], got = together.values()[i];
    CHECK((std::isnan(expected) ? std::isnan(got) : got == expected));
    nans += std::isnan(expected) ? 1 : 0;
  }
  // The NaN is in row 1, column 3, of the first image, so in the windows of rows 0 to 3 and columns
  // 1 to 5, which fall into 2 × 3 blocks; for each of three channels.
  CHECK(nans >= 2 * 3 * 3);
}

TEST_CASE("of equal maxima the first takes the gradient, in the same pass as apart") {
  for (const Index width : {10, 11, 40}) {
    CAPTURE(width);
    Tensor x = random_tensor({2, 1, 9, width}, 1, 0, 3).requires_grad();
    for (real& v : x.values()) v = std::floor(v);  // 0, 1 or 2: half of all windows have a tie
    Tensor w = Tensor::zeros({1, 1, 5, 5});
    w.data()[12] = 1;  // the image itself
    const Tensor b = Tensor::full({1}, 1);
    const auto gradient = [&](const Tensor& y) {
      x.clear_grad();
      sum(y * random_tensor(y.shape(), 4)).backward();
      return x.grad();
    };
    const Tensor together =
        gradient(conv2d(x, w, b, {.padding = 2, .after = After::relu_max_pool}));
    const Tensor apart = gradient(max_pool2d(relu(conv2d(x, w, b, {.padding = 2})), {.kernel = 2}));
    CHECK(same_bits(together, apart));
  }
}

TEST_CASE("a plane with a NaN pools its other windows as one without") {
  Tensor x = random_tensor({1, 1, 8, 8}, 1, 0, 3).requires_grad();
  for (real& v : x.values()) v = std::floor(v);
  Tensor w = Tensor::zeros({1, 1, 5, 5});
  w.data()[12] = 1;
  const auto gradient = [&] {
    x.clear_grad();
    const Tensor y = conv2d(x, w, Tensor(), {.padding = 2, .after = After::relu_max_pool});
    sum(y * random_tensor(y.shape(), 4)).backward();
    return x.grad();
  };
  const Tensor before = gradient();
  x.data()[63] = NAN;  // in the last window; and, times 0, in those of the sums around it
  const Tensor after = gradient();
  for (Index i = 0; i < 4; ++i) {
    for (Index j = 0; j < 4; ++j) CHECK(after.data()[8 * i + j] == before.data()[8 * i + j]);
  }
}

TEST_CASE("a dilated convolution is that of a kernel with zeros between its weights") {
  // By hand: 1 · 2 + 10 · 4 + 100 · 6.
  const Tensor row = Tensor::from({1, 1, 1, 6}, {1, 2, 3, 4, 5, 6});
  const Tensor taps = Tensor::from({1, 1, 1, 3}, {1, 10, 100});
  CHECK(difference(conv2d(row, taps, Tensor(), {.dilation = {1, 2}}), {531, 642}) < 1e-6);

  Tensor x = random_tensor({2, 4, 9, 10}, 1).requires_grad();
  Tensor w = random_tensor({5, 4, 3, 3}, 2).requires_grad();
  Tensor spread = Tensor::zeros({5, 4, 5, 7});  // 3×3, dilated by 2 and 3
  const auto place = [](Index i) {              // of weight i of w in it
    return (i / 9 * 5 + i / 3 % 3 * 2) * 7 + i % 3 * 3;
  };
  for (Index i = 0; i < w.size(); ++i) spread.data()[place(i)] = w.data()[i];
  spread.requires_grad();
  const Tensor y = conv2d(x, w, Tensor(), {.padding = {1, 2}, .dilation = {2, 3}});
  const Tensor cotangent = random_tensor(y.shape(), 3);
  sum(y * cotangent).backward();
  const Tensor dx = x.grad().clone();
  x.clear_grad();
  const Tensor expected = conv2d(x, spread, Tensor(), {.padding = {1, 2}});
  sum(expected * cotangent).backward();
  CHECK(difference(y, expected) < 1e-5);
  CHECK(difference(dx, x.grad()) < 1e-5);
  const Tensor dw = w.grad(), dspread = spread.grad();
  for (Index i = 0; i < dw.size(); ++i) {
    CHECK(dw.data()[i] == doctest::Approx(dspread.data()[place(i)]).epsilon(1e-4));
  }
}

TEST_CASE("a gradient that nobody wants is left out, and the others are the same bits") {
  for (const Index in : {1, 6}) {  // im2col, and transformed
    CAPTURE(in);
    const auto gradients = [&](bool of_x, bool of_w) {
      Tensor x = random_tensor({3, in, 9, 11}, 1).requires_grad(of_x);
      Tensor w = random_tensor({10, in, 3, 3}, 2).requires_grad(of_w);
      const Tensor y = conv2d(x, w, Tensor(), {.padding = 1});
      sum(y * random_tensor(y.shape(), 4)).backward();
      return std::vector<Tensor>{of_x ? x.grad() : Tensor(), of_w ? w.grad() : Tensor()};
    };
    const auto both = gradients(true, true);
    CHECK(same_bits(gradients(true, false)[0], both[0]));
    CHECK(same_bits(gradients(false, true)[1], both[1]));
  }
}

TEST_CASE("a depthwise convolution keeps NaN and infinity where its windows see them") {
  Tensor x = Tensor::full({1, 1, 3, 12}, 1);
  x.data()[12 + 2] = NAN;            // under one window of those 2 apart
  x.data()[2 * 12 + 11] = INFINITY;  // under none
  x.requires_grad();
  Tensor w = Tensor::full({1, 1, 3, 3}, 1).requires_grad();
  const Tensor y = conv2d(x, w, Tensor(), {.stride = {1, 4}});
  CHECK(std::isnan(y.data()[0]));
  CHECK(y.data()[1] == 9);
  sum(y).backward();
  const Tensor dw = w.grad();
  for (Index tap = 0; tap < 9; ++tap) {
    CAPTURE(tap);
    CHECK(std::isnan(dw.data()[tap]) == (tap == 5));
    if (tap != 5) CHECK(dw.data()[tap] == 3);
  }
  // Windows side by side: the last pixel of a row is seen by the last tap of its last window alone.
  Tensor bright = Tensor::full({1, 1, 3, 12}, 1);
  bright.data()[11] = INFINITY;
  const Tensor filter = Tensor::full({1, 1, 3, 3}, 1).requires_grad();
  sum(conv2d(bright, filter, Tensor(), {})).backward();
  for (Index tap = 0; tap < 9; ++tap) {
    CAPTURE(tap);
    CHECK(filter.grad().data()[tap] == (tap == 2 ? INFINITY : 10));
  }
}

TEST_CASE(
    "a depthwise convolution needs no memory for strides and gaps that its image is far from") {
  const Tensor x = random_tensor({1, 2, 3, 3}, 1).requires_grad();
  const Tensor w = random_tensor({2, 1, 3, 3}, 2).requires_grad();
  const Index far = Index{1} << 30;
  const Tensor y = conv2d(x, w, Tensor(), {.stride = {far, far}, .groups = 2});
  CHECK(y.shape() == Shape{1, 2, 1, 1});
  CHECK(y.data()[1] ==
        doctest::Approx(sum(x.detach() * reshape(w.detach(), {1, 2, 3, 3})).item() - y.data()[0]));
  sum(y).backward();
  CHECK(difference(x.grad(), reshape(w.detach(), {1, 2, 3, 3})) == 0);
  // Two taps of three are in the padding, wherever the window is.
  const Tensor wide =
      conv2d(x, w, Tensor(), {.padding = {9999, 9999}, .dilation = {9999, 9999}, .groups = 2});
  CHECK(wide.shape() == x.shape());
  CHECK(difference(wide, x.detach() * reshape(slice(reshape(w.detach(), {2, 9}), 1, 4, 5),
                                              {1, 2, 1, 1})) < 1e-6);
}

TEST_CASE("the transform's rounding stays below 1e-4 of the largest output, in float") {
  for (const Index kernel : {3, 5}) {
    CAPTURE(kernel);
    const ConvCase c{1, 64, 14, 14, 16, kernel, 1, kernel / 2};
    const Tensor x = random_tensor({1, 64, 14, 14}, 1),
                 w = random_tensor({16, 64, kernel, kernel}, 2);
    const Tensor y = conv2d(x, w, Tensor(), {.padding = kernel / 2});
    const ConvResult expected = plain_conv(c, x, w, Tensor::zeros({16}), Tensor::zeros(y.shape()));
    CHECK(relative_difference(y, expected.y) < 1e-4);
  }
}

TEST_CASE("one seed and one thread count give the same bits, forward and backward") {
  const auto run = [] {
    Tensor x = random_tensor({7, 8, 12, 12}, 1).requires_grad();
    Tensor w = random_tensor({8, 8, 5, 5}, 2).requires_grad();
    const Tensor y = conv2d(x, w, Tensor(), {.padding = 2, .after = After::relu_max_pool});
    sum(y).backward();
    return std::vector<Tensor>{y.detach(), x.grad(), w.grad()};
  };
  const auto once = run(), again = run();
  for (std::size_t i = 0; i < once.size(); ++i) CHECK(same_bits(once[i], again[i]));
}

TEST_CASE("conv2d refuses what does not fit, and says what it was given") {
  const Tensor x = Tensor::zeros({2, 3, 8, 8}), w = Tensor::zeros({4, 3, 3, 3});
  CHECK(contains(error_of([&] { conv2d(Tensor::zeros({8, 8}), w, Tensor()); }), "(N, C, H, W)"));
  CHECK(contains(error_of([&] {
                   conv2d(x, Tensor::zeros({4, 3}), Tensor());
                 }),
                 "the weight must be (C_out, C_in / groups, kh, kw); got (4, 3)"));
  CHECK(contains(error_of([&] {
                   conv2d(x, Tensor::zeros({4, 2, 3, 3}), Tensor());
                 }),
                 "have 3 channels in 1 groups and the weight takes 2"));
  CHECK(
      contains(error_of([&] { conv2d(x, w, Tensor(), {.groups = 2}); }), "2 groups do not divide"));
  CHECK(contains(error_of([&] { conv2d(x, w, Tensor::zeros({3})); }), "the bias must be (4)"));
  CHECK(contains(error_of([&] {
                   conv2d(x, Tensor::zeros({4, 3, 9, 9}), Tensor());
                 }),
                 "larger than"));
  CHECK(contains(error_of([&] { conv2d(x, w, Tensor(), {.stride = 0}); }), "stride"));
  CHECK(error_of([&] { conv2d(x, w, Tensor(), {.dilation = 0}); }) ==
        "conv2d: the dilation must be at least 1; got 0");
  CHECK(error_of([&] { conv2d(x, w, Tensor(), {.padding = 1, .dilation = 5}); }) ==
        "conv2d: the kernel 3, dilated to 11, is larger than images (2, 3, 8, 8) with a padding of "
        "1");
}
