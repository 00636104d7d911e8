// Each operator beside what its definition gives: https://onnx.ai/onnx/operators.
#include "nn/import/onnx_operators.h"

#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

constexpr float inf = INFINITY;

using imported::Value;
using Numbers = std::vector<Index>;

// An operator with attributes, and inputs behind x, in an operator set.
struct One {
  std::string type;
  std::vector<imported::Attribute> attributes{};
  std::vector<Value> more{};
  Index set = 13;
};

// What it makes of x.
Tensor apply(const One& one, const Tensor& x) {
  const imported::Node node{.type = one.type, .outputs = {"y"}, .attributes = one.attributes};
  std::vector<Value> inputs = {{.tensor = x}};
  inputs.insert(inputs.end(), one.more.begin(), one.more.end());
  const imported::Operator& op = imported::operators().at(one.type);
  CHECK(inputs.size() >= op.fewest);
  CHECK(inputs.size() <= op.most);
  return op.compute(imported::Call(node, one.set, inputs))[0].tensor;
}

Value numbers(const Shape& shape, std::initializer_list<real> values) {
  return {.tensor = Tensor::from(shape, values)};
}
Value wholes(const Numbers& values) {
  Tensor list = Tensor::empty({static_cast<Index>(values.size())});
  std::ranges::transform(values, list.data(), imported::whole_number);
  return {.tensor = list, .whole = true};
}

Tensor images(const std::vector<real>& pixels, const Shape& shape) {
  return Tensor::from(shape, pixels);
}

}  // namespace

TEST_CASE("operators on elements give what their definitions say") {
  const Tensor x = Tensor::from({2, 3}, {-2, -0.5, 0, 0.5, 1, 3});
  const auto of = [&](const One& one) { return apply(one, x); };
  CHECK(difference(of({"Relu"}), {0, 0, 0, 0.5, 1, 3}) == 0);
  CHECK(difference(of({"LeakyRelu", {{"alpha", 0.25}}}), {-0.5, -0.125, 0, 0.5, 1, 3}) == 0);
  CHECK(difference(of({"LeakyRelu"}), {-0.02, -0.005, 0, 0.5, 1, 3}) < 1e-7);
  CHECK(difference(of({"Abs"}), {2, 0.5, 0, 0.5, 1, 3}) == 0);
  CHECK(difference(of({"Neg"}), {2, 0.5, 0, -0.5, -1, -3}) == 0);
  CHECK(difference(of({"Elu", {{"alpha", 2.0}}}),
                   {2 * std::expm1(-2.0), 2 * std::expm1(-0.5), 0, 0.5, 1, 3}) < 1e-6);
  CHECK(difference(of({"PRelu", {}, {numbers({3}, {1, 2, 4})}}), {-2, -1, 0, 0.5, 1, 3}) == 0);
  CHECK(difference(of({"HardSigmoid"}), {0.1, 0.4, 0.5, 0.6, 0.7, 1}) < 1e-6);
  CHECK(difference(of({.type = "HardSwish", .set = 14}),
                   {-2 * (1.0 / 6), -0.5 * (2.5 / 6), 0, 0.5 * (3.5 / 6), 4.0 / 6, 3}) < 1e-6);
  const auto each = [&](const One& one, double (*f)(double)) {
    const Tensor y = of(one);
    for (std::size_t i = 0; i < 6; ++i) {
      CHECK(static_cast<double>(y.values()[i]) ==
            doctest::Approx(f(static_cast<double>(x.values()[i]))).epsilon(1e-6));
    }
  };
  each({"Sigmoid"}, [](double t) { return 1 / (1 + std::exp(-t)); });
  each({"Tanh"}, [](double t) { return std::tanh(t); });
  each({"Exp"}, [](double t) { return std::exp(t); });
  each({"Erf"}, [](double t) { return std::erf(t); });
  each({"Softplus"}, [](double t) { return std::log1p(std::exp(t)); });
  each({.type = "Gelu", .set = 20},
       [](double t) { return t * (1 + std::erf(t / std::sqrt(2))) / 2; });
  each({"Gelu", {{"approximate", "tanh"}}, {}, 20}, [](double t) {
    return t * (1 + std::tanh(std::sqrt(2 / M_PI) * (t + 0.044715 * t * t * t))) / 2;
  });
  CHECK(difference(of({"Pow", {}, {numbers({}, {2})}}), {4, 0.25, 0, 0.25, 1, 9}) == 0);
  CHECK(difference(of({"Div", {}, {numbers({2, 1}, {2, 4})}}), {-1, -0.25, 0, 0.125, 0.25, 0.75}) ==
        0);
  CHECK(difference(of({"Max", {}, {numbers({}, {0.25})}}), {0.25, 0.25, 0.25, 0.5, 1, 3}) == 0);
  const std::vector<Value> zero = {numbers({}, {0})};
  CHECK(difference(of({"Min", {}, zero}), {-2, -0.5, 0, 0, 0, 0}) == 0);
  CHECK(difference(of({"Sum", {}, {numbers({}, {1}), numbers({}, {2})}}), {1, 2.5, 3, 3.5, 4, 6}) ==
        0);
  CHECK(difference(of({"Greater", {}, zero}), {0, 0, 0, 1, 1, 1}) == 0);
  CHECK(difference(of({"GreaterOrEqual", {}, zero}), {0, 0, 1, 1, 1, 1}) == 0);
  CHECK(difference(of({"Less", {}, zero}), {1, 1, 0, 0, 0, 0}) == 0);
  CHECK(difference(of({"LessOrEqual", {}, zero}), {1, 1, 1, 0, 0, 0}) == 0);
  CHECK(difference(of({"ReduceMin", {{"axes", Numbers{1}}}}), Tensor::from({2, 1}, {-2, 0.5})) ==
        0);
  const Tensor positive = Tensor::from({2}, {1, 4});
  CHECK(difference(apply({"Reciprocal"}, positive), {1, 0.25}) == 0);
  CHECK(difference(apply({"Log"}, positive), {0, real(std::log(4.0))}) < 1e-6);
}

TEST_CASE("operators have their bounds and axes as attributes in old sets, as inputs in new ones") {
  const Tensor x = Tensor::from({2, 3}, {-2, -0.5, 0, 0.5, 1, 3});
  const std::vector<real> clipped = {-1, -0.5, 0, 0.5, 1, 2};
  CHECK(difference(apply({"Clip", {{"min", -1.0}, {"max", 2.0}}, {}, 7}, x),
                   Tensor::from({2, 3}, clipped)) == 0);
  CHECK(difference(apply({"Clip", {}, {numbers({}, {-1}), numbers({}, {2})}}, x),
                   Tensor::from({2, 3}, clipped)) == 0);
  CHECK(difference(apply({"Clip", {}, {Value{}, numbers({}, {2})}}, x), {-2, -0.5, 0, 0.5, 1, 2}) ==
        0);
  const Tensor cube = Tensor::from({1, 2, 2}, {1, 2, 3, 6});
  for (const Index set : {7, 11, 13}) {
    CHECK(difference(apply({"ReduceMean", {{"axes", Numbers{-1}}}, {}, set}, cube),
                     Tensor::from({1, 2, 1}, {1.5, 4.5})) == 0);
  }
  CHECK(difference(apply({"ReduceMean", {{"keepdims", 0}}, {wholes({1, 2})}, 18}, cube),
                   Tensor::from({1}, {3})) == 0);
  CHECK(difference(apply({"ReduceSum", {}, {wholes({1})}}, cube),
                   Tensor::from({1, 1, 2}, {4, 8})) == 0);
  CHECK(difference(apply({"ReduceMax", {{"axes", Numbers{2}}, {"keepdims", 0}}}, cube),
                   Tensor::from({1, 2}, {2, 6})) == 0);
  CHECK(apply({"Unsqueeze", {{"axes", Numbers{1, 4}}}, {}, 11}, cube).shape() ==
        Shape{1, 1, 2, 2, 1});
  CHECK(apply({"Unsqueeze", {}, {wholes({-1, 1})}}, cube).shape() == Shape{1, 1, 2, 2, 1});
  const Tensor thin = Tensor::from({2, 1, 3, 1}, {1, 2, 3, 4, 5, 6});
  CHECK(apply({"Squeeze", {{"axes", Numbers{1}}}, {}, 11}, thin).shape() == Shape{2, 3, 1});
  CHECK(apply({"Squeeze", {}, {wholes({-1})}}, thin).shape() == Shape{2, 1, 3});
  CHECK(apply({"Squeeze"}, thin).shape() == Shape{2, 3});
  // Before set 13 softmax is over all dimensions from the axis on.
  const Tensor zeros = Tensor::zeros({2, 2, 4});
  CHECK(difference(apply({.type = "Softmax", .set = 12}, zeros), Tensor::full({2, 2, 4}, 0.125)) <
        1e-7);
  CHECK(difference(apply({.type = "Softmax", .set = 13}, zeros), Tensor::full({2, 2, 4}, 0.25)) <
        1e-7);
  CHECK(difference(apply({.type = "LogSoftmax", .attributes = {{"axis", 1}}, .set = 13}, zeros),
                   Tensor::full({2, 2, 4}, real(-std::log(2.0)))) < 1e-6);
}

TEST_CASE("pooling pads, rounds up and counts as the definitions say") {
  const Tensor x = images({1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 1, 3, 3});
  const std::vector<imported::Attribute> two = {{"kernel_shape", Numbers{2, 2}},
                                                {"strides", Numbers{2, 2}}};
  const auto with = [&](std::vector<imported::Attribute> more) {
    more.insert(more.end(), two.begin(), two.end());
    return more;
  };
  CHECK(difference(apply({"MaxPool", two}, x), Tensor::from({1, 1, 1, 1}, {5})) == 0);
  CHECK(difference(apply({"MaxPool", with({{"ceil_mode", 1}})}, x),
                   Tensor::from({1, 1, 2, 2}, {5, 6, 8, 9})) == 0);
  CHECK(difference(apply({"MaxPool", with({{"pads", Numbers{1, 1, 0, 0}}})}, -x),
                   Tensor::from({1, 1, 2, 2}, {-1, -2, -4, -5})) == 0);
  // A window that would begin in the padding behind is left out.
  CHECK(apply({"MaxPool",
               {{"kernel_shape", Numbers{2, 2}},
                {"strides", Numbers{3, 3}},
                {"pads", Numbers{0, 0, 1, 1}},
                {"ceil_mode", 1}}},
              x)
            .shape() == Shape{1, 1, 1, 1});
  for (const Index counts : {0, 1}) {
    const real all = 4, edge = counts == 1 ? 4 : 2, corner = counts == 1 ? 4 : 1;
    CHECK(difference(apply({"AveragePool",
                            with({{"pads", Numbers{1, 1, 0, 0}}, {"count_include_pad", counts}})},
                           x),
                     Tensor::from({1, 1, 2, 2}, {1 / corner, 5 / edge, 11 / edge, 28 / all})) <
          1e-6);
    // What is rounded up never counts.
    CHECK(difference(
              apply({"AveragePool", with({{"ceil_mode", 1}, {"count_include_pad", counts}})}, x),
              Tensor::from({1, 1, 2, 2}, {3, 4.5, 7.5, 9})) < 1e-6);
  }
  CHECK(difference(apply({"AveragePool", with({{"auto_pad", "SAME_UPPER"}})}, x),
                   Tensor::from({1, 1, 2, 2}, {3, 4.5, 7.5, 9})) < 1e-6);
  CHECK(difference(apply({"AveragePool", with({{"auto_pad", "SAME_LOWER"}})}, x),
                   Tensor::from({1, 1, 2, 2}, {1, 2.5, 5.5, 7})) < 1e-6);
  CHECK(difference(apply({"GlobalAveragePool"}, x), Tensor::from({1, 1, 1, 1}, {5})) == 0);
  CHECK(difference(apply({"GlobalMaxPool"}, x), Tensor::from({1, 1, 1, 1}, {9})) == 0);
}

TEST_CASE("images are enlarged by whole factors with the centres that the file means, or refused") {
  const Tensor x = images({0, 1}, {1, 1, 1, 2});
  const std::vector<Value> of_11 = {{}, numbers({4}, {1, 1, 1, 2})}, of_10 = {of_11[1]};
  const std::vector<imported::Attribute> floor = {{"mode", "nearest"},
                                                  {"coordinate_transformation_mode", "asymmetric"},
                                                  {"nearest_mode", "floor"}};
  CHECK(difference(apply({"Resize", floor, of_11}, x), Tensor::from({1, 1, 1, 4}, {0, 0, 1, 1})) ==
        0);
  CHECK(difference(apply({"Resize", {}, of_10, 10}, x), Tensor::from({1, 1, 1, 4}, {0, 0, 1, 1})) ==
        0);
  CHECK(difference(apply({"Resize", {{"mode", "linear"}}, of_11, 11}, x),
                   Tensor::from({1, 1, 1, 4}, {0, 0.25, 0.75, 1})) == 0);
  const auto refusal = [&](const One& one) { return error_of([&] { apply(one, x); }); };
  // By set 10 it is 0, 0.5, 1, 1.
  CHECK(contains(refusal({"Resize", {{"mode", "linear"}}, of_10, 10}), "operator set 10; "));
  CHECK(
      contains(refusal({"Resize", floor, {{}, numbers({4}, {1, 1, 1, 1.5})}}), "a factor of 1.5"));
  CHECK(contains(error_of([&] {
                   apply({"Resize", floor, {{}, numbers({4}, {1, 1, 1024, 1})}},
                         Tensor::zeros({0, 1, 1 << 24, 1}));
                 }),
                 "larger than any image"));
  CHECK(
      apply({"ConvTranspose", {{"auto_pad", "NOTSET"}}, {numbers({1, 1, 1, 1}, {2})}}, x).shape() ==
      x.shape());
}

TEST_CASE("convolution pads each side by itself, and a product broadcasts its batches") {
  const Tensor x = images({1, 2, 3, 4}, {1, 1, 2, 2});
  const std::vector<Value> weight = {numbers({1, 1, 2, 2}, {1, 10, 100, 1000})};
  CHECK(difference(apply({"Conv", {{"pads", Numbers{1, 0, 0, 1}}}, weight}, x),
                   Tensor::from({1, 1, 2, 2}, {2100, 200, 4321, 402})) == 0);
  CHECK(difference(apply({"Conv", {{"auto_pad", "SAME_UPPER"}}, weight}, x),
                   Tensor::from({1, 1, 2, 2}, {4321, 402, 43, 4})) == 0);
  CHECK(difference(apply({"ConvTranspose", {{"strides", Numbers{2, 2}}}, weight},
                         images({1, 2}, {1, 1, 1, 2})),
                   Tensor::from({1, 1, 2, 4}, {1, 10, 2, 20, 100, 1000, 200, 2000})) == 0);
  const Tensor a = Tensor::from({2, 1, 2}, {1, 2, 3, 4});
  CHECK(difference(apply({"MatMul", {}, {numbers({2, 2}, {1, 0, 0, 1})}}, a), a) == 0);
  CHECK(difference(apply({"MatMul", {}, {numbers({2}, {1, 10})}}, a),
                   Tensor::from({2, 1}, {21, 43})) == 0);
  CHECK(difference(apply({"MatMul", {}, {numbers({3, 1, 2, 1}, {1, 1, 0, 1, 2, 0})}}, a),
                   Tensor::from({3, 2, 1, 1}, {3, 7, 2, 4, 2, 6})) == 0);
}

TEST_CASE("gemm scales, transposes and adds") {
  const Tensor x = Tensor::from({1, 2}, {1, 2});
  const std::vector<Value> both = {numbers({2, 2}, {1, 2, 3, 4}), numbers({}, {10})};
  CHECK(difference(apply({"Gemm", {{"alpha", 2.0}, {"beta", 0.5}}, both}, x), {19, 25}) == 0);
  CHECK(difference(apply({"Gemm", {{"transB", 1}}, both}, x), {15, 21}) == 0);
  CHECK(difference(apply({"Gemm", {{"transB", 1}}, {both[0]}}, x), {5, 11}) == 0);
}

TEST_CASE("parts are taken, turned and put together by axes, steps and places") {
  const Tensor x = Tensor::from({1, 2, 4}, {0, 1, 2, 3, 4, 5, 6, 7});
  const auto slice_by = [&](Index start, Index end, Index axis, Index step) {
    return apply({"Slice", {}, {wholes({start}), wholes({end}), wholes({axis}), wholes({step})}},
                 x);
  };
  constexpr Index last = std::numeric_limits<Index>::max();
  CHECK(difference(slice_by(1, last, 2, 2), Tensor::from({1, 2, 2}, {1, 3, 5, 7})) == 0);
  CHECK(difference(slice_by(-1, -last, -1, -1),
                   Tensor::from({1, 2, 4}, {3, 2, 1, 0, 7, 6, 5, 4})) == 0);
  CHECK(difference(slice_by(-2, -1, 1, 1), Tensor::from({1, 1, 4}, {0, 1, 2, 3})) == 0);
  CHECK(slice_by(3, 1, 2, 1).shape() == Shape{1, 2, 0});
  CHECK(difference(
            apply({"Slice",
                   {{"starts", Numbers{1, 1}}, {"ends", Numbers{2, 3}}, {"axes", Numbers{1, 2}}},
                   {},
                   9},
                  x),
            Tensor::from({1, 1, 2}, {5, 6})) == 0);
  const auto gather_at = [&](const Value& places) {
    return apply({"Gather", {{"axis", 2}}, {places}}, x);
  };
  CHECK(difference(gather_at(wholes({2, 0, -1})), Tensor::from({1, 2, 3}, {2, 0, 3, 6, 4, 7})) ==
        0);
  CHECK(difference(gather_at({.tensor = Tensor::scalar(1), .whole = true}),
                   Tensor::from({1, 2}, {1, 5})) == 0);
  CHECK(difference(apply({"Transpose", {{"perm", Numbers{0, 2, 1}}}}, x),
                   Tensor::from({1, 4, 2}, {0, 4, 1, 5, 2, 6, 3, 7})) == 0);
  CHECK(difference(apply({"Concat", {{"axis", -1}}, {numbers({1, 2}, {1, 2})}},
                         Tensor::from({1, 2}, {1, 2})),
                   {1, 2, 1, 2}) == 0);
  CHECK(apply({"Flatten", {{"axis", 2}}}, Tensor::zeros({2, 3, 4})).shape() == Shape{6, 4});
  CHECK(apply({"Reshape", {}, {wholes({0, -1, 2})}}, x).shape() == Shape{1, 4, 2});
  CHECK(difference(apply({"Pad", {}, {wholes({0, 0, -1, 0, 0, 1}), numbers({}, {9})}}, x),
                   Tensor::from({1, 2, 4}, {1, 2, 3, 9, 5, 6, 7, 9})) == 0);
  CHECK(difference(apply({"Pad", {{"pads", Numbers{0, 1, 0, 0}}, {"value", 2.0}}, {}, 7},
                         Tensor::from({1, 1}, {5})),
                   {2, 5}) == 0);
  CHECK(difference(apply({"Expand", {}, {wholes({2, 1, 1})}}, Tensor::from({1, 2}, {1, 2})),
                   Tensor::from({2, 1, 2}, {1, 2, 1, 2})) == 0);
}

TEST_CASE("whole numbers are kept whole: sizes, lists made of them, choices among them") {
  const Tensor x = Tensor::zeros({3, 4, 5});
  CHECK(difference(apply({"Shape"}, x), {3, 4, 5}) == 0);
  CHECK(
      difference(apply({.type = "Shape", .attributes = {{"start", 1}, {"end", -1}}, .set = 15}, x),
                 {4}) == 0);
  CHECK(apply({"Size"}, x).item() == 60);
  const auto of_wholes = [](const std::string& type, const Value& a, const Value& b) {
    const imported::Node node{.type = type, .outputs = {"y"}};
    const Value y = imported::operators().at(type).compute(imported::Call(node, 13, {a, b}))[0];
    CHECK(y.whole);
    return y.tensor;
  };
  CHECK(difference(of_wholes("Div", wholes({7, -7, 8}), wholes({2})), {3, -3, 4}) == 0);
  CHECK(difference(of_wholes("Mul", wholes({7, 2}), wholes({2})), {14, 4}) == 0);
  CHECK(difference(of_wholes("Equal", wholes({7, 2}), wholes({2})), {0, 1}) == 0);
  CHECK(difference(apply({"Where", {}, {numbers({2}, {1, 2}), numbers({2}, {3, 4})}},
                         Tensor::from({2}, {0, 1})),
                   {3, 2}) == 0);
  const auto refusal = [&](const One& one) { return error_of([&] { apply(one, x); }); };
  CHECK(refusal({"Cast", {{"to", 7}}}) ==
        "Cast: it makes whole numbers of others, which is not known");
  CHECK(refusal({"Reshape", {}, {numbers({1}, {60})}}) ==
        "Reshape: input 1 should be whole numbers");
  CHECK(
      refusal(
          {"Pad", {{"pads", Numbers{std::numeric_limits<Index>::min(), 0, 0, 0, 0, 0}}}, {}, 7}) ==
      "Pad: a pad of -9223372036854775808");
  CHECK(refusal({"Gather", {{"axis", 1}}, {wholes({4})}}) ==
        "Gather: there is no place 4 along dimension 1 of (3, 4, 5)");
  CHECK(refusal({"Unsqueeze", {}, {wholes({4})}}) == "Unsqueeze: there is no axis 4 of 4");
  CHECK(refusal({"MaxPool", {{"kernel_shape", Numbers{2, 2}}}}) ==
        "MaxPool: images of shape (3, 4, 5); those of (N, C, H, W) are known");
}

TEST_CASE("norms go over the axes that they name") {
  const Tensor x = Tensor::from({1, 2, 2}, {1, 3, 5, 9});
  const std::vector<Value> flat = {numbers({2}, {1, 2}), numbers({2}, {0, 1})};
  CHECK(difference(apply({"LayerNormalization", {{"epsilon", 0.0}}, flat, 17}, x),
                   Tensor::from({1, 2, 2}, {-1, 3, -1, 3})) < 1e-6);
  const std::vector<Value> square_shape = {numbers({2, 2}, {1, 1, 1, 1})};
  const double s = std::sqrt((3.5 * 3.5 + 1.5 * 1.5 + 0.5 * 0.5 + 4.5 * 4.5) / 4);
  CHECK(difference(
            apply({"LayerNormalization", {{"axis", 1}, {"epsilon", 0.0}}, square_shape, 17}, x),
            Tensor::from({1, 2, 2},
                         {real(-3.5 / s), real(-1.5 / s), real(0.5 / s), real(4.5 / s)})) < 1e-6);
  CHECK(difference(apply({"InstanceNormalization", {{"epsilon", 0.0}}, flat}, x),
                   Tensor::from({1, 2, 2}, {-1, 1, -1, 3})) < 1e-6);
  CHECK(difference(apply({"BatchNormalization",
                          {{"epsilon", 0.0}},
                          {numbers({2}, {1, 2}), numbers({2}, {0, 1}), numbers({2}, {1, 5}),
                           numbers({2}, {4, 16})}},
                         x),
                   Tensor::from({1, 2, 2}, {0, 1, 1, 3})) < 1e-6);
}

TEST_CASE("an infinity and NaN come through pooling and choices as they are") {
  const Tensor x = images({NAN, 1, -inf, 2}, {1, 1, 2, 2});
  const Tensor y =
      apply({"MaxPool", {{"kernel_shape", Numbers{1, 2}}, {"auto_pad", "SAME_UPPER"}}}, x);
  CHECK(std::isnan(y.values()[0]));
  CHECK(y.values()[1] == 1);
  CHECK(y.values()[2] == 2);
  const Tensor kept = apply({"Relu"}, Tensor::from({1, 2}, {NAN, 1}));
  CHECK(std::isnan(kept.values()[0]));
}
