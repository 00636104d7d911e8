#include "tests/core/twin_program.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace limbeck::testing {
namespace {

// The input's element that belongs to element `at` of a broadcast output.
Index broadcast_index(Index at, const Shape& out, const Shape& in) {
  Index index = 0, stride = 1;
  for (int i = 1; i <= out.rank(); ++i) {
    const Index place = at % out.dim(-i);
    at /= out.dim(-i);
    if (i > in.rank()) continue;
    if (in.dim(-i) != 1) index += place * stride;
    stride *= in.dim(-i);
  }
  return index;
}

double normal_cdf(double x) {
  return (1 + std::erf(x / std::numbers::sqrt2)) / 2;
}

std::array<double, 2> value_and_slope(Unary op, double x) {
  switch (op) {
    case Unary::neg:
      return {-x, -1};
    case Unary::sigmoid: {
      const double y = 1 / (1 + std::exp(-x));
      return {y, y * (1 - y)};
    }
    case Unary::tanh:
      return {std::tanh(x), 1 - std::tanh(x) * std::tanh(x)};
    case Unary::exp:
      return {std::exp(x), std::exp(x)};
    case Unary::relu:
      return {x > 0 ? x : 0, x > 0 ? 1.0 : 0.0};
    case Unary::gelu:
      return {x * normal_cdf(x),
              normal_cdf(x) + x * std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi)};
    case Unary::log:
      break;
  }
  return {std::log(x), 1 / x};
}

// y[to] and x[from] by a factor: for ops that only move and add.
struct Link {
  Index to, from;
};

TwinPtr linked(const Shape& shape, const TwinPtr& x, std::vector<Link> links) {
  TwinPtr y = twin_of(shape, x->wants_grad);
  for (const auto& [to, from] : links) (*y)[to] += (*x)[from];
  if (x->wants_grad) {
    y->back = [y = y.get(), x, links = std::move(links)] {
      for (const auto& [to, from] : links) x->d(from) += y->d(to);
    };
  }
  return y;
}

}  // namespace

TwinPtr twin_of(const Shape& shape, bool wants_grad) {
  const auto size = static_cast<std::size_t>(shape.size());
  auto twin = std::make_shared<Twin>(Twin{.shape = shape,
                                          .memory = std::make_shared<std::vector<double>>(size),
                                          .wants_grad = wants_grad});
  if (wants_grad) twin->grad.resize(size);
  return twin;
}

TwinPtr unary(Unary op, const TwinPtr& x) {
  TwinPtr y = twin_of(x->shape, x->wants_grad);
  std::vector<double> slopes;
  for (Index i = 0; i < y->shape.size(); ++i) {
    const auto [value, slope] = value_and_slope(op, (*x)[i]);
    (*y)[i] = value;
    slopes.push_back(slope);
  }
  if (x->wants_grad) {
    y->back = [y = y.get(), x, slopes] {
      for (std::size_t i = 0; i < slopes.size(); ++i) x->grad[i] += y->grad[i] * slopes[i];
    };
  }
  return y;
}

TwinPtr binary(Binary op, const TwinPtr& a, const TwinPtr& b, const Shape& shape) {
  struct Term {
    Index to, at_a, at_b;
    double da, db;
  };
  TwinPtr y = twin_of(shape, a->wants_grad || b->wants_grad);
  std::vector<Term> terms;
  for (Index i = 0; i < shape.size(); ++i) {
    const Index at_a = broadcast_index(i, shape, a->shape);
    const Index at_b = broadcast_index(i, shape, b->shape);
    const double p = (*a)[at_a], q = (*b)[at_b];
    if (op == Binary::add) (*y)[i] = p + q, terms.push_back({i, at_a, at_b, 1, 1});
    if (op == Binary::sub) (*y)[i] = p - q, terms.push_back({i, at_a, at_b, 1, -1});
    if (op == Binary::mul) (*y)[i] = p * q, terms.push_back({i, at_a, at_b, q, p});
    if (op == Binary::div) (*y)[i] = p / q, terms.push_back({i, at_a, at_b, 1 / q, -p / (q * q)});
  }
  if (y->wants_grad) {
    y->back = [y = y.get(), a, b, terms] {
      for (const Term& t : terms) {
        if (a->wants_grad) a->d(t.at_a) += y->d(t.to) * t.da;
        if (b->wants_grad) b->d(t.at_b) += y->d(t.to) * t.db;
      }
    };
  }
  return y;
}

TwinPtr sum_last_twin(const TwinPtr& x) {
  std::vector<Link> links;
  for (Index i = 0; i < x->shape.size(); ++i) links.push_back({i / x->shape.last(), i});
  return linked(x->shape.with_last(1), x, std::move(links));
}

TwinPtr max_last_twin(const TwinPtr& x) {
  std::vector<Link> links;
  for (Index row = 0; row < x->shape.rows(); ++row) {
    Index best = row * x->shape.last();
    for (Index i = best; i < (row + 1) * x->shape.last(); ++i) {
      if ((*x)[i] > (*x)[best]) best = i;
    }
    links.push_back({row, best});
  }
  return linked(x->shape.with_last(1), x, std::move(links));
}

TwinPtr sum_twin(const TwinPtr& x) {
  std::vector<Link> links;
  for (Index i = 0; i < x->shape.size(); ++i) links.push_back({0, i});
  return linked(Shape{}, x, std::move(links));
}

TwinPtr softmax_twin(const TwinPtr& x) {
  const TwinPtr e = unary(Unary::exp, x);
  const TwinPtr s = sum_last_twin(e);
  const TwinPtr y = binary(Binary::div, e, s, x->shape);
  if (!y->wants_grad) return y;
  y->back = [y = y.get(), e, s, last = y->back] {
    std::ranges::fill(e->grad, 0);
    std::ranges::fill(s->grad, 0);
    last();
    s->back();
    e->back();
  };
  return y;
}

TwinPtr matmul_twin(const TwinPtr& a, const TwinPtr& b) {
  const Index m = a->shape.dim(0), k = a->shape.dim(1), n = b->shape.dim(0);
  TwinPtr y = twin_of({m, n}, a->wants_grad || b->wants_grad);
  const std::vector<double> va(a->memory->begin() + a->offset,
                               a->memory->begin() + a->offset + m * k);
  const std::vector<double> vb(b->memory->begin() + b->offset,
                               b->memory->begin() + b->offset + n * k);
  const auto for_products = [m, k, n](const auto& body) {
    for (Index i = 0; i < m; ++i) {
      for (Index j = 0; j < n; ++j) {
        for (Index l = 0; l < k; ++l) body(i * n + j, i * k + l, j * k + l);
      }
    }
  };
  for_products([&](Index to, Index p, Index q) {
    (*y)[to] += va[static_cast<std::size_t>(p)] * vb[static_cast<std::size_t>(q)];
  });
  if (y->wants_grad) {
    y->back = [=, y = y.get()] {
      for_products([&](Index to, Index p, Index q) {
        if (a->wants_grad) a->d(p) += y->d(to) * vb[static_cast<std::size_t>(q)];
        if (b->wants_grad) b->d(q) += y->d(to) * va[static_cast<std::size_t>(p)];
      });
    };
  }
  return y;
}

TwinPtr permute_twin(const TwinPtr& x) {
  const Index rows = x->shape.dim(-2), columns = x->shape.dim(-1);
  Shape shape{columns, rows};
  for (int i = x->shape.rank() - 3; i >= 0; --i) shape = shape.with_front(x->shape.dim(i));
  std::vector<Link> links;
  for (Index i = 0; i < x->shape.size(); ++i) {
    const Index matrix = i / (rows * columns), row = i / columns % rows, column = i % columns;
    links.push_back({(matrix * columns + column) * rows + row, i});
  }
  return linked(shape, x, std::move(links));
}

TwinPtr slice_last_twin(const TwinPtr& x, Index begin, Index end) {
  std::vector<Link> links;
  for (Index row = 0; row < x->shape.rows(); ++row) {
    for (Index i = begin; i < end; ++i) {
      links.push_back({row * (end - begin) + i - begin, row * x->shape.last() + i});
    }
  }
  return linked(x->shape.with_last(end - begin), x, std::move(links));
}

TwinPtr gather_rows_twin(const TwinPtr& x, const std::vector<Index>& rows) {
  const Shape row = x->shape.without_front();
  std::vector<Link> links;
  for (std::size_t m = 0; m < rows.size(); ++m) {
    for (Index i = 0; i < row.size(); ++i) {
      links.push_back({static_cast<Index>(m) * row.size() + i, rows[m] * row.size() + i});
    }
  }
  return linked(row.with_front(static_cast<Index>(rows.size())), x, std::move(links));
}

TwinPtr concat_twin(const TwinPtr& a, const TwinPtr& b) {
  const Shape row = a->shape.without_front();
  TwinPtr y =
      twin_of(row.with_front(a->shape.dim(0) + b->shape.dim(0)), a->wants_grad || b->wants_grad);
  const Index size = a->shape.size();
  for (Index i = 0; i < y->shape.size(); ++i) (*y)[i] = i < size ? (*a)[i] : (*b)[i - size];
  if (y->wants_grad) {
    y->back = [=, y = y.get()] {
      for (Index i = 0; i < y->shape.size(); ++i) {
        if (i < size && a->wants_grad) a->d(i) += y->d(i);
        if (i >= size && b->wants_grad) b->d(i - size) += y->d(i);
      }
    };
  }
  return y;
}

TwinPtr view_twin(const TwinPtr& x, const Shape& shape, Index offset, bool recorded) {
  TwinPtr y = twin_of(shape, recorded && x->wants_grad);
  y->memory = x->memory;
  y->offset = x->offset + offset;
  if (y->wants_grad) {
    y->back = [=, y = y.get()] {
      for (Index i = 0; i < y->shape.size(); ++i) x->d(offset + i) += y->d(i);
    };
  }
  return y;
}

void backward_twin(const TwinPtr& loss, const std::vector<TwinPtr>& tape) {
  loss->d(0) = 1;
  for (auto twin = tape.rbegin(); twin != tape.rend(); ++twin) {
    if ((*twin)->back) (*twin)->back();
  }
}

}  // namespace limbeck::testing
