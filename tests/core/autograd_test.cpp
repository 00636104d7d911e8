#include "core/autograd.h"
#include "core/gradient_sink.h"

#include <atomic>
#include <thread>

#include "core/parallel.h"
#include "core/storage.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

TEST_CASE("the gradient of a small expression, by hand") {
  // f = (a b + b)², a = 2, b = 3: f = 81, df/da = 2 · 9 · 3 = 54, df/db = 2 · 9 · (2 + 1) = 54
  Tensor a = Tensor::scalar(2).requires_grad();
  Tensor b = Tensor::scalar(3).requires_grad();
  const Tensor root = a * b + b;
  const Tensor f = root * root;
  f.backward();
  CHECK(f.item() == 81);
  CHECK(a.grad().item() == 54);
  CHECK(b.grad().item() == 54);
}

TEST_CASE("gradients add up over backward calls until they are cleared") {
  Tensor x = Tensor::from({2}, {1, 2}).requires_grad();
  sum(x * x).backward();
  sum(x * x).backward();
  CHECK(difference(x.grad(), {4, 8}) == 0);
  x.clear_grad();
  CHECK_FALSE(x.has_grad());
  sum(x * 3).backward();
  CHECK(difference(x.grad(), {3, 3}) == 0);
}

TEST_CASE("leaves that receive one gradient tensor do not share its memory") {
  Tensor a = Tensor::from({2}, {1, 2}).requires_grad();
  Tensor b = Tensor::from({2}, {3, 4}).requires_grad();
  sum(a + b).backward();  // add hands its dy to both inputs
  Tensor da = a.grad();
  da.data()[0] = 100;
  CHECK(difference(b.grad(), {1, 1}) == 0);
}

TEST_CASE("a gradient that the caller holds is not changed by the next backward") {
  Tensor x = Tensor::from({2}, {1, 2}).requires_grad();
  sum(x).backward();
  const Tensor first = x.grad();
  sum(x).backward();
  CHECK(difference(first, {1, 1}) == 0);
  CHECK(difference(x.grad(), {2, 2}) == 0);
}

TEST_CASE("nothing is recorded under NoGrad, from detached values or from plain ones") {
  Tensor x = Tensor::scalar(2).requires_grad();
  {
    const NoGrad outer;
    { const NoGrad inner; }
    CHECK_FALSE(is_recording());
    CHECK_FALSE((x * x).wants_grad());
  }
  CHECK((x * x).wants_grad());
  CHECK_FALSE((x.detach() * 2).wants_grad());
  CHECK_FALSE((Tensor::scalar(1) * 2).wants_grad());
  const Tensor y = x * (x * x).detach();  // the second factor counts as a constant: dy/dx = x²
  y.backward();
  CHECK(x.grad().item() == 4);
}

TEST_CASE("only wanted gradients are computed") {
  Tensor x = Tensor::scalar(2);
  Tensor w = Tensor::scalar(3).requires_grad();
  (x * w).backward();
  CHECK(w.grad().item() == 2);
  CHECK_FALSE(x.has_grad());
}

TEST_CASE("misuse of backward is an error that says what to do") {
  Tensor x = Tensor::from({2}, {1, 2}).requires_grad();
  CHECK(contains(error_of([&] { (x * x).backward(); }), "only a scalar"));
  CHECK(contains(error_of([] { Tensor::scalar(1).backward(); }), "nothing"));
  CHECK(contains(error_of([&] { x.grad(); }), "call backward()"));
  CHECK(contains(error_of([] { Tensor::scalar(1).grad(); }), "call requires_grad()"));
  CHECK(contains(error_of([&] { (x * x).grad(); }), "kept for leaves only"));
  CHECK(contains(error_of([&] { (x * x).requires_grad(); }), "result of mul"));
  const Tensor loss = sum(x * x);
  loss.backward();
  CHECK(contains(error_of([&] { loss.backward(); }), "freed already"));
  CHECK(difference(x.grad(), {2, 4}) == 0);
}

TEST_CASE("a second loss over a freed part of the graph is an error, and leaves no half gradient") {
  Tensor x = Tensor::scalar(3).requires_grad();
  const Tensor shared = x * x;
  const Tensor second = shared + x * 2;
  (shared * 1).backward();
  x.clear_grad();
  CHECK(contains(error_of([&] { second.backward(); }), "the graph through mul"));
  x.clear_grad();
  (x * x).backward();
  CHECK(x.grad().item() == 6);
}

TEST_CASE("a gradient function of wrong number, shape or silence is found") {
  Tensor x = Tensor::zeros({2}).requires_grad();
  const auto run = [&](const Gradients& dx) {
    return error_of([&] {
      record("odd", Tensor::scalar(0), {x}, [dx](const Tensor&) { return dx; }).backward();
    });
  };
  CHECK(contains(run({}), "odd has 1 inputs, and its gradient function gave 0"));
  CHECK(contains(run({Tensor()}), "odd gave no gradient for its input 0"));
  CHECK(contains(run({Tensor::zeros({3})}), "shape (3) for its input 0 of shape (2)"));
}

TEST_CASE("a chain of 200,000 ops neither overflows the stack backwards nor when it is dropped") {
  Tensor x = Tensor::scalar(1).requires_grad();
  const auto chain = [&] {
    Tensor y = x;
    for (int i = 0; i < 200'000; ++i) y = y + real{0};
    return y;
  };
  chain().backward();
  CHECK(x.grad().item() == 1);
  chain();  // dies without backward()
}

TEST_CASE("graphs leave no memory behind, used or dropped") {
  Tensor x = random_tensor({8, 8}, 1).requires_grad();
  const std::size_t before = pool_stats().bytes_in_use;
  const auto loss = [&] { return mean(softmax(tanh(exp(matmul(x, x)) / (relu(x) + 1)), 2)); };
  loss();
  CHECK(pool_stats().bytes_in_use == before);
  {
    const Tensor y = loss();
    CHECK(pool_stats().bytes_in_use > before);
    y.backward();
    x.clear_grad();
  }
  CHECK(pool_stats().bytes_in_use == before);
}

TEST_CASE("backward frees the graph as it goes") {
  if (!pool_keeps_memory()) {
    MESSAGE("skipped: the peak shows in what the pool keeps, and it keeps no memory here");
    return;
  }
  // With every step's gradients and values kept to the end, the peak would grow with the depth.
  Tensor x = random_tensor({1000}, 1).requires_grad();
  Tensor y = x;
  for (int i = 0; i < 10; ++i) y = tanh(y);
  const Tensor loss = sum(y);
  y = Tensor();
  const PoolStats before = pool_stats();
  loss.backward();
  const PoolStats after = pool_stats();
  const std::size_t grown =
      after.bytes_in_use + after.bytes_cached - before.bytes_in_use - before.bytes_cached;
  CHECK(grown <= 4 * 1024 * sizeof(real));
}

TEST_CASE("each thread records for itself") {
  const NoGrad no_grad;
  bool other = false;
  std::thread([&] { other = is_recording(); }).join();
  CHECK(other);
  CHECK_FALSE(is_recording());
}

TEST_CASE("a sink gets its leaf's whole gradient, in parts, and the leaf keeps none") {
  // Large enough that linear hands the gradient on panel by panel.
  const Tensor x = random_tensor({16, 600}, 1);
  Tensor w = random_tensor({700, 600}, 2).requires_grad();
  Tensor b = random_tensor({700}, 3).requires_grad();
  const auto loss = [&] { return sum(linear(x, w, b) * random_tensor({16, 700}, 4)); };
  loss().backward();
  const Tensor dw = w.grad();
  w.clear_grad();
  b.clear_grad();

  Tensor collected = Tensor::zeros(w.shape());
  std::atomic<int> parts{0};
  const GradientSink sink{w, [&](Index begin, std::span<const real> gradient) {
                            std::ranges::copy(gradient, collected.data() + begin);
                            ++parts;
                          }};
  backward_into(loss(), std::span(&sink, 1));
  CHECK(parts > 1);
  CHECK(difference(collected, dw) < 1e-5);
  CHECK_FALSE(w.has_grad());
  CHECK(b.has_grad());  // it has no sink
  loss().backward();    // and the next time w has none either
  CHECK(w.has_grad());
}

TEST_CASE("a sink of a leaf that is used several times gets the sum, once, at the end") {
  Tensor w = random_tensor({600, 600}, 1).requires_grad();
  const Tensor x = random_tensor({4, 600}, 2);
  const auto loss = [&] { return sum(linear(linear(x, w, Tensor()), w, Tensor())) + sum(w * w); };
  loss().backward();
  const Tensor expected = w.grad();
  w.clear_grad();
  int calls = 0;
  Tensor collected = Tensor::zeros(w.shape());
  const GradientSink sink{w, [&](Index begin, std::span<const real> gradient) {
                            std::ranges::copy(gradient, collected.data() + begin);
                            ++calls;
                          }};
  backward_into(loss(), std::span(&sink, 1));
  CHECK(calls == 1);
  CHECK(difference(collected, expected) < 1e-5);
}

TEST_CASE("parallel_for covers every index once, for any number of threads") {
  const int before = threads();
  for (const int n : {1, 2, 3}) {
    set_threads(n);
    std::vector<int> seen(1001, 0);
    parallel_for(1001, 100, [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) ++seen[static_cast<std::size_t>(i)];
    });
    CHECK(std::ranges::count(seen, 1) == 1001);
  }
  set_threads(before);
  CHECK(contains(error_of([] { set_threads(0); }), "at least 1; got 0"));
}

TEST_CASE("an op that gives no gradient for a parameter is an error, also where a sink waits") {
  Tensor w = Tensor::full({2}, 1).requires_grad();
  const auto forgetful = [&] {
    return sum(
        record("forgetful", w.clone(), {w}, [](const Tensor&) -> Gradients { return {Tensor()}; }));
  };
  const std::string complaint = "backward: forgetful gave no gradient for its input 0";
  CHECK(contains(error_of([&] { forgetful().backward(); }), complaint));
  const GradientSink sink{.leaf = w, .take = [](Index, std::span<const real>) {}};
  CHECK(contains(error_of([&] { backward_into(forgetful(), std::span(&sink, 1)); }), complaint));

  // One that gives its sink a part only.
  const Tensor half = sum(record("half", w.clone(), {w}, [w](const Tensor& dy) -> Gradients {
    const GradientSink* const to = sink_of(w);
    if (to == nullptr) return {dy};
    to->take(0, dy.values().first(1));
    return {Tensor()};
  }));
  CHECK(contains(error_of([&] { backward_into(half, std::span(&sink, 1)); }),
                 "backward: half gave no gradient for its input 0"));
}

TEST_CASE("an op that gives its input as its result is told so") {
  Tensor x = Tensor::full({2}, 1).requires_grad();
  CHECK(error_of([&] {
          record("same", x, {x}, [](const Tensor& dy) -> Gradients { return {dy}; });
        }) == "record: same gives one of its inputs as its result; give its clone() or its view()");
}

TEST_CASE("an exception in a parallel loop comes to its caller, the first part's of several") {
  const int before = threads();
  for (const int n : {1, 4}) {
    set_threads(n);
    CHECK(error_of([] {
            parallel_for(100, 1, [](Index begin, Index) { fail("part", "of {}", begin); });
          }) == "part: of 0");
    std::atomic<Index> done{0};
    CHECK(error_of([&] {
            parallel_for(100, 1, [&](Index begin, Index end) {
              if (end == 100) fail("part", "the last");
              done += end - begin;
            });
          }) == "part: the last");
    CHECK(done == (n == 1 ? 0 : 75));
  }
  set_threads(before);
}

TEST_CASE("gradients that are sums of very many terms are as exact as sums are") {
  const int before = threads();
  // Where a float that counts by ones stands still at half. (AddressSanitizer needs no such size.)
  const Index n = pool_keeps_memory() ? Index{1} << 25 : Index{1} << 15;
  const Tensor ones = Tensor::full({n}, 1);
  const auto relative = [n](double sum) { return std::abs(sum / static_cast<double>(n) - 1); };
  for (const int count : {1, 2, 3}) {
    CAPTURE(count);
    set_threads(count);
    Tensor factor = Tensor::scalar(1).requires_grad();
    sum(ones * factor).backward();
    CHECK(relative(factor.grad().item()) < 1e-6);

    Tensor row = Tensor::zeros({2}).requires_grad();
    sum(reshape(ones, {n / 2, 2}) + row).backward();
    const Tensor row_gradient = row.grad();
    for (const real d : row_gradient.values()) CHECK(relative(2 * d) < 1e-6);

    Tensor column = Tensor::zeros({2, 1}).requires_grad();
    sum(reshape(ones, {2, n / 2}) + column).backward();
    const Tensor column_gradient = column.grad();
    for (const real d : column_gradient.values()) CHECK(relative(2 * d) < 1e-6);

    Tensor bias = Tensor::zeros({1}).requires_grad();
    sum(linear(reshape(ones, {n, 1}), Tensor::full({1, 1}, 1), bias)).backward();
    CHECK(relative(bias.grad().item()) < 1e-6);

    Tensor channel = Tensor::zeros({1}).requires_grad();
    const Tensor images = reshape(ones, {4, 1, 2048, n / 4 / 2048});
    sum(conv2d(images, Tensor::full({1, 1, 1, 1}, 1), channel, {})).backward();
    CHECK(relative(channel.grad().item()) < 1e-6);
  }
  set_threads(before);
}
