// Random programs of ops beside a naive twin in double: views, broadcasts, elements changed in
// place, several graphs alive at once.
#include <optional>

#include "tests/core/twin_program.h"
#include "tests/core/twins.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// A value in both worlds.
struct Value {
  Tensor tensor;
  TwinPtr twin;
};

struct Loss {
  Value value;
  std::vector<TwinPtr> tape;
};

// What came of some programs.
struct Outcome {
  int right = 0;    // gradients are the twin's
  int refused = 0;  // backward() said that elements had been changed
};

class Program {
 public:
  Program(Rng& rng, bool writes) : rng_(rng), writes_(writes) {
    for (int i = 0; i < 3; ++i) {
      const Shape shape = one_of<Shape>({{2, 3}, {3}, {1, 3}, {3, 2}, {2, 1}, {}, {2, 2, 3}}, rng);
      leaves_.push_back(fresh(shape, true));
    }
    start_over();
  }

  // Runs it, with several losses whose backward() comes later.
  void run(Outcome& outcome) {
    std::vector<Loss> losses;
    const Index graphs = between(1, 3, rng_);
    for (Index graph = 0; graph < graphs; ++graph) {
      start_over();
      for (Index steps = between(2, 9, rng_); steps > 0; --steps) step();
      if (auto loss = make_loss()) losses.push_back(std::move(*loss));
      if (rng_.below(2) == 0 && !backward(losses, outcome)) return;
    }
    backward(losses, outcome);
  }

 private:
  Value fresh(const Shape& shape, bool wants_grad) {
    Value v{uniform(shape, -1.5, 1.5, rng_), twin_of(shape, wants_grad)};
    for (Index i = 0; i < shape.size(); ++i) (*v.twin)[i] = static_cast<double>(v.tensor.data()[i]);
    v.tensor.requires_grad(wants_grad);
    return v;
  }

  void start_over() {
    values_ = leaves_;
    values_.push_back(fresh(one_of<Shape>({{3}, {2, 3}, {}}, rng_), false));
    tape_.clear();
  }

  const Value& any() {
    return values_[static_cast<std::size_t>(rng_.below(static_cast<Index>(values_.size())))];
  }

  void step() {
    if (writes_ && rng_.below(6) == 0) return write();
    std::optional<Value> made = make();
    if (!made) return;
    for (Index i = 0; i < made->twin->shape.size(); ++i) {
      if (!(std::abs((*made->twin)[i]) < 20)) return;
    }
    tape_.push_back(made->twin);
    values_.push_back(std::move(*made));
  }

  // Changes some elements through a handle.
  void write() {
    Value v = any();
    if (v.tensor.size() == 0) return;
    const Index at = rng_.below(v.tensor.size());
    const real to = one_of<real>({real(0.25), real(-0.75), real(1.25)}, rng_);
    v.tensor.values()[static_cast<std::size_t>(at)] = to;
    (*v.twin)[at] = static_cast<double>(to);
    written_ = true;
  }

  double smallest(const TwinPtr& x) const {
    double least = INFINITY;
    for (Index i = 0; i < x->shape.size(); ++i) least = std::min(least, std::abs((*x)[i]));
    return least;
  }
  double lowest(const TwinPtr& x) const {
    double least = INFINITY;
    for (Index i = 0; i < x->shape.size(); ++i) least = std::min(least, (*x)[i]);
    return least;
  }

  std::optional<Value> make() {
    const Value a = any(), b = any();
    const int rank = a.tensor.shape().rank();
    switch (rng_.below(16)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return combine(a, b);
      case 4:
      case 5:
        return apply(a);
      case 6:
        return Value{sum_or(a, rank > 0, sum_last, sum),
                     rank > 0 ? sum_last_twin(a.twin) : sum_twin(a.twin)};
      case 7:
        if (rank == 0 || !has_clear_maximum(a.twin)) return {};
        return Value{max_last(a.tensor), max_last_twin(a.twin)};
      case 8:
        if (rank == 0) return {};
        return Value{softmax(a.tensor), softmax_twin(a.twin)};
      case 9:
        if (rank != 2 || b.tensor.shape().rank() != 2 || a.tensor.dim(1) != b.tensor.dim(1))
          return {};
        return Value{matmul(a.tensor, b.tensor, {.b = true}), matmul_twin(a.twin, b.twin)};
      case 10:
        if (rank == 2) return Value{permute(a.tensor, {1, 0}), permute_twin(a.twin)};
        if (rank == 3) return Value{permute(a.tensor, {0, 2, 1}), permute_twin(a.twin)};
        return {};
      case 11: {
        if (rank == 0) return {};
        const Index begin = rng_.below(a.tensor.dim(0)),
                    end = between(begin + 1, a.tensor.dim(0), rng_);
        const Shape row = a.tensor.shape().without_front();
        return Value{slice_rows(a.tensor, begin, end),
                     view_twin(a.twin, row.with_front(end - begin), begin * row.size(), true)};
      }
      case 12: {
        if (rank == 0 || b.tensor.shape().rank() == 0 ||
            a.tensor.shape().without_front() != b.tensor.shape().without_front()) {
          const Shape flat{a.tensor.size()};
          return Value{reshape(a.tensor, flat), view_twin(a.twin, flat, 0, true)};
        }
        return Value{concat_rows({a.tensor, b.tensor}), concat_twin(a.twin, b.twin)};
      }
      case 13: {
        if (rank < 2) return {};
        const Index begin = rng_.below(a.tensor.dim(-1)),
                    end = between(begin + 1, a.tensor.dim(-1), rng_);
        return Value{slice(a.tensor, -1, begin, end), slice_last_twin(a.twin, begin, end)};
      }
      case 14: {
        if (rank == 0) return {};
        const std::vector<Index> rows = {rng_.below(a.tensor.dim(0)), rng_.below(a.tensor.dim(0))};
        return Value{gather_rows(a.tensor, rows), gather_rows_twin(a.twin, rows)};
      }
      default:
        return Value{a.tensor.detach(), view_twin(a.twin, a.tensor.shape(), 0, false)};
    }
  }

  static Tensor sum_or(const Value& a, bool last, Tensor (*f)(const Tensor&),
                       Tensor (*g)(const Tensor&)) {
    return last ? f(a.tensor) : g(a.tensor);
  }

  bool has_clear_maximum(const TwinPtr& x) const {
    for (Index row = 0; row < x->shape.rows(); ++row) {
      std::vector<double> values;
      for (Index i = 0; i < x->shape.last(); ++i) values.push_back((*x)[row * x->shape.last() + i]);
      std::ranges::sort(values, std::greater<>());
      if (values.size() > 1 && values[0] - values[1] < 1e-3) return false;
    }
    return true;
  }

  std::optional<Value> combine(const Value& a, const Value& b) {
    Shape shape;
    try {
      shape = broadcast_shape("test", a.tensor.shape(), b.tensor.shape());
    } catch (const Error&) {
      return {};
    }
    switch (rng_.below(4)) {
      case 0:
        return Value{a.tensor + b.tensor, binary(Binary::add, a.twin, b.twin, shape)};
      case 1:
        return Value{a.tensor - b.tensor, binary(Binary::sub, a.twin, b.twin, shape)};
      case 2:
        return Value{a.tensor * b.tensor, binary(Binary::mul, a.twin, b.twin, shape)};
      default:
        if (smallest(b.twin) < 0.3) return {};
        return Value{a.tensor / b.tensor, binary(Binary::div, a.twin, b.twin, shape)};
    }
  }

  std::optional<Value> apply(const Value& a) {
    switch (rng_.below(7)) {
      case 0:
        return Value{-a.tensor, unary(Unary::neg, a.twin)};
      case 1:
        return Value{sigmoid(a.tensor), unary(Unary::sigmoid, a.twin)};
      case 2:
        return Value{tanh(a.tensor), unary(Unary::tanh, a.twin)};
      case 3:
        return Value{exp(a.tensor), unary(Unary::exp, a.twin)};
      case 4:
        return Value{gelu(a.tensor), unary(Unary::gelu, a.twin)};
      case 5:
        if (lowest(a.twin) < 0.1) return {};
        return Value{log(a.tensor), unary(Unary::log, a.twin)};
      default:
        if (smallest(a.twin) < 1e-3) return {};
        return Value{relu(a.tensor), unary(Unary::relu, a.twin)};
    }
  }

  // A weighted sum of the last value, if anything wants its gradient.
  std::optional<Loss> make_loss() {
    const Value last = values_.back();
    if (!last.tensor.wants_grad()) return {};
    const Value weights = fresh(last.tensor.shape(), false);
    const TwinPtr product = binary(Binary::mul, last.twin, weights.twin, last.tensor.shape());
    const Value total{sum(last.tensor * weights.tensor), sum_twin(product)};
    tape_.push_back(product);
    tape_.push_back(total.twin);
    return Loss{total, tape_};
  }

  // All losses' gradients, added up in the leaves, against the twin's. False once one was refused.
  bool backward(std::vector<Loss>& losses, Outcome& outcome) {
    for (const Loss& loss : losses) {
      const std::string error = error_of([&] { loss.value.tensor.backward(); });
      if (error != "(no error)") {
        CHECK(contains(error, "have been changed since"));
        CHECK(written_);
        ++outcome.refused;
        return false;
      }
      backward_twin(loss.value.twin, loss.tape);
      CHECK(std::abs(static_cast<double>(loss.value.tensor.item()) - (*loss.value.twin)[0]) < 1e-3);
      compare(loss);
      ++outcome.right;
    }
    losses.clear();
    return true;
  }

  void compare(const Loss& loss) const {
    double scale = 1e-3;  // the largest gradient on the way
    for (const TwinPtr& twin : loss.tape) {
      for (const double d : twin->grad) scale = std::max(scale, std::abs(d));
    }
    for (const Value& leaf : leaves_) {
      for (Index i = 0; i < leaf.tensor.size(); ++i) {
        const Tensor grad = leaf.tensor.has_grad() ? leaf.tensor.grad() : Tensor();
        const double d = grad.defined() ? static_cast<double>(grad.data()[i]) : 0;
        const double off =
            std::abs(d - leaf.twin->d(i)) / std::max(scale, std::abs(leaf.twin->d(i)));
        CHECK(off < (sizeof(real) == 8 ? 1e-10 : 1e-3));
      }
    }
  }

  Rng& rng_;
  bool writes_;
  bool written_ = false;
  std::vector<Value> leaves_, values_;
  std::vector<TwinPtr> tape_;
};

}  // namespace

TEST_CASE("twins by chance: programs of ops have the twin's gradients") {
  Outcome outcome;
  for_draws(300, [&](Rng& rng) { Program(rng, false).run(outcome); });
  CHECK(outcome.refused == 0);
  CHECK(outcome.right > fuzz_cases(300) / 2);
}

TEST_CASE("twins by chance: with elements changed in between, the gradients are right or refused") {
  Outcome outcome;
  for_draws(600, [&](Rng& rng) { Program(rng, true).run(outcome); });
  CHECK(outcome.refused > fuzz_cases(600) / 50);
  CHECK(outcome.right > fuzz_cases(600) / 2);
}
