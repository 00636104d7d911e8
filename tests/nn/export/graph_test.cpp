// What is written down of a network: its ops, which sizes are the batch's, and what is refused.
#include "nn/export/graph.h"

#include "apps/examples/new_layer.h"
#include "nn/dropout.h"
#include "nn/group_norm.h"
#include "tests/nn/export/networks.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// "linear(images, 1.weight, -) → (N, 3)", a line for each op.
std::string text_of(const Graph& graph) {
  std::vector<std::string> lines;
  for (const GraphOp& op : graph.ops) {
    std::string inputs;
    for (std::size_t i = 0; i < op.inputs.size(); ++i) {
      inputs += i == 0 ? "" : ", ";
      if (!op.has_input(i)) {
        inputs += "-";
      } else if (op.inputs[i] == graph.input) {
        inputs += "images";
      } else {
        const GraphValue& value = graph.input_of(op, i);
        inputs += value.name.empty() ? value.str() : value.name;
        if (value.is_constant() && value.name.empty()) inputs += " constant";
      }
    }
    lines.push_back(fmt::format("{}({}) → {}", op.op, inputs, graph.value(op.output).str()));
  }
  return joined(lines);
}

std::string graph_of(Sequential network, const Shape& image) {
  return text_of(record_graph(network, image));
}

// The error for a network of one function, on two numbers an image.
std::string refusal(Function::Body body) {
  Sequential network{Function(std::move(body))};
  return error_of([&] { record_graph(network, {2}); });
}

}  // namespace

TEST_CASE("a network is written down as its ops, with N for the batch, and fused ones apart") {
  Rng rng(1);
  CHECK(graph_of(Sequential(Flatten(), Linear({.in = 6, .out = 4, .bias = false}, rng), ReLU(),
                            Dropout({.p = 0.5}, rng), Linear({.in = 4, .out = 3}, rng)),
                 {1, 2, 3}) ==
        "reshape(images) → (N, 6)\n"
        "linear((N, 6), 1.weight, -) → (N, 4)\n"
        "relu((N, 4)) → (N, 4)\n"
        "linear((N, 4), 4.weight, 4.bias) → (N, 3)");
  CHECK(graph_of(Sequential(Conv2d({.in = 1, .out = 2, .kernel = 3, .stride = {2, 1}}, rng), ReLU(),
                            MaxPool2d({.kernel = 2})),
                 {1, 9, 7}) ==
        "conv2d(images, 0.weight, 0.bias) → (N, 2, 4, 5)\n"
        "relu((N, 2, 4, 5)) → (N, 2, 4, 5)\n"
        "max_pool2d((N, 2, 4, 5)) → (N, 2, 2, 2)");
}

TEST_CASE("an op's numbers are in the graph") {
  Rng rng(1);
  Sequential network(
      Conv2d({.in = 2, .out = 4, .kernel = 3, .stride = {2, 1}, .padding = {1, 0}, .groups = 2},
             rng),
      [](const Tensor& x) {
        return permute(clamp(x, -1, 2.5), {0, 2, 3, 1});
      });
  const Graph graph = record_graph(network, {2, 8, 8});
  REQUIRE(graph.ops.size() == 3);
  CHECK(graph.ops[0].size("stride") == Size2d(2, 1));
  CHECK(graph.ops[0].size("padding") == Size2d(1, 0));
  CHECK(graph.ops[0].integer("groups") == 2);
  CHECK(graph.ops[1].number("low") == -1);
  CHECK(graph.ops[1].number("high") == 2.5);
  const auto axes = graph.ops[2].numbers("axes");
  CHECK(std::vector<double>(axes.begin(), axes.end()) == std::vector<double>{0, 2, 3, 1});
  CHECK(graph.ops[2].layer == "1 (Function)");
  ResidualBlock block(2, rng);  // of a class of its own, that nobody has named
  CHECK(record_graph(block, {2}).ops[0].str() == "inner (Linear): linear");
  block.set_name("here");
  CHECK(record_graph(block, {2}).ops[0].str() == "here.inner (Linear): linear");
  CHECK(error_of([&] { graph.ops[2].number("axes"); }) ==
        "export: 1 (Function): permute has 4 numbers as its axes");
  CHECK(error_of([&] { graph.ops[2].number("depth"); }) ==
        "export: 1 (Function): permute does not tell its depth; give it to record() "
        "(core/autograd.h)");
}

TEST_CASE("what does not depend on the images is computed, and what nobody needs is left out") {
  Rng rng(1);
  GroupNorm norm({.groups = 2, .channels = 4});
  // gamma and beta take the shape (4, 1, 1), and an op's own insides are not its network's.
  CHECK(graph_of(Sequential(std::move(norm), Function(silu, "SiLU")), {4, 2, 3}) ==
        "reshape(images) → (2 N, 12)\n"
        "layer_norm((2 N, 12), -, -) → (2 N, 12)\n"
        "reshape((2 N, 12)) → (N, 4, 2, 3)\n"
        "mul((N, 4, 2, 3), 0.weight) → (N, 4, 2, 3)\n"
        "add((N, 4, 2, 3), 0.bias) → (N, 4, 2, 3)\n"
        "silu((N, 4, 2, 3)) → (N, 4, 2, 3)");
  // A state that begins with zeros for each image of the batch.
  Sequential state([](const Tensor& x) { return x * exp(Tensor::zeros({x.dim(0), 2})); });
  const Graph graph = record_graph(state, {2});
  CHECK(text_of(graph) == "mul(images, (N, 2) constant) → (N, 2)");
  CHECK(graph.input_of(graph.ops[0], 1).constant.shape() == Shape{1, 2});
}

TEST_CASE("frozen parameters, detached tensors and NoGrad hide nothing") {
  Rng rng(1);
  Linear layer({.in = 2, .out = 2}, rng);
  for (Tensor& parameter : layer.parameters()) parameter.requires_grad(false);
  CHECK(graph_of(Sequential(std::move(layer),
                            [](const Tensor& x) {
                              const NoGrad no_grad;
                              return x.detach() + relu(x).detach();
                            }),
                 {2}) ==
        "linear(images, 0.weight, 0.bias) → (N, 2)\n"
        "relu((N, 2)) → (N, 2)\n"
        "add((N, 2), (N, 2)) → (N, 2)");
}

TEST_CASE("batch norm becomes part of the layer before it, where nothing else needs that one") {
  Rng rng(1);
  Sequential network = resnet8(1, 10, rng);
  stir(network, random_tensor({6, 1, 8, 8}, 1));
  Graph graph = record_graph(network, {1, 8, 8});
  const auto norms = [&] { return std::ranges::count(graph.ops, "batch_norm", &GraphOp::op); };
  CHECK(norms() == 9);
  fold_batch_norm(graph);
  CHECK(norms() == 0);
  CHECK(std::ranges::count(graph.ops, "add", &GraphOp::op) == 3);

  Sequential alone(BatchNorm1d({.channels = 2}), Linear({.in = 2, .out = 2}, rng));
  graph = record_graph(alone, {2});
  fold_batch_norm(graph);
  CHECK(norms() == 1);
  Sequential twice(Linear({.in = 2, .out = 2}, rng),
                   Function([norm = std::make_shared<BatchNorm1d>(
                                 BatchNorm1d::Options{.channels = 2})](const Tensor& x) {
                     norm->eval();
                     return x + (*norm)(x);
                   }));
  graph = record_graph(twice, {2});
  fold_batch_norm(graph);
  CHECK(norms() == 1);
}

TEST_CASE("a folded batch norm computes the same") {
  // y = 3 x + 1 of one number, then (y − 4) / √(8 + 1) · 6 + 0.5 = 6 x − 5.5
  Rng rng(1);
  Linear layer({.in = 1, .out = 1}, rng);
  layer.weight.values()[0] = 3;
  layer.bias.values()[0] = 1;
  BatchNorm1d norm({.channels = 1, .eps = 1});
  norm.weight.values()[0] = 6;
  norm.bias.values()[0] = 0.5;
  norm.running_mean.values()[0] = 4;
  norm.running_var.values()[0] = 8;
  Sequential network(std::move(layer), std::move(norm));
  Graph graph = record_graph(network, {1});
  fold_batch_norm(graph);
  REQUIRE(text_of(graph) == "linear(images, 0.weight, 0.bias) → (N, 1)");
  CHECK(graph.input_of(graph.ops[0], 1).constant.item() == doctest::Approx(6));
  CHECK(graph.input_of(graph.ops[0], 2).constant.item() == doctest::Approx(-5.5));
}

TEST_CASE("what no op tells is refused, with the layer and the op that meet it") {
  const std::string no_op =
      "that is another one for other images, though no op made it; compute it by ops, or by one of "
      "your own that calls record()";
  // By hand from the images; one number for each batch; a view that is no op.
  CHECK(refusal([](const Tensor& x) {
          Tensor mask = Tensor::empty(x.shape());
          for (Index i = 0; i < x.size(); ++i) mask.data()[i] = x.data()[i] > 0;
          return x * mask;
        }) == "export: 0 (Function): mul takes a tensor (2, 2) " + no_op);
  CHECK(refusal([](const Tensor& x) { return x / static_cast<real>(x.dim(0)); }) ==
        "export: 0 (Function): div takes a tensor () " + no_op);
  CHECK(refusal([](const Tensor& x) { return relu(x.view({x.size()})); }) ==
        "export: 0 (Function): relu takes a tensor (4) " + no_op);
  CHECK(refusal([](const Tensor& x) { return x.clone(); }) ==
        "export: no op makes the network's result from the images");
  CHECK(refusal([](const Tensor& x) {
          const Tensor one = Tensor::full({2}, 1);
          return x +
                 record("odd", x.clone(), {one}, [](const Tensor& dy) { return Gradients{dy}; });
        }) == "export: 0 (Function): odd computes with something that is no input of it");
  CHECK(refusal([](const Tensor& x) {
          const Tensor y = x * 2;
          const Tensor z = y + 1;
          Tensor same = y;
          same.values()[0] = 7;
          return z * y;
        }) ==
        "export: 0 (Function): mul had tensors whose elements were changed after it; let ops make "
        "new ones instead");
  CHECK(refusal([](const Tensor& x) {
          Tensor same = x;
          same.values()[0] = 7;
          return x * 2;
        }) == "export: the network writes into the images that it is given");
}

TEST_CASE("a window that is another one than the op's numbers say is found") {
  Rng rng(1);
  Sequential network(Conv2d({.in = 1, .out = 2, .kernel = 3, .stride = 2}, rng));
  Graph graph = record_graph(network, {1, 8, 9});
  detail::check_windows(graph, graph.ops[0]);
  CHECK(detail::windows_of(graph, graph.ops[0]) == Size2d(3, 4));
  const auto dilation = std::ranges::find(graph.ops[0].attributes, std::string_view("dilation"),
                                          [](const Attribute& a) { return a.name(); });
  REQUIRE(dilation != graph.ops[0].attributes.end());
  *dilation = Attribute("dilation", Size2d(2, 1));
  CHECK(error_of([&] { detail::check_windows(graph, graph.ops[0]); }) ==
        "export: 0 (Conv2d): conv2d gives (N, 2, 3, 4), and by what it tells record() would have "
        "2×4 windows");
}

TEST_CASE("what is another network for another batch is refused") {
  CHECK(refusal([](const Tensor& x) { return x.dim(0) > 2 ? relu(x) : sigmoid(x); }) ==
        "export: the network runs other ops for 2 images than for 3 other ones");
  CHECK(refusal([](const Tensor& x) { return slice_rows(x, 0, x.dim(0) - 1); }) ==
        "export: 0 (Function): slice_rows gives (1, 2) for 2 images and (2, 2) for 3: sizes that "
        "are no multiples");
  CHECK(refusal([](const Tensor& x) { return slice_rows(x, 0, x.dim(0)); }) ==
        "export: 0 (Function): slice_rows does something else for another number of images");
  CHECK(refusal([](const Tensor& x) { return x; }) == "export: the network computes nothing");
  // A row of a table that the image chooses, outside of ops; and a constant that grows both ways.
  const Tensor table = random_tensor({8, 2}, 9);
  CHECK(contains(
      refusal([table](const Tensor& x) { return x + table.view({2}, x.dim(0) == 2 ? 0 : 4); }),
      "another one for other images"));
  CHECK(contains(refusal([](const Tensor& x) {
                   const Index n = x.dim(0);
                   return matmul(Tensor::zeros({n, n}) + 1, x);
                 }),
                 "another one for other images"));
}
