// Optimizers against PyTorch, schedules and limits against their formulas.
#include "core/parallel.h"
#include "nn/linear.h"
#include "nn/losses.h"
#include "optim/adam.h"
#include "optim/constraint.h"
#include "optim/schedule.h"
#include "optim/sgd.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

constexpr double tolerance = 1e-5;

// Weight and bias, 8 numbers, after five steps of what PyTorch does as
//   l = torch.nn.Linear(3, 2) with weight wave((2, 3), 1, 1.1) and bias wave((2,), 1, 0.4)
//   for _ in range(5):
//       opt.zero_grad()
//       F.cross_entropy(l(wave((4, 3), 1, 0.9)), torch.tensor([0, 1, 1, 0])).backward()
//       opt.step()
template <class Make>
Tensor after_five_steps(const Make& make) {
  Rng rng(1);
  Linear layer({.in = 3, .out = 2}, rng);
  layer.weight = wave({2, 3}, 1, 1.1).requires_grad();
  layer.bias = wave({2}, 1, 0.4).requires_grad();
  auto optimizer = make(layer.parameters());
  const std::vector<std::int32_t> class_ids = {0, 1, 1, 0};
  for (int step = 0; step < 5; ++step) {
    optimizer.zero_grad();
    cross_entropy(layer(wave({4, 3}, 1, 0.9)), class_ids).backward();
    optimizer.step();
  }
  return concat_rows({reshape(layer.weight.detach(), {6}), layer.bias.detach()});
}

// A parameter of which `grad` is the gradient.
Tensor with_gradient(const Tensor& value, const Tensor& grad) {
  Tensor parameter = value.clone().requires_grad();
  sum(parameter * grad).backward();
  return parameter;
}

}  // namespace

TEST_CASE("five steps of SGD end where PyTorch's do") {
  using Parameters = std::vector<Tensor>;
  // SGD(p, lr=0.1)
  CHECK(difference(after_five_steps([](Parameters p) { return Sgd(std::move(p), {.lr = 0.1}); }),
                   {0.8638453822, 0.7688400268, -0.1980703854, -0.9385403341, -0.6783951478,
                    0.3548162301, 0.8121594831, 1.014761232}) < tolerance);
  // SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01)
  CHECK(difference(after_five_steps([](Parameters p) {
                     return Sgd(std::move(p), {.lr = 0.1, .momentum = 0.9, .weight_decay = 0.01});
                   }),
                   {0.8900168572, 0.6100991249, -0.4177880935, -0.9637323253, -0.5208402604,
                    0.5724785111, 0.7544112176, 1.048552867}) < tolerance);
  // SGD(p, lr=0.1, momentum=0.9, nesterov=True)
  CHECK(difference(after_five_steps([](Parameters p) {
                     return Sgd(std::move(p), {.lr = 0.1, .momentum = 0.9, .nesterov = true});
                   }),
                   {0.9201806363, 0.5774634837, -0.4923287734, -0.9948755883, -0.4870186046,
                    0.6490746181, 0.7460177736, 1.080902941}) < tolerance);
}

TEST_CASE("five steps of Adam and AdamW end where PyTorch's do") {
  using Parameters = std::vector<Tensor>;
  // Adam(p, lr=0.01)
  CHECK(difference(after_five_steps([](Parameters p) { return Adam(std::move(p), {.lr = 0.01}); }),
                   {0.8915017394, 0.8132823936, -0.1083181383, -0.9661966913, -0.7228375145,
                    0.265063983, 0.7916293809, 1.035291334}) < tolerance);
  // Adam(p, lr=0.01, betas=(0.8, 0.99), eps=1e-3, weight_decay=0.1)
  CHECK(
      difference(after_five_steps([](Parameters p) {
                   return Adam(
                       std::move(p),
                       {.lr = 0.01, .beta1 = 0.8, .beta2 = 0.99, .eps = 1e-3, .weight_decay = 0.1});
                 }),
                 {0.7931315096, 0.8135320182, -0.1080452631, -0.8675590023, -0.723097825,
                  0.2647718185, 0.791885896, 0.9369227716}) < tolerance);
  // AdamW(p, lr=0.01)
  CHECK(difference(after_five_steps([](Parameters p) { return AdamW(std::move(p), {.lr = 0.01}); }),
                   {0.8910716305, 0.8128612132, -0.1082787813, -0.9657292424, -0.7224615475,
                    0.2649462687, 0.7912191464, 1.034788291}) < tolerance);
}

TEST_CASE("Adam's first step is lr in each direction, whatever the size of the gradient") {
  Tensor w = with_gradient(Tensor::zeros({3}), Tensor::from({3}, {real(1e-3), -5, 200}));
  Adam adam({w}, {.lr = 0.1});
  adam.step();
  CHECK(difference(w, {-0.1, 0.1, -0.1}) < 1e-5);
}

TEST_CASE("a step leaves parameters without a gradient as they are") {
  Tensor moved = with_gradient(Tensor::zeros({1}), Tensor::full({1}, 1));
  Tensor still = Tensor::full({1}, 7).requires_grad();
  Adam adam({moved, still});
  adam.step();
  CHECK(moved.item() < 0);
  CHECK(still.item() == 7);
}

TEST_CASE("minimize does what zero_grad, backward and step do together") {
  const auto train = [](bool together) {
    Rng rng(5);
    Linear first({.in = 500, .out = 600}, rng), second({.in = 600, .out = 3}, rng);
    std::vector<Tensor> parameters = first.parameters();
    for (const Tensor& p : second.parameters()) parameters.push_back(p);
    Adam adam(parameters, {.lr = 0.01});
    const Tensor x = random_tensor({12, 500}, 1);
    const std::vector<std::int32_t> class_ids = {0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2};
    for (int step = 0; step < 3; ++step) {
      const Tensor loss = cross_entropy(second(relu(first(x))), class_ids);
      if (together) {
        adam.minimize(loss);
        for (const Tensor& p : parameters) CHECK_FALSE(p.has_grad());
      } else {
        adam.zero_grad();
        loss.backward();
        adam.step();
      }
    }
    return parameters;
  };
  const auto apart = train(false), together = train(true);
  for (std::size_t i = 0; i < apart.size(); ++i) CHECK(difference(together[i], apart[i]) < 1e-5);
}

TEST_CASE("large parameters move on two threads as on one") {
  const Tensor value = random_tensor({300, 301}, 1);
  const Tensor grad = random_tensor({300, 301}, 2);
  const auto step = [&](int n) {
    set_threads(n);
    Tensor w = with_gradient(value, grad);
    Adam({w}).step();
    return w.detach();
  };
  const int before = threads();
  const Tensor one = step(1), two = step(2);
  set_threads(before);
  CHECK(same_bits(one, two));
}

TEST_CASE("optimizers refuse options out of range and what is no parameter") {
  const std::vector<Tensor> p = {Tensor::zeros({2}).requires_grad()};
  CHECK(contains(error_of([&] { Adam(p, {.lr = -1}); }), "-1"));
  CHECK(contains(error_of([&] { Adam(p, {.beta1 = 1}); }), "beta1"));
  CHECK(contains(error_of([&] { Adam(p, {.eps = -1}); }), "eps"));
  CHECK(contains(error_of([&] { Sgd(p, {.momentum = 1}); }), "momentum"));
  CHECK(contains(error_of([&] { Sgd(p, {.nesterov = true}); }), "momentum"));
  CHECK(contains(error_of([&] { AdamW(p, {.weight_decay = -1}); }), "weight_decay"));
  CHECK(contains(error_of([&] { Adam(p).set_lr(std::nan("")); }), "nan"));
}

TEST_CASE("schedules at known steps") {
  CHECK(constant()(1000) == 1);
  const Schedule steps = step_decay({.every = 10, .factor = 0.5});
  CHECK(steps(9) == 1);
  CHECK(steps(10) == 0.5);
  CHECK(steps(29) == 0.25);
  const Schedule wave = cosine({.warmup = 4, .total = 104, .floor = 0.1});
  CHECK(wave(0) == doctest::Approx(0.25));
  CHECK(wave(3) == doctest::Approx(1));
  CHECK(wave(54) == doctest::Approx(0.55));
  CHECK(wave(103) > 0.1);  // the last step moves something
  CHECK(wave(103) == doctest::Approx(0.1 + 0.45 * (1 + std::cos(0.99 * 3.14159265358979))));
  CHECK(wave(104) == doctest::Approx(0.1));
  CHECK(wave(5000) == doctest::Approx(0.1));
  double before = 1.1;
  for (Index step = 4; step < 104; ++step) {
    CHECK(wave(step) < before);
    before = wave(step);
  }
  CHECK(contains(error_of([] { step_decay({.every = 0}); }), "every"));
  CHECK(contains(error_of([] { cosine({.warmup = 5, .total = 5}); }), "5"));
}

TEST_CASE("clipping scales all gradients by one factor, as PyTorch's clip_grad_norm_") {
  // gradients wave((2, 3), 2, 0.9) and wave((2,), 2, 0.3), max_norm = 1
  const Tensor a = with_gradient(Tensor::zeros({2, 3}), wave({2, 3}, 2, 0.9));
  const Tensor b = with_gradient(Tensor::zeros({2}), wave({2}, 2, 0.3));
  CHECK(clip_grad_norm({a, b}, 1) == doctest::Approx(4.524699958).epsilon(tolerance));
  CHECK(difference(a.grad(), {0.3719454579, 0.4182818252, 0.1480708463, -0.234197197, -0.4392294708,
                              -0.3118616377}) < tolerance);
  CHECK(difference(b.grad(), {0.3719454579, 0.4259102179}) < tolerance);
  CHECK(clip_grad_norm({a, b}, 2) == doctest::Approx(1));  // short enough: left alone
  CHECK(a.grad().data()[0] == doctest::Approx(0.3719454579));
  CHECK(contains(error_of([&] { clip_grad_norm({a}, 0); }), "0"));
}

TEST_CASE("the row constraint shortens long rows, as torch.renorm(w, 2, 0, 1.5), and no others") {
  Tensor w = wave({3, 4}, 2, 1.1).requires_grad();  // norms 3.03, 2.84, 2.59
  constrain_row_norm(w, 1.5);
  CHECK(difference(w, {0.8330041285, 0.8545237794, -0.05778678451, -0.906947502, -0.8156054198,
                       0.2270459254, 1.021579722, 0.6997232739, -0.4251500057, -1.154798991,
                       -0.6224746812, 0.590094789}) < tolerance);
  Tensor s = Tensor::from({2, 2}, {3, 4, 0.3F, 0.4F});
  constrain_row_norm(s, 1);
  CHECK(difference(s, {0.6, 0.8, 0.3, 0.4}) < 1e-6);
  CHECK(contains(error_of([&] { constrain_row_norm(s, -1); }), "-1"));
}

TEST_CASE("a parameter that two layers share counts once and moves once, by every way") {
  struct Tied : Module {
    Tensor w = Tensor::full({1}, 1).requires_grad();
    std::string describe() const override { return "Tied"; }

   protected:
    Tensor forward(const Tensor& x) override { return x * w; }
    void parts(Parts& parts) override {
      parts("a", w);
      parts("b", w);
    }
  };
  Tied model;
  CHECK(model.parameter_count() == 1);
  CHECK(model.parameters().size() == 1);
  CHECK(model.named_parameters().size() == 2);  // files have both names
  const Tensor x = Tensor::full({1}, 1);
  const auto after = [&](bool minimize, std::vector<Tensor> parameters) {
    model.w.values()[0] = 1;
    model.zero_grad();
    Sgd sgd(std::move(parameters), {.lr = 0.1});
    const Tensor loss = sum(model(x));
    if (minimize) {
      sgd.minimize(loss);
    } else {
      loss.backward();
      sgd.step();
    }
    return model.w.item();
  };
  for (const bool minimize : {false, true}) {
    CHECK(after(minimize, model.parameters()) == doctest::Approx(0.9));
    CHECK(after(minimize, {model.w, model.w}) == doctest::Approx(0.9));
  }
}

// torch.optim.Adam([a, b], lr=1), in float64: 999 steps on a's gradient 1, then one on b's.
TEST_CASE("Adam corrects the first step of a parameter whose first gradient comes late") {
  for (const bool minimize : {false, true}) {
    Tensor a = Tensor::zeros({1}).requires_grad(), b = Tensor::zeros({1}).requires_grad();
    Adam adam({a, b}, {.lr = 1});
    const auto step = [&](const Tensor& w) {
      const Tensor loss = sum(w * 1);
      if (minimize) return adam.minimize(loss);
      adam.zero_grad();
      loss.backward();
      adam.step();
    };
    for (int i = 0; i < 999; ++i) step(a);
    CHECK(b.item() == 0);
    step(b);
    CHECK(b.item() ==
          doctest::Approx(-1));  // lr in the direction of the gradient, as any first step
    CHECK(a.item() == doctest::Approx(-999));
  }
}

TEST_CASE("a frozen parameter is passed over, and learns once it is not frozen any more") {
  for (const bool minimize : {false, true}) {
    Tensor a = Tensor::full({1}, 1).requires_grad(), b = Tensor::full({1}, 1);
    Sgd sgd({a, b}, {.lr = 0.5});
    const auto step = [&] {
      const Tensor loss = sum(a * b);
      if (minimize) return sgd.minimize(loss);
      sgd.zero_grad();
      loss.backward();
      sgd.step();
    };
    step();  // a ← 1 − 0.5 · b
    CHECK(a.item() == doctest::Approx(0.5));
    CHECK(b.item() == 1);
    b.requires_grad();
    step();  // a ← 0.5 − 0.5 · 1, b ← 1 − 0.5 · 0.5
    CHECK(a.item() == doctest::Approx(0));
    CHECK(b.item() == doctest::Approx(0.75));
  }
  CHECK(error_of([] { Sgd({Tensor::zeros({2})}, {.lr = 1}); }) ==
        "Optimizer: none of 1 parameters requires a gradient, so nothing would ever change");
}

TEST_CASE("an error in minimize counts a step only where something has moved") {
  Tensor w = Tensor::full({2}, 1).requires_grad(), v = Tensor::full({2}, 1).requires_grad();
  Sgd sgd({w, v}, {.lr = 1});
  CHECK(error_of([&] { sgd.minimize(w * 2); }) != "(no error)");  // no scalar
  const Tensor freed = w * 2;
  sum(freed).backward();
  CHECK(error_of([&] { sgd.minimize(sum(freed)); }) != "(no error)");
  CHECK(sgd.steps() == 0);
  CHECK(difference(w, {1, 1}) == 0);
  CHECK(error_of([&] { sgd.minimize(sum(v) + sum(freed)); }) != "(no error)");
  CHECK(sgd.steps() == (difference(v, {1, 1}) == 0 ? 0 : 1));
  sgd.minimize(sum(w));
  CHECK(difference(w, {0, 0}) == 0);
}

TEST_CASE("an optimizer says what it is, with the options of its steps") {
  Tensor w = Tensor::full({2}, 1).requires_grad();
  CHECK(Sgd({w}, {.lr = 1, .momentum = 0.5}).describe() ==
        "Sgd(momentum = 0.5, nesterov = false, weight_decay = 0)");
  CHECK(Adam({w}, {.beta1 = 0.8}).describe() ==
        "Adam(beta1 = 0.8, beta2 = 0.999, eps = 1e-08, weight_decay = 0)");
  CHECK(AdamW({w}).describe() ==
        "AdamW(beta1 = 0.9, beta2 = 0.999, eps = 1e-08, weight_decay = 0.01)");
}

TEST_CASE("a rule that needs the whole gradient gets it in one call, by every way") {
  // One step of length lr against the gradient: w − lr g / ‖g‖.
  struct Normalised : Optimizer {
    explicit Normalised(std::vector<Tensor> parameters) : Optimizer(std::move(parameters), 0.5) {}
    int calls = 0;

   protected:
    bool is_elementwise() const override { return false; }
    void update(std::size_t i, Index begin, std::span<const real> gradient) override {
      ++calls;
      CHECK(begin == 0);
      double square = 0;
      for (const real g : gradient) square += static_cast<double>(g) * static_cast<double>(g);
      real* const w = parameters()[i].data();
      for (std::size_t j = 0; j < gradient.size(); ++j) {
        w[j] -= static_cast<real>(lr() * static_cast<double>(gradient[j]) / std::sqrt(square));
      }
    }
  };
  const int before = threads();
  set_threads(3);
  const Tensor x = random_tensor({40, 300}, 1), cotangent = random_tensor({40, 500}, 2);
  for (const bool minimize : {false, true}) {
    Tensor w = random_tensor({500, 300}, 3).requires_grad();  // a Linear's, that comes in panels
    const Tensor start = w.detach().clone();
    Normalised rule({w});
    const Tensor loss = sum(linear(x, w, Tensor()) * cotangent);
    if (minimize) {
      rule.minimize(loss);
      CHECK(!w.has_grad());
    } else {
      loss.backward();
      rule.step();
    }
    CHECK(rule.calls == 1);
    CHECK(rule.steps() == 1);
    const Tensor g = matmul(cotangent, x, {.a = true}), moved = start - w.detach();
    CHECK(std::abs(std::sqrt(sum(moved * moved).item()) - 0.5) < 1e-4);
    CHECK(std::abs(sum(moved * g).item() / std::sqrt(sum(g * g).item()) - 0.5) < 1e-4);
  }
  set_threads(before);
}
