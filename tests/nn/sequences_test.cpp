// Layers for ids and sequences: Embedding, GRUCell, GRU.
#include "nn/embedding.h"
#include "nn/gru.h"
#include "nn/linear.h"
#include "nn/losses.h"
#include "nn/sequential.h"
#include "optim/adam.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

std::string names_and_shapes(const Module& module) {
  std::vector<std::string> lines;
  for (const NamedTensor& p : module.named_parameters()) {
    lines.push_back(p.name + " " + p.tensor.shape().str());
  }
  return joined(lines);
}

// W v + b, of the row `row` of W and b (0 if there is none) and the vector that begins at v.
double product(const Tensor& w, const Tensor& b, Index row, const std::vector<double>& v) {
  double sum = b.defined() ? static_cast<double>(b.data()[row]) : 0;
  for (std::size_t k = 0; k < v.size(); ++k) {
    sum += static_cast<double>(w.data()[row * w.dim(1) + static_cast<Index>(k)]) * v[k];
  }
  return sum;
}

// The definition: one sequence at a time, one unit at a time, in double.
Tensor plain_gru(const GRUCell& cell, const Tensor& x, const Tensor& start) {
  const Index length = x.dim(1), in = x.dim(2), size = cell.weight_hh.dim(1);
  const auto sigma = [](double v) { return 1 / (1 + std::exp(-v)); };
  Tensor y = Tensor::empty({x.dim(0), length, size});
  for (Index n = 0; n < x.dim(0); ++n) {
    std::vector<double> h(start.data() + n * size, start.data() + (n + 1) * size);
    for (Index l = 0; l < length; ++l) {
      const real* const from = x.data() + (n * length + l) * in;
      const std::vector<double> now(from, from + in);
      std::vector<double> next(h.size());
      for (Index i = 0; i < size; ++i) {
        const auto of_x = [&](Index gate) {
          return product(cell.weight_ih, cell.bias_ih, gate * size + i, now);
        };
        const auto of_h = [&](Index gate) {
          return product(cell.weight_hh, cell.bias_hh, gate * size + i, h);
        };
        const double r = sigma(of_x(0) + of_h(0)), z = sigma(of_x(1) + of_h(1));
        const double fresh = std::tanh(of_x(2) + r * of_h(2));
        next[static_cast<std::size_t>(i)] = (1 - z) * fresh + z * h[static_cast<std::size_t>(i)];
        y.data()[(n * length + l) * size + i] =
            static_cast<real>(next[static_cast<std::size_t>(i)]);
      }
      h = next;
    }
  }
  return y;
}

}  // namespace

TEST_CASE("an Embedding gives the rows of its weight, and gradients to these alone") {
  Rng rng(1);
  Embedding layer({.ids = 4, .features = 2}, rng);
  layer.weight = Tensor::from({4, 2}, {0, 1, 10, 11, 20, 21, 30, 31}).requires_grad();
  const std::vector<std::int32_t> ids = {3, 1, 3};
  CHECK(difference(layer.look_up(ids), Tensor::from({3, 2}, {30, 31, 10, 11, 30, 31})) == 0);
  const Tensor y = layer(Tensor::from({1, 3}, {3, 1, 3}));
  CHECK(difference(y, Tensor::from({1, 3, 2}, {30, 31, 10, 11, 30, 31})) == 0);
  CHECK(layer(Tensor::scalar(2)).shape() == Shape{2});
  sum(y * Tensor::from({3, 1}, {1, 2, 4})).backward();
  CHECK(difference(layer.weight.grad(), {0, 0, 2, 2, 0, 0, 5, 5}) == 0);
  CHECK(layer.describe() == "Embedding(4, 2)");
  CHECK(names_and_shapes(layer) == "weight (4, 2)");
}

TEST_CASE("an Embedding begins normal with mean 0 and variance 1") {
  Rng rng(2);
  const Embedding layer({.ids = 100, .features = 100}, rng);
  double mean = 0, square = 0;
  for (const real v : layer.weight.values()) {
    mean += static_cast<double>(v) / 1e4;
    square += static_cast<double>(v) * static_cast<double>(v) / 1e4;
  }
  CHECK(std::abs(mean) < 5 * std::sqrt(1 / 1e4));  // five standard errors
  CHECK(std::abs(square - 1) < 5 * std::sqrt(2 / 1e4));
}

TEST_CASE("an Embedding refuses what is no id") {
  Rng rng(1);
  Embedding layer({.ids = 4, .features = 2}, rng);
  const auto error = [&](real id) { return error_of([&] { layer(Tensor::from({2}, {0, id})); }); };
  CHECK(error(4) == "Embedding: id 4 is not one of the 4 from 0 to 3");
  CHECK(error(-1) == "Embedding: id -1 is not one of the 4 from 0 to 3");
  CHECK(error(1.5) == "Embedding: an id must be a whole number; got 1.5");
  CHECK(contains(error(NAN), "must be a whole number; got nan"));
  CHECK(contains(error(INFINITY), "id inf is not one of the 4"));
  CHECK(error_of([&] {
          layer.look_up(std::vector<std::int32_t>{0, 4});
        }) == "Embedding: id 4 is not one of the 4 from 0 to 3");
  CHECK(error_of([&] { Embedding({.ids = 4}, rng); }) ==
        "Embedding: ids and features must be at least 1; got 4 and 0");
}

TEST_CASE("a GRU computes what its definition says, step by step") {
  Rng rng(3);
  for (const bool bias : {true, false}) {
    for (const auto& shape : {Shape{3, 5, 2}, Shape{1, 1, 1}, Shape{2, 7, 3}}) {
      CAPTURE(shape.str());
      CAPTURE(bias);
      GRU layer({.in = shape.dim(2), .out = 4, .bias = bias}, rng);
      const Tensor x = uniform(shape, -2, 2, rng), start = uniform({shape.dim(0), 4}, -1, 1, rng);
      const double tolerance = sizeof(real) == 8 ? 1e-12 : 1e-5;
      CHECK(difference(layer.run(x, start), plain_gru(layer.cell, x, start)) < tolerance);
      const Tensor states = layer(x), zero = Tensor::zeros({shape.dim(0), 4});
      CHECK(difference(states, plain_gru(layer.cell, x, zero)) < tolerance);
      // A step by itself, and a sequence in two parts, come to the same.
      const Index length = shape.dim(1);
      const Tensor first = reshape(slice(x, 1, 0, 1), {shape.dim(0), shape.dim(2)});
      CHECK(difference(layer.cell(first), layer.cell.step(first, zero)) == 0);
      CHECK(difference(layer.cell(first), last_step(slice(states, 1, 0, 1))) < tolerance);
      if (length == 1) continue;
      const Tensor begun = last_step(layer(slice(x, 1, 0, 2)));
      CHECK(difference(last_step(layer.run(slice(x, 1, 2, length), begun)), last_step(states)) <
            tolerance);
    }
  }
}

TEST_CASE("a GRU that keeps its state keeps it, and one that forgets it sees the last step alone") {
  Rng rng(4);
  GRU layer({.in = 2, .out = 3}, rng);
  const Tensor x = uniform({2, 4, 2}, -1, 1, rng), start = uniform({2, 3}, -1, 1, rng);
  // Rows 3 to 5 of the bias are those of z.
  std::ranges::fill(layer.cell.bias_ih.values().subspan(3, 3), real{1000});
  CHECK(difference(last_step(layer.run(x, start)), start) < 1e-6);
  std::ranges::fill(layer.cell.bias_ih.values().subspan(3, 3), real{-1000});
  std::ranges::fill(layer.cell.bias_ih.values().subspan(0, 3), real{-1000});  // and r
  const Tensor other = uniform({2, 3}, -1, 1, rng);
  CHECK(difference(last_step(layer.run(x, start)), last_step(layer.run(x, other))) < 1e-6);
}

TEST_CASE("GRU and GRUCell have PyTorch's names, and begin uniform in ±1/√H") {
  Rng rng(5);
  GRU layer({.in = 3, .out = 25}, rng);
  CHECK(names_and_shapes(layer) ==
        "weight_ih_l0 (75, 3)\nweight_hh_l0 (75, 25)\nbias_ih_l0 (75)\nbias_hh_l0 (75)");
  CHECK(names_and_shapes(layer.cell) ==
        "weight_ih (75, 3)\nweight_hh (75, 25)\nbias_ih (75)\nbias_hh (75)");
  CHECK(layer.describe() == "GRU(3, 25)");
  CHECK(GRUCell({.in = 3, .out = 2, .bias = false}, rng).describe() == "GRUCell(3, 2, no bias)");
  CHECK(layer.multiply_adds({7, 25}) == 7 * 75 * (3 + 25));
  for (const NamedTensor& p : layer.named_parameters()) {
    CAPTURE(p.name);
    const auto values = std::as_const(p.tensor).values();
    const real least = std::ranges::min(values), most = std::ranges::max(values);
    CHECK(least >= -0.2f);
    CHECK(least < -0.15);
    CHECK(most <= 0.2f);
    CHECK(most > 0.15);
  }
}

TEST_CASE("what a GRU cannot take is refused") {
  Rng rng(6);
  GRU layer({.in = 3, .out = 2}, rng);
  CHECK(error_of([&] {
          layer(Tensor::zeros({4, 3}));
        }) == "GRU: the input must be (N, L, D), of at least one step; got (4, 3)");
  CHECK(contains(error_of([&] { layer(Tensor::zeros({4, 0, 3})); }), "at least one step"));
  CHECK(contains(error_of([&] {
                   layer(Tensor::zeros({4, 5, 2}));
                 }),
                 "linear: the input has 2 features and the layer takes 3"));
  CHECK(error_of([&] {
          layer.run(Tensor::zeros({4, 5, 3}), Tensor::zeros({3, 2}));
        }) ==
        "GRUCell: the state must be (N, 2) for N inputs; got (3, 2), and (4, 6) of the inputs");
  CHECK(error_of([&] { GRU({.in = 3}, rng); }) ==
        "GRUCell: in and out must be at least 1; got 3 and 0");
  CHECK(contains(error_of([] { last_step(Tensor::zeros({2, 3})); }), "last_step: the input must"));
  Tensor odd = Tensor::zeros({1, 2, 3});
  odd.values()[0] = NAN;
  const Tensor states = layer(odd);
  for (const real v : states.values()) CHECK(std::isnan(v));
}

TEST_CASE("a GRU over embedded letters learns which letter was the first") {
  Rng rng(7);
  Sequential net(Embedding({.ids = 3, .features = 4}, rng), GRU({.in = 4, .out = 8}, rng),
                 last_step, Linear({.in = 8, .out = 3}, rng));
  Adam adam(net.parameters(), {.lr = 0.02});
  Tensor x = Tensor::empty({27, 4});  // all that follows three letters, and one more
  std::vector<std::int32_t> first;
  for (Index i = 0; i < 27; ++i) {
    const std::vector<Index> letters = {i / 9, i / 3 % 3, i % 3, i % 2};
    for (std::size_t l = 0; l < 4; ++l) {
      x.values()[static_cast<std::size_t>(i) * 4 + l] = static_cast<real>(letters[l]);
    }
    first.push_back(static_cast<std::int32_t>(i / 9));
  }
  for (int step = 0; step < 150; ++step) {
    net.zero_grad();
    cross_entropy(net(x), first).backward();
    adam.step();
  }
  CHECK(argmax_last(net(x)) == first);
}

#ifdef LIMBECK_REAL_DOUBLE
TEST_CASE("the gradients of a GRU, of its input, state and parameters, are finite differences'") {
  Rng rng(8);
  GRU layer({.in = 2, .out = 3}, rng);
  std::vector<Tensor> in = {random_tensor({2, 4, 2}, 1), random_tensor({2, 3}, 2)};
  for (const Tensor& parameter : layer.parameters()) in.push_back(parameter);
  const auto f = [&](const std::vector<Tensor>& x) {
    layer.cell.weight_ih = x[2], layer.cell.weight_hh = x[3];
    layer.cell.bias_ih = x[4], layer.cell.bias_hh = x[5];
    return layer.run(x[0], x[1]);
  };
  CHECK(gradient_error(f, in) < 1e-6);
}
#endif
