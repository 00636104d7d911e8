// Attention transfer: the maps themselves, the paper's form of the distance, stages of different
// sizes. (features_test.cpp has what it shares with the others.)
#include "nn/distill/methods/attention.h"

#include "tests/nn/distill/methods/worked.h"

using namespace limbeck;
using namespace limbeck::testing;
using worked::gradient;
using worked::near;
using worked::off;
using worked::student_maps;
using worked::teacher_maps;
using worked::tolerance;

TEST_CASE("attention maps have their worked values, and the paper's distance is theirs") {
  const Tensor s = attention_map(student_maps), t = attention_map(teacher_maps);
  CHECK(s.shape() == Shape{3, 4});
  CHECK(off(s, {0.278639106, 0.222911285, 0.891645140, 0.278639106,  //
                0.185296422, 0.231620527, 0.602213371, 0.741185687,  //
                0.695889001, 0.695889001, 0.034794450, 0.173972250}) < tolerance);
  CHECK(off(t, {0.861640437, 0.205152485, 0.328243976, 0.328243976,  //
                0.260240019, 0.650600049, 0.650600049, 0.292770022,  //
                0.853579200, 0.384110640, 0.085357920, 0.341431680}) < tolerance);
  // Not squared, as in the paper: the mean of the lengths ‖u_S − u_T‖. The loss is another number.
  const double paper = mean(sqrt(sum_last(square(s - t)))).item();
  CHECK(paper == near(0.607777703));
  CHECK(attention_loss(student_maps, teacher_maps).item() != near(paper));
}

TEST_CASE("an attention map does not count channels, and knows no sign") {
  const Tensor twice = concat({student_maps, student_maps}, 1);
  CHECK(difference(attention_map(twice), attention_map(student_maps)) < 1e-6);
  for (const double p : {1.0, 2.0, 2.5, 4.0}) {
    const AttentionOptions options{.power = p};
    CHECK(same_bits(attention_map(-student_maps, options), attention_map(student_maps, options)));
  }
}

TEST_CASE("the gradient of an attention map is that of differences, for any power") {
  Tensor maps = random_tensor({2, 3, 2, 3}, 4);
  for (real& v : maps.values()) v += v < 0 ? real(-0.2) : real(0.2);  // off the kink of p = 1
  for (const double p : {1.0, 1.5, 2.0, 3.0, 4.0}) {
    CAPTURE(p);
    const auto map = [p](const std::vector<Tensor>& x) {
      return attention_map(x[0], {.power = p});
    };
    CHECK(gradient_error(map, {maps}) < (worked::in_double ? 1e-6 : 0.05));
  }
}

TEST_CASE("a dead map is 0 and so is its gradient, for any power") {
  const Tensor dead = Tensor::zeros({2, 3, 2, 2});
  for (const double p : {1.0, 2.0, 4.0}) {
    const AttentionOptions options{.power = p};
    const auto loss = [&](const Tensor& maps) {
      return attention_loss(maps, slice_rows(teacher_maps, 0, 2), options);
    };
    CHECK(same_bits(attention_map(dead, options), Tensor::zeros({2, 4})));
    CHECK(loss(dead).item() == doctest::Approx(0.25));  // a length of 1 over four positions
    CHECK(same_bits(gradient(dead, loss), Tensor::zeros(dead.shape())));
  }
}

TEST_CASE("an average to a smaller plane takes every pixel that its place touches") {
  // PyTorch's adaptive_avg_pool2d of 5 to 3: places 0 1, 1 2 3, 3 4.
  const Tensor row = Tensor::from({1, 1, 1, 5}, {1, 2, 4, 8, 16});
  CHECK(off(adaptive_avg_pool2d(row, 1, 3), {1.5, 14.0 / 3, 12}) < tolerance);
  const Tensor x = random_tensor({2, 3, 4, 6}, 1);
  CHECK(difference(adaptive_avg_pool2d(x, 2, 3), avg_pool2d(x, {.kernel = 2})) < 1e-6);
  CHECK(difference(adaptive_avg_pool2d(x, 4, 6), x) < 1e-6);
  CHECK(difference(adaptive_avg_pool2d(x, 4, 3), avg_pool2d(x, {.kernel = {1, 2}})) < 1e-6);
  const auto pool = [](const std::vector<Tensor>& in) { return adaptive_avg_pool2d(in[0], 3, 4); };
  CHECK(gradient_error(pool, {x}) < (worked::in_double ? 1e-6 : 0.05));
  CHECK(error_of([&] { adaptive_avg_pool2d(x, 5, 6); }) ==
        "adaptive_avg_pool2d: planes 5 × 6 cannot be averaged from (2, 3, 4, 6)");
}

TEST_CASE("of maps of two sizes the larger ones are averaged, on either side") {
  const Tensor large = random_tensor({3, 2, 4, 4}, 1), small = random_tensor({3, 5, 2, 2}, 2);
  const Tensor pooled = avg_pool2d(large, {.kernel = 2});
  CHECK(attention_loss(large, small).item() == near(attention_loss(pooled, small).item()));
  CHECK(attention_loss(small, large).item() == near(attention_loss(small, pooled).item()));
  const auto loss = [&](const std::vector<Tensor>& x) { return attention_loss(x[0], small); };
  CHECK(gradient_error(loss, {large}) < (worked::in_double ? 1e-6 : 0.1));
}

TEST_CASE("attention transfer refuses what are no maps, and powers below 1") {
  const Tensor rows = Tensor::zeros({3, 4});
  CHECK(error_of([&] { attention_loss(rows, teacher_maps); }) ==
        "attention_loss: feature maps (N, K, H, W) are needed, not empty; got (3, 4): name a "
        "convolutional stage");
  CHECK(contains(error_of([&] { attention_loss(student_maps, rows); }), "got (3, 4)"));
  CHECK(error_of([&] { attention_map(student_maps, {.power = 0.5}); }) ==
        "attention_map: the power must be a number of at least 1; got 0.5");
  CHECK(contains(error_of([&] { attention_map(student_maps, {.power = NAN}); }), "got nan"));
}
