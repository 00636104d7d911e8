// What an op saved for its gradient must still be there when backward() comes.
#include <functional>
#include <type_traits>
#include <utility>

#include "core/autograd.h"
#include "core/function_ref.h"
#include "nn/linear.h"
#include "optim/sgd.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

const char* const changed = "they have been changed since";

template <class T>
concept GivesValues = requires(T&& t) {
  std::forward<T>(t).values();
};
template <class T>
concept GivesData = requires(T&& t) {
  std::forward<T>(t).data();
};

void add_one(Tensor x) {
  for (real& v : x.values()) v += 1;
}

struct Op {
  const char* name;
  std::function<Tensor(const std::vector<Tensor>&)> f;
  std::vector<Shape> inputs;
};

// Every op that records, by way of one or more of its forms.
std::vector<Op> all_ops() {
  const auto unary = [](const char* name, Tensor (*f)(const Tensor&)) {
    return Op{name, [f](const auto& in) { return f(in[0]); }, {{2, 3}}};
  };
  const std::vector<Shape> two = {{2, 3}, {2, 3}};
  const std::vector<Shape> layer = {{2, 3}, {4, 3}, {4}};
  const std::vector<Shape> images = {{2, 2, 4, 4}, {2, 2, 3, 3}, {2}};
  const std::vector<Shape> norm = {{4, 3}, {3}, {3}};
  const auto batch = [](bool training) {
    return [training](const auto& in) {
      Tensor running_mean = Tensor::zeros({3}), running_var = Tensor::full({3}, 1);
      return batch_norm(in[0], in[1], in[2], running_mean, running_var, {.training = training});
    };
  };
  const auto linear_with = [](bool relu) {
    return [relu](const auto& in) { return linear(in[0], in[1], in[2], {.relu = relu}); };
  };
  const auto conv_with = [](After after) {
    return [after](const auto& in) {
      return conv2d(in[0], in[1], in[2], {.padding = 1, .after = after});
    };
  };
  return {
      unary("relu", relu),
      unary("sigmoid", sigmoid),
      unary("tanh", tanh),
      unary("exp", exp),
      unary("log", log),
      unary("gelu", gelu),
      unary("neg", [](const Tensor& x) { return -x; }),
      unary("sum", sum),
      unary("sum_last", sum_last),
      unary("max_last", max_last),
      unary("softmax", [](const Tensor& x) { return softmax(x); }),
      unary("log_softmax", [](const Tensor& x) { return log_softmax(x); }),
      unary("flatten", flatten),
      unary("slice_rows", [](const Tensor& x) { return slice_rows(x, 0, 1); }),
      unary("permute",
            [](const Tensor& x) {
              return permute(x, {1, 0});
            }),
      {"add", [](const auto& in) { return in[0] + in[1]; }, two},
      {"sub", [](const auto& in) { return in[0] - in[1]; }, two},
      {"mul", [](const auto& in) { return in[0] * in[1]; }, two},
      {"div", [](const auto& in) { return in[0] / in[1]; }, two},
      {"concat_rows",
       [](const auto& in) {
         return concat_rows({in[0], in[1]});
       },
       two},
      {"matmul", [](const auto& in) { return matmul(in[0], in[1]); }, {{2, 3}, {3, 2}}},
      {"linear", linear_with(false), layer},
      {"linear_relu", linear_with(true), layer},
      {"layer_norm", [](const auto& in) { return layer_norm(in[0], in[1], in[2]); }, norm},
      {"batch_norm", batch(true), norm},
      {"batch_norm in evaluation", batch(false), norm},
      {"conv2d", conv_with(After::nothing), images},
      {"conv2d_relu", conv_with(After::relu), images},
      {"conv2d_relu_max_pool", conv_with(After::relu_max_pool), images},
      {"max_pool2d", [](const auto& in) { return max_pool2d(in[0], {.kernel = 2}); }, {images[0]}},
      {"avg_pool2d", [](const auto& in) { return avg_pool2d(in[0], {.kernel = 2}); }, {images[0]}},
      {"global", [](const auto& in) { return global_avg_pool2d(in[0]); }, {images[0]}},
  };
}

// The gradients of op's inputs, of those in `wanted` (a bit each), where `change` happens between
// the forward and the backward pass to inputs and output.
std::vector<Tensor> gradients(const Op& op, unsigned wanted,
                              FunctionRef<void(std::vector<Tensor>&)> change) {
  std::vector<Tensor> in;
  for (std::size_t i = 0; i < op.inputs.size(); ++i) {
    in.push_back(random_tensor(op.inputs[i], 10 + i, 0.5, 1.5));
    in.back().requires_grad((wanted >> i & 1) != 0);
  }
  const Tensor y = op.f(in);
  const Tensor loss = sum(y * random_tensor(y.shape(), 9));
  std::vector<Tensor> all = in;
  all.push_back(y);
  change(all);
  loss.backward();
  std::vector<Tensor> grads;
  for (const Tensor& x : in) grads.push_back(x.has_grad() ? x.grad() : Tensor());
  return grads;
}

}  // namespace

TEST_CASE("elements of a temporary tensor are not to be had") {
  CHECK(GivesValues<Tensor&>);
  CHECK(GivesValues<const Tensor&>);
  CHECK_FALSE(GivesValues<Tensor>);
  CHECK_FALSE(GivesValues<const Tensor>);
  CHECK(GivesData<Tensor&>);
  CHECK_FALSE(GivesData<Tensor>);
  // What else gives a reference into itself gives a temporary's as a copy.
  CHECK(std::is_reference_v<decltype(std::declval<Tensor&>().shape())>);
  CHECK_FALSE(std::is_reference_v<decltype(std::declval<Tensor>().shape())>);
  CHECK_FALSE(std::is_reference_v<decltype(std::declval<Tensor>().grad())>);
  CHECK_FALSE(std::is_reference_v<decltype(std::declval<Tensor>().name())>);
}

TEST_CASE("a change after the forward pass leaves the gradient as it was, or is an error") {
  int errors = 0;
  for (const Op& op : all_ops()) {
    const std::size_t n = op.inputs.size();
    for (unsigned wanted = 1; wanted < 1u << n; ++wanted) {
      const std::vector<Tensor> before = gradients(op, wanted, [](auto&) {});
      for (std::size_t which = 0; which <= n; ++which) {
        CAPTURE(op.name);
        CAPTURE(wanted);
        CAPTURE(which);
        std::vector<Tensor> after;
        const std::string error = error_of(
            [&] { after = gradients(op, wanted, [which](auto& all) { add_one(all[which]); }); });
        if (error != "(no error)") {
          CHECK(contains(error, changed));
          ++errors;
          continue;
        }
        for (std::size_t i = 0; i < n; ++i) {
          REQUIRE(after[i].defined() == before[i].defined());
          if (after[i].defined()) CHECK(same_bits(after[i], before[i]));
        }
      }
    }
  }
  CHECK(errors > 50);  // of some 300 changes: not all ops read everything
}

TEST_CASE("an optimizer's step between forward and backward is an error that names the weight") {
  const auto after_step = [](bool at_once) {
    Tensor w = Tensor::scalar(1).requires_grad();
    w.set_name("student.2.weight");
    Sgd sgd({w}, {.lr = 0.5});
    const Tensor square = sum(w * w), cube = sum(w * w * w);
    if (at_once) {
      sgd.minimize(square);
    } else {
      square.backward();
      sgd.step();
    }
    return error_of([&] { cube.backward(); });
  };
  for (const bool at_once : {false, true}) {
    CHECK(after_step(at_once) ==
          "backward: mul saved the elements of its input 1, \"student.2.weight\" of shape () for "
          "its gradient, and they have been changed since; call backward() before they change, or "
          "compute with a clone() of them");
  }
}

TEST_CASE("a change of what an op gave, or through a view, is noticed; reading is no change") {
  Tensor x = Tensor::from({2, 2}, {1, 2, 3, 4}).requires_grad();
  Tensor y = sigmoid(x);
  const Tensor first = sum(y), second = sum(exp(x)), third = sum(x * x);
  double read = 0;
  for (real& v : y.values()) read += v;  // could be written, and is not
  CHECK(read == doctest::Approx(0.7310586 + 0.8807971 + 0.9525741 + 0.9820138));
  first.backward();
  CHECK(x.grad().values()[0] == doctest::Approx(0.1966119));  // y (1 − y)
  x.clear_grad();
  add_one(y);  // its gradient has been computed
  second.backward();
  CHECK(x.grad().values()[0] == doctest::Approx(2.7182818));
  slice_rows(x.detach(), 1, 2).view({2}) = Tensor();  // a handle, not elements
  add_one(x.view({1}, 3));
  CHECK(contains(error_of([&] { third.backward(); }), "mul saved the elements of its input 0"));
  Tensor z = sigmoid(x);
  const Tensor fourth = sum(z);
  z.values()[3] = 0;
  CHECK(contains(error_of([&] { fourth.backward(); }), "sigmoid saved the elements of its output"));
}

TEST_CASE("an op of one's own is taken to read its inputs, unless it says otherwise") {
  Tensor x = Tensor::from({2}, {1, 2}).requires_grad();
  const Backward times_three = [](const Tensor& dy) -> Gradients { return {dy * 3}; };
  const Tensor silent = sum(record("silent", x * 3, {x}, times_three));
  Tensor y = Tensor::from({2}, {3, 6});
  const Tensor spoken = sum(record("spoken", y, {x}, {}, times_three));
  Tensor z = Tensor::from({2}, {3, 6});
  const Tensor output = sum(record("output", z, {x}, {z}, times_three));
  add_one(x);
  add_one(y);
  add_one(z);
  CHECK(contains(error_of([&] { silent.backward(); }), "silent saved the elements of its input 0"));
  CHECK(contains(error_of([&] { output.backward(); }), "output saved the elements of its output"));
  spoken.backward();
  CHECK(difference(x.grad(), {3, 3}) == 0);
}

TEST_CASE("a network learns step by step, and what an earlier step saved is no matter") {
  Rng rng(1);
  Linear layer({.in = 3, .out = 2}, rng);
  Sgd sgd(layer.parameters(), {.lr = 0.1});
  const Tensor x = random_tensor({4, 3}, 2);
  for (int step = 0; step < 3; ++step) {
    const Tensor y = layer(x);
    sgd.minimize(mean(y * y));
    layer.weight.values()[0] *= real{0.5};  // a constraint's change, between two steps
  }
  const Tensor y = layer(x);
  CHECK(error_of([&] { mean(y * y).backward(); }) == "(no error)");
}
