// Ops beside their definitions, on shapes drawn at random.
#include "tests/core/twins.h"

#include "tests/core/ops/plain_conv.h"
#include "tests/core/ops/plain_pool.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

constexpr double unclear = 1e-3;  // so near to a kink rounding may decide

// After::relu_max_pool by definition, of z: y, and what dy becomes on the way back, dz.
struct Finished {
  Tensor y, dz;
  bool clear = true;  // no maximum and no 0 is a close call
};

Finished finish(const Tensor& z, const Tensor& dy, After after) {
  Finished f{.y = Tensor::empty(dy.shape()), .dz = Tensor::zeros(z.shape())};
  const Index step = after == After::relu_max_pool ? 2 : 1;
  const Index height = dy.dim(2), width = dy.dim(3);
  for (Index at = 0; at < dy.size(); ++at) {
    const Index plane = at / (height * width), i = at / width % height, j = at % width;
    Index best = -1;
    real largest = 0, second = -INFINITY;
    for (Index p = 0; p < step * step; ++p) {
      const Index from = (plane * z.dim(2) + i * step + p / step) * z.dim(3) + j * step + p % step;
      const real v = z.data()[from];
      if (best < 0 || v > largest) {
        second = best < 0 ? second : largest;
        best = from, largest = v;
      } else {
        second = std::max(second, v);
      }
    }
    const bool relu = after != After::nothing;
    f.y.data()[at] = relu ? std::max(largest, real{0}) : largest;
    if (!relu || largest > 0) f.dz.data()[best] += dy.data()[at];
    if (relu && std::abs(largest) < unclear) f.clear = false;
    if (step == 2 && largest > 0 && largest - second < unclear) f.clear = false;
  }
  return f;
}

}  // namespace

TEST_CASE("twins by chance: convolution, forward and backward, with what follows it") {
  int compared = 0;
  for_draws(60, [&](Rng& rng) {
    ConvCase c{.images = between(0, 4, rng),
               .in = 1,
               .height = between(1, 14, rng),
               .width = between(1, 14, rng),
               .out = 1,
               .kernel = {between(1, 5, rng), between(1, 5, rng)},
               .stride = {between(1, 3, rng), between(1, 3, rng)},
               .padding = {between(0, 2, rng), between(0, 2, rng)},
               .groups = one_of<Index>({1, 1, 2, 3}, rng),
               .dilation = {one_of<Index>({1, 1, 2, 3}, rng), one_of<Index>({1, 1, 2, 3}, rng)}};
    if (rng.below(2) == 0) {  // what is transformed
      c.kernel = one_of<Index>({3, 5}, rng);
      c.stride = 1;
      c.groups = 1;
      c.dilation = 1;
    }
    c.in = c.groups * between(1, 6, rng), c.out = c.groups * between(1, 12, rng);
    const Index out_h =
        c.height + 2 * c.padding.height - c.dilation.height * (c.kernel.height - 1) - 1;
    const Index out_w = c.width + 2 * c.padding.width - c.dilation.width * (c.kernel.width - 1) - 1;
    if (out_h < 0 || out_w < 0) return;
    const Shape out{c.images, c.out, out_h / c.stride.height + 1, out_w / c.stride.width + 1};
    const After after = one_of({After::nothing, After::relu, After::relu_max_pool}, rng);
    const bool pools = after == After::relu_max_pool;
    if (pools && (out.dim(2) < 2 || out.dim(3) < 2)) return;
    CAPTURE(c.images);
    CAPTURE(c.in);
    CAPTURE(c.out);
    CAPTURE(c.height);
    CAPTURE(c.width);
    CAPTURE(c.kernel.str());
    CAPTURE(c.stride.str());
    CAPTURE(c.padding.str());
    CAPTURE(c.groups);
    CAPTURE(c.dilation.str());
    CAPTURE(static_cast<int>(after));
    Tensor x = uniform({c.images, c.in, c.height, c.width}, -1, 1, rng).requires_grad();
    Tensor w = uniform({c.out, c.in / c.groups, c.kernel.height, c.kernel.width}, -1, 1, rng)
                   .requires_grad();
    Tensor b = uniform({c.out}, -1, 1, rng).requires_grad();
    const Tensor y = conv2d(x, w, b,
                            {.stride = c.stride,
                             .padding = c.padding,
                             .dilation = c.dilation,
                             .groups = c.groups,
                             .after = after});
    const Tensor dy = uniform(y.shape(), -1, 1, rng);
    sum(y * dy).backward();
    const Tensor z = plain_conv(c, x, w, b, Tensor::zeros(out)).y;
    const Finished end = finish(z, dy, after);
    CHECK(relative_difference(y, end.y) < twin_tolerance());
    if (!end.clear) return;
    ++compared;
    const ConvResult expected = plain_conv(c, x, w, b, end.dz);
    CHECK(relative_difference(x.grad(), expected.dx) < twin_tolerance());
    CHECK(relative_difference(w.grad(), expected.dw) < twin_tolerance());
    CHECK(relative_difference(b.grad(), expected.db) < twin_tolerance());
  });
  CHECK(compared > fuzz_cases(60) / 4);
}

TEST_CASE("twins by chance: pooling, with ties, NaN and infinities") {
  int compared = 0;
  for_draws(150, [&](Rng& rng) {
    const Size2d kernel = {between(1, 4, rng), between(1, 4, rng)};
    const PoolOptions options{
        .kernel = kernel,
        .stride = {between(1, 3, rng), between(1, 3, rng)},
        .padding = {between(0, kernel.height / 2, rng), between(0, kernel.width / 2, rng)}};
    const Shape shape{between(0, 3, rng), between(1, 3, rng), between(1, 12, rng),
                      between(1, 12, rng)};
    const Window2d window{kernel, options.stride, options.padding};
    if (shape.dim(2) + 2 * window.padding.height < kernel.height ||
        shape.dim(3) + 2 * window.padding.width < kernel.width)
      return;
    CAPTURE(shape.str());
    CAPTURE(kernel.str());
    CAPTURE(options.stride.str());
    CAPTURE(options.padding.str());
    Tensor x = uniform(shape, -3, 3, rng);
    for (real& v : x.values()) v = std::floor(v);  // ties
    Tensor odd = x.clone();
    for (real& v : odd.values()) {
      if (rng.below(8) == 0) v = one_of<real>({NAN, -INFINITY, INFINITY}, rng);
    }
    for (Tensor* const images : {&x, &odd}) {
      images->requires_grad();
      const Tensor y = max_pool2d(*images, options);
      const Tensor dy = uniform(y.shape(), -1, 1, rng);
      sum(y * dy.detach()).backward();
      const Pooled expected = plain_max_pool(*images, dy, window);
      for (Index i = 0; i < y.size(); ++i) {
        const real a = y.data()[i], e = expected.y.data()[i];
        CHECK((a == e || (std::isnan(a) && std::isnan(e))));
      }
      if (images == &x) CHECK(relative_difference(x.grad(), expected.dx) < twin_tolerance());
    }
    x.clear_grad();
    const Tensor y = avg_pool2d(x, options);
    const Tensor dy = uniform(y.shape(), -1, 1, rng);
    sum(y * dy).backward();
    const Pooled expected = plain_avg_pool(x, dy, window);
    CHECK(relative_difference(y, expected.y) < twin_tolerance());
    CHECK(relative_difference(x.grad(), expected.dx) < twin_tolerance());
    ++compared;
  });
  CHECK(compared > fuzz_cases(150) / 2);
}

TEST_CASE("twins by chance: linear, at any batch and width") {
  for_draws(60, [](Rng& rng) {
    const bool large = rng.below(5) == 0;
    const Index most = large ? 300 : 40;
    const Index n = between(0, most, rng), d_in = between(1, most, rng),
                d_out = between(1, most, rng);
    const bool with_bias = rng.below(3) > 0, relu = rng.below(2) == 0;
    CAPTURE(n);
    CAPTURE(d_in);
    CAPTURE(d_out);
    CAPTURE(with_bias);
    CAPTURE(relu);
    Tensor x = uniform({n, d_in}, -1, 1, rng).requires_grad();
    Tensor w = uniform({d_out, d_in}, -1, 1, rng).requires_grad();
    Tensor b = uniform({d_out}, -1, 1, rng).requires_grad();
    const Tensor y = linear(x, w, with_bias ? b : Tensor(), {.relu = relu});
    const Tensor dy = uniform(y.shape(), -1, 1, rng);
    sum(y * dy).backward();
    Tensor ey = Tensor::zeros(y.shape()), dx = Tensor::zeros(x.shape()),
           dw = Tensor::zeros(w.shape()), db = Tensor::zeros(b.shape());
    std::vector<double> exact_dx(static_cast<std::size_t>(x.size())),
        exact_dw(static_cast<std::size_t>(w.size())), exact_db(static_cast<std::size_t>(d_out));
    bool clear = true;
    for (Index i = 0; i < n; ++i) {
      for (Index o = 0; o < d_out; ++o) {
        double z = with_bias ? static_cast<double>(b.data()[o]) : 0;
        for (Index k = 0; k < d_in; ++k) {
          z += static_cast<double>(x.data()[i * d_in + k]) *
               static_cast<double>(w.data()[o * d_in + k]);
        }
        if (relu && std::abs(z) < unclear) clear = false;
        ey.data()[i * d_out + o] = static_cast<real>(relu ? std::max(z, 0.0) : z);
        const double dz = relu && z <= 0 ? 0 : static_cast<double>(dy.data()[i * d_out + o]);
        exact_db[static_cast<std::size_t>(o)] += dz;
        for (Index k = 0; k < d_in; ++k) {
          exact_dx[static_cast<std::size_t>(i * d_in + k)] +=
              dz * static_cast<double>(w.data()[o * d_in + k]);
          exact_dw[static_cast<std::size_t>(o * d_in + k)] +=
              dz * static_cast<double>(x.data()[i * d_in + k]);
        }
      }
    }
    CHECK(relative_difference(y, ey) < twin_tolerance());
    if (!clear) return;
    const auto to = [](Tensor& t, const std::vector<double>& v) {
      std::ranges::transform(v, t.values().begin(), [](double e) { return static_cast<real>(e); });
    };
    to(dx, exact_dx), to(dw, exact_dw), to(db, exact_db);
    CHECK(relative_difference(x.grad(), dx) < twin_tolerance());
    CHECK(relative_difference(w.grad(), dw) < twin_tolerance());
    if (with_bias) CHECK(relative_difference(b.grad(), db) < twin_tolerance());
  });
}

TEST_CASE("twins by chance: products of matrices, also in batches, with every transposition") {
  for_draws(80, [](Rng& rng) {
    const Index most = rng.below(6) == 0 ? 150 : 24;
    const Index m = between(0, most, rng), k = between(0, most, rng), n = between(0, most, rng);
    const Index batch = between(1, 3, rng);
    const Transpose t{.a = rng.below(2) == 0, .b = rng.below(2) == 0};
    CAPTURE(m);
    CAPTURE(k);
    CAPTURE(n);
    CAPTURE(batch);
    CAPTURE(t.a);
    CAPTURE(t.b);
    Tensor a = uniform(t.a ? Shape{batch, k, m} : Shape{batch, m, k}, -1, 1, rng).requires_grad();
    Tensor b = uniform(t.b ? Shape{batch, n, k} : Shape{batch, k, n}, -1, 1, rng).requires_grad();
    const Tensor y = batched_matmul(a, b, t);
    const Tensor dy = uniform({batch, m, n}, -1, 1, rng);
    sum(y * dy).backward();
    Tensor ey = Tensor::zeros(y.shape()), da = Tensor::zeros(a.shape()),
           db = Tensor::zeros(b.shape());
    for (Index p = 0; p < batch; ++p) {
      for (Index i = 0; i < m; ++i) {
        for (Index j = 0; j < n; ++j) {
          for (Index l = 0; l < k; ++l) {
            const Index at_a = p * m * k + (t.a ? l * m + i : i * k + l);
            const Index at_b = p * k * n + (t.b ? j * k + l : l * n + j);
            const Index at_y = (p * m + i) * n + j;
            ey.data()[at_y] += std::as_const(a).data()[at_a] * std::as_const(b).data()[at_b];
            da.data()[at_a] += dy.data()[at_y] * std::as_const(b).data()[at_b];
            db.data()[at_b] += dy.data()[at_y] * std::as_const(a).data()[at_a];
          }
        }
      }
    }
    CHECK(relative_difference(y, ey) < twin_tolerance());
    CHECK(relative_difference(a.grad(), da) < twin_tolerance());
    CHECK(relative_difference(b.grad(), db) < twin_tolerance());
    if (batch > 1) return;
    const auto matrix = [](const Tensor& x) { return reshape(x.detach(), {x.dim(1), x.dim(2)}); };
    CHECK(relative_difference(matmul(matrix(a), matrix(b), t), reshape(ey, {m, n})) <
          twin_tolerance());
  });
}

namespace {

// A shape of up to six dimensions, now and then of so many elements that threads share them.
Shape any_shape(Rng& rng) {
  Shape shape;
  const Index most = one_of<Index>({3, 5, 9, 50}, rng);
  for (Index rank = between(1, most > 9 ? 3 : 6, rng); rank > 0; --rank) {
    shape = shape.with_front(rng.below(6) == 0 ? 1 : between(1, most, rng));
  }
  return shape;
}

// `shape` with some dimensions as 1, and perhaps without the first ones: what broadcasts to it.
Shape operand_shape(const Shape& shape, Rng& rng) {
  Shape operand;
  const bool all = rng.below(4) == 0;
  const Index rank = all ? shape.rank() : between(0, shape.rank(), rng);
  for (int i = 1; i <= rank; ++i) {
    operand = operand.with_front(!all && rng.below(2) == 0 ? 1 : shape.dim(-i));
  }
  return operand;
}

// The place in an operand of shape `from` of what belongs to element i of `to`.
Index place_of(Index i, const Shape& from, const Shape& to) {
  Index place = 0, stride = 1;
  for (int d = 1; d <= to.rank(); ++d) {
    const Index at = i % to.dim(-d), size = d <= from.rank() ? from.dim(-d) : 1;
    place += (size == 1 ? 0 : at) * stride;
    stride *= size;
    i /= to.dim(-d);
  }
  return place;
}

}  // namespace

TEST_CASE("twins by chance: broadcasting, choices, and the sums that lead back") {
  for_draws(80, [](Rng& rng) {
    const Shape shape = any_shape(rng);
    const Tensor a = uniform(operand_shape(shape, rng), -1, 1, rng),
                 b = uniform(operand_shape(shape, rng), -1, 1, rng),
                 whole = uniform(shape, -1, 1, rng), mask = a > b;
    const Tensor sum = a + whole, chosen = where(mask, whole, b), back = sum_to(whole, b.shape());
    CAPTURE(shape);
    CAPTURE(a.shape());
    CAPTURE(b.shape());
    Tensor sum_twin = Tensor::empty(shape), chosen_twin = Tensor::empty(shape);
    std::vector<double> sums(static_cast<std::size_t>(b.size()));
    for (Index i = 0; i < shape.size(); ++i) {
      const Index at_a = place_of(i, a.shape(), shape), at_b = place_of(i, b.shape(), shape);
      const real w = whole.data()[i], p = a.data()[at_a], q = b.data()[at_b];
      sum_twin.data()[i] = p + w;
      chosen_twin.data()[i] = p > q ? w : q;
      sums[static_cast<std::size_t>(at_b)] += static_cast<double>(w);
    }
    CHECK(same_bits(sum, sum_twin));
    CHECK(same_bits(chosen, chosen_twin));
    Tensor back_twin = Tensor::empty(b.shape());
    std::ranges::transform(sums, back_twin.data(), [](double v) { return static_cast<real>(v); });
    CHECK(difference(back, back_twin) < twin_tolerance());
  });
}

TEST_CASE("twins by chance: permuted dimensions") {
  for_draws(80, [](Rng& rng) {
    const Shape shape = any_shape(rng);
    const Tensor x = uniform(shape, -1, 1, rng);
    const auto order = rng.permutation(shape.rank());
    const auto axis = [&](int i) { return static_cast<int>(order[static_cast<std::size_t>(i)]); };
    const Tensor y = [&] {
      switch (shape.rank()) {
        case 1:
          return permute(x, {0});
        case 2:
          return permute(x, {axis(0), axis(1)});
        case 3:
          return permute(x, {axis(0), axis(1), axis(2)});
        case 4:
          return permute(x, {axis(0), axis(1), axis(2), axis(3)});
        case 5:
          return permute(x, {axis(0), axis(1), axis(2), axis(3), axis(4)});
        default:
          return permute(x, {axis(0), axis(1), axis(2), axis(3), axis(4), axis(5)});
      }
    }();
    CAPTURE(shape);
    CAPTURE(y.shape());
    Tensor twin = Tensor::empty(y.shape());
    for (Index i = 0; i < y.size(); ++i) {
      Index rest = i, from = 0;
      for (int d = y.shape().rank() - 1; d >= 0; --d) {
        Index stride = 1;
        for (int k = axis(d) + 1; k < shape.rank(); ++k) stride *= shape.dim(k);
        from += rest % y.dim(d) * stride;
        rest /= y.dim(d);
      }
      twin.data()[i] = x.data()[from];
    }
    CHECK(same_bits(y, twin));
  });
}
