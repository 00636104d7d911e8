// The kernels below the ops: products, transforms, vectors, each against its definition.
#include <array>
#include <numeric>

#include "core/kernels/gemm.h"
#include "core/kernels/panel_product.h"
#include "core/kernels/plain.h"
#include "core/kernels/small_product.h"
#include "core/kernels/winograd_transform.h"
#include "core/parallel.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

Tensor transposed(const Tensor& matrix) {
  Tensor t = Tensor::empty({matrix.dim(1), matrix.dim(0)});
  for (Index i = 0; i < matrix.dim(0); ++i) {
    for (Index j = 0; j < matrix.dim(1); ++j) {
      t.data()[j * matrix.dim(0) + i] = matrix.data()[i * matrix.dim(1) + j];
    }
  }
  return t;
}

}  // namespace

TEST_CASE("a small product is its three loops, for odd sizes and any strides") {
  for (const Index rows : {1, 3, 4, 9, 17}) {
    for (const Index columns : {lanes, 3 * lanes, 4 * lanes, 7 * lanes}) {
      const Index depth = 5;
      const Tensor a = random_tensor({depth, rows}, 1);  // as (rows, depth), transposed
      const Tensor b = random_tensor({depth, columns + 3}, 2);
      Tensor c = Tensor::full({rows, columns + 1}, 1);
      SmallProductSizes s{.rows = rows,
                          .columns = columns,
                          .depth = depth,
                          .c_row = columns + 1,
                          .a_row = 1,
                          .a_depth = rows,
                          .b_row = columns + 3};
      Tensor expected = c.clone();
      for (const bool accumulate : {false, true}) {
        s.accumulate = accumulate;
        small_product(c.data(), a.data(), b.data(), s);
        for (Index i = 0; i < rows; ++i) {
          for (Index j = 0; j < columns; ++j) {
            real& sum = expected.data()[i * (columns + 1) + j];
            if (!accumulate) sum = 0;
            for (Index k = 0; k < depth; ++k) {
              sum += a.data()[k * rows + i] * b.data()[k * (columns + 3) + j];
            }
          }
        }
        CHECK(difference(c, expected) < 1e-5);  // and the column past the last is untouched
      }
    }
  }
}

TEST_CASE("a product with panels is its three loops, however they are made and it is written") {
  constexpr Index width = Panels::width;
  for (const Index rows : {1, 7, 8, 21, 200}) {  // few and many: the tiles come in another order
    for (const Index columns : {Index{3}, width, width + 5, 3 * width}) {
      for (const Index depth : {1, 9, 24}) {
        const Index row = columns + 2;
        const Tensor a = random_tensor({depth, rows}, 1);  // as (rows, depth), transposed
        const Tensor b = random_tensor({depth, row}, 2), b_transposed = transposed(b);
        const Tensor bias = random_tensor({std::max(rows, columns)}, 3);
        const LeftFactor left{.data = a.data(), .rows = rows, .row = 1, .column = rows};
        const std::array<Panels, 3> all = {
            Panels::packed(b.data(), depth, columns, row),
            Panels::packed_transposed(b_transposed.data(), depth, columns, depth),
            Panels::in_place(b.data(), depth, columns, row)};
        for (const bool ended : {false, true}) {
          const ProductEnd end{.bias = ended ? bias.data() : nullptr, .relu = ended};
          Tensor expected = Tensor::full({rows, columns + 1}, 7);
          Tensor expected_transposed = Tensor::full({columns, rows + 1}, 7);
          for (Index i = 0; i < rows; ++i) {
            for (Index j = 0; j < columns; ++j) {
              real sum = 0;
              for (Index k = 0; k < depth; ++k)
                sum += a.data()[k * rows + i] * b.data()[k * row + j];
              const auto finish = [&](Index column) {
                return ended ? std::max(sum + bias.data()[column], real{0}) : sum;
              };
              expected.data()[i * (columns + 1) + j] = finish(j);
              expected_transposed.data()[j * (rows + 1) + i] = finish(i);
            }
          }
          for (const Panels& panels : all) {
            Tensor c = Tensor::full(expected.shape(), 7);
            Tensor c_transposed = Tensor::full(expected_transposed.shape(), 7);
            panel_product(c.data(), columns + 1, left, panels, end);
            panel_product_transposed(c_transposed.data(), rows + 1, left, panels, end);
            CHECK(difference(c, expected) < 1e-5);
            CHECK(difference(c_transposed, expected_transposed) < 1e-5);
          }
        }
      }
    }
  }
}

TEST_CASE("a product with panels adds up blocks in depth, of an A that lies either way") {
  for (const Index depth : {255, 257, 600}) {
    for (const Index rows : {5, 47, 50}) {  // blocks of 48 rows, where A is transposed
      const Index columns = 3 * Panels::width + 5;
      const Tensor a = random_tensor({rows, depth}, 1), a_transposed = transposed(a);
      const Tensor b = random_tensor({depth, columns}, 2), bias = random_tensor({columns}, 3);
      Tensor expected = Tensor::empty({rows, columns});
      plain_gemm(expected.data(), a.data(), b.data(), {.m = rows, .n = columns, .k = depth});
      const Tensor ended = relu(expected + bias);
      const Panels panels = Panels::packed(b.data(), depth, columns, columns);
      for (const LeftFactor& left :
           {LeftFactor{.data = a.data(), .rows = rows, .row = depth, .column = 1},
            LeftFactor{.data = a_transposed.data(), .rows = rows, .row = 1, .column = rows}}) {
        Tensor c = Tensor::full(expected.shape(), 7);
        panel_product(c.data(), columns, left, panels);
        CHECK(difference(c, expected) < 1e-4);
        panel_product(c.data(), columns, left, panels, {.bias = bias.data(), .relu = true});
        CHECK(difference(c, ended) < 1e-4);
      }
    }
  }
}

TEST_CASE("a product of a few rows is its three loops, beside what is wider, and adds to what is") {
  for (const Index rows : {1, 2, 3, 4, 5, 7, 9}) {
    for (const Index columns : {1, 6, 19, 700}) {    // 700: more than a block
      for (const Index depth : {0, 1, 6, 21, 75}) {  // vectors, and what is left over
        CAPTURE(rows);
        CAPTURE(columns);
        CAPTURE(depth);
        const Tensor a = random_tensor({rows, depth + 1}, 1);
        const Tensor b = random_tensor({depth, columns + 2}, 2), b_transposed = transposed(b);
        const Tensor before = random_tensor({rows, columns + 3}, 3);
        for (const bool accumulate : {false, true}) {
          Tensor expected = before.clone(), c = before.clone(), of_rows = before.clone();
          const FewRowsSizes s{.rows = rows,
                               .columns = columns,
                               .depth = depth,
                               .c_row = columns + 3,
                               .a_row = depth + 1,
                               .b_row = columns + 2,
                               .accumulate = accumulate};
          plain_gemm(expected.data(), a.data(), b.data(),
                     {.m = rows,
                      .n = columns,
                      .k = depth,
                      .accumulate = accumulate,
                      .c_row = s.c_row,
                      .a_row = s.a_row,
                      .b_row = s.b_row});
          few_rows(c.data(), a.data(), b.data(), s);
          FewRowsSizes turned = s;
          turned.b_row = depth;
          few_rows_transposed(of_rows.data(), a.data(), b_transposed.data(), turned);
          CHECK(difference(c, expected) < 1e-5);
          CHECK(difference(of_rows, expected) < 1e-5);
        }
      }
    }
  }
}

TEST_CASE("what is left over of a row's vectors is added once, of an infinity too") {
  const Index depth = 21;
  for (Index infinite = 0; infinite < depth; ++infinite) {
    Tensor a = Tensor::full({1, depth}, 1), c = Tensor::zeros({1});
    const Tensor b = Tensor::full({1, depth}, 2);
    a.data()[infinite] = INFINITY;
    few_rows_transposed(
        c.data(), a.data(), b.data(),
        {.rows = 1, .columns = 1, .depth = depth, .c_row = 1, .a_row = depth, .b_row = depth});
    CHECK(c.item() == INFINITY);
  }
}

TEST_CASE("NaN goes through a product's bias and relu") {
  const Tensor a = Tensor::full({8, 3}, NAN), b = Tensor::full({3, Panels::width}, 1);
  const Panels panels = Panels::packed(b.data(), 3, Panels::width, Panels::width);
  const LeftFactor left{.data = a.data(), .rows = 8, .row = 3, .column = 1};
  Tensor c = Tensor::zeros({8, Panels::width}), c_transposed = Tensor::zeros({Panels::width, 8});
  panel_product(c.data(), Panels::width, left, panels, {.relu = true});
  panel_product_transposed(c_transposed.data(), 8, left, panels, {.relu = true});
  for (const real x : c.values()) CHECK(std::isnan(x));
  for (const real x : c_transposed.values()) CHECK(std::isnan(x));
}

TEST_CASE("a product split among threads is BLAS's in one call, by rows and by columns") {
  const int before = threads();
  set_threads(3);
  for (const auto& [m, n] : {std::pair<Index, Index>{300, 70}, {70, 301}}) {
    const Index k = 150;
    for (const bool ta : {false, true}) {
      for (const bool tb : {false, true}) {
        const GemmSizes s{.m = m, .n = n, .k = k, .transpose_a = ta, .transpose_b = tb};
        const Tensor a = random_tensor({m, k}, 1), b = random_tensor({k, n}, 2);
        Tensor c = Tensor::zeros({m, n}), expected = Tensor::zeros({m, n});
        gemm(c.data(), a.data(), b.data(), s);
        blas_gemm(expected.data(), a.data(), b.data(), s);
        CHECK(difference(c, expected) < 1e-5);
      }
    }
  }
  set_threads(before);
}

TEST_CASE("a product of parts of wider matrices leaves what is beside them alone") {
  const Tensor a = random_tensor({6, 10}, 1), b = random_tensor({5, 12}, 2);
  Tensor c = Tensor::full({4, 9}, 7);
  // c[:, 0:3] = a[0:4, 2:7] b[:, 1:4]
  gemm(c.data(), a.data() + 2, b.data() + 1,
       {.m = 4, .n = 3, .k = 5, .c_row = 9, .a_row = 10, .b_row = 12});
  for (Index i = 0; i < 4; ++i) {
    for (Index j = 0; j < 9; ++j) {
      double expected = j < 3 ? 0 : 7;
      for (Index k = 0; k < 5 && j < 3; ++k) {
        expected += static_cast<double>(a.data()[10 * i + 2 + k] * b.data()[12 * k + 1 + j]);
      }
      CHECK(c.data()[9 * i + j] == doctest::Approx(expected).epsilon(1e-5));
    }
  }
}

TEST_CASE("transpose turns eight rows into eight columns") {
  Vector v[lanes];
  for (Index i = 0; i < lanes; ++i) {
    for (Index j = 0; j < lanes; ++j) v[i][j] = static_cast<real>(10 * i + j);
  }
  transpose(v);
  for (Index i = 0; i < lanes; ++i) {
    for (Index j = 0; j < lanes; ++j) {
      const real element = v[i][j];
      CHECK(element == static_cast<real>(10 * j + i));
    }
  }
}

namespace {

// Aᵀ [(G g) ⊙ (Bᵀ d)] in double, from the matrices as they stand.
template <int taps>
std::array<double, 4> filter_by_transform(const std::vector<double>& g,
                                          const std::vector<double>& d) {
  using W = Winograd<taps>;
  std::array<double, 4> y{};
  for (std::size_t p = 0; p < W::n; ++p) {
    const double weight = std::inner_product(g.begin(), g.end(), W::g[p].begin(), 0.0);
    const double value = std::inner_product(d.begin(), d.end(), W::b_transposed[p].begin(), 0.0);
    for (std::size_t i = 0; i < 4; ++i) y[i] += W::a[p][i] * weight * value;
  }
  return y;
}

template <int taps>
void check_filter() {
  const std::vector<double> d = {1, -2, 3, 0.5, 4, -1, 2, 7};
  const std::vector<double> g = {2, -1, 0.5, 3, 1};
  const std::vector<double> inputs(d.begin(), d.begin() + 4 + taps - 1);
  const std::vector<double> filter(g.begin(), g.begin() + taps);
  const auto y = filter_by_transform<taps>(filter, inputs);
  for (std::size_t i = 0; i < 4; ++i) {
    const double expected = std::inner_product(
        filter.begin(), filter.end(), inputs.begin() + static_cast<std::ptrdiff_t>(i), 0.0);
    CHECK(y[i] == doctest::Approx(expected).epsilon(1e-12));
  }
}

}  // namespace

TEST_CASE("Winograd's matrices filter: four outputs of three and of five taps") {
  check_filter<3>();
  check_filter<5>();
}

TEST_CASE("a matrix with a side that BLAS cannot count is refused, and not taken for another") {
  if (plain_kernels()) {
    MESSAGE("skipped: the plain product can count them");
    return;
  }
  constexpr Index large = Index{1} << 32;  // as an int: 0
  if (!without_blas()) {
    CHECK(contains(error_of([] { gemm(nullptr, nullptr, nullptr, {.m = 16, .n = 1, .k = large}); }),
                   "gemm: a matrix with a side of 4294967296 is more than BLAS can count"));
  }
  CHECK(
      contains(error_of([] { blas_gemm(nullptr, nullptr, nullptr, {.m = large, .n = 1, .k = 1}); }),
               "is more than BLAS can count"));
}
