// What a network computes, written down: its ops in order, for other programs to do the same.
//
// The network runs in evaluation mode and every op tells what it is (core/inspect/recording.h), so
// it does not matter of which classes a network is made. It runs twice, on two images and on three,
// other ones. What differs between the runs shows what is the batch's: a size that is 2 in one and
// 3 in the other is N. And what must not differ, and does, is found: an op that one run has and the
// other has not, a number, a tensor that was computed from the images by something that is no op.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "core/attribute.h"
#include "core/tensor.h"
#include "nn/module.h"

namespace limbeck {

// The size of a dimension: `size`, or size · N.
struct GraphDim {
  Index size = 1;         // or how many times N
  bool of_batch = false;  // whether it is times N

  friend bool operator==(const GraphDim& a, const GraphDim& b) = default;
};

// A tensor that goes into an op or comes out of one.
struct GraphValue {
  std::vector<GraphDim> dims{};  // its shape
  // The elements, where they are the same for all images; else undefined. Along a dimension of the
  // batch they are repeated, and this has one of them.
  Tensor constant{};
  std::string name{};  // of a parameter or a buffer in the network: "0.weight"

  bool is_constant() const { return constant.defined(); }
  // Whether it is a tensor for each image: the first dimension is N, and no other one has to do
  // with it.
  bool is_of_images() const;
  // The sizes of one of them. Error: it is none.
  Shape of_one_image() const;
  std::string str() const;  // "(N, 3, 8, 8)"
};

// An op.
struct GraphOp {
  static constexpr std::size_t none = static_cast<std::size_t>(-1);  // no input

  std::string op{};     // as it told record(): "conv2d"
  std::string layer{};  // in which layer: "2 (Conv2d)"; "" outside of any that has a name
  std::vector<Attribute> attributes{};  // what it does beside its inputs
  std::vector<std::size_t> inputs{};  // places in Graph::values; `none` where there is no bias, say
  std::size_t output{};               // likewise

  // What it does beside its inputs, by the name that the op gave it. Error: there is none of that
  // name, or not as many numbers.
  bool has(const std::string& name) const;
  std::span<const double> numbers(const std::string& name) const;
  double number(const std::string& name) const;
  Index integer(const std::string& name) const;
  Size2d size(const std::string& name) const;

  bool has_input(std::size_t i) const { return i < inputs.size() && inputs[i] != none; }
  std::string str() const;  // for errors: "2 (Conv2d): conv2d"
};

// A network: from `input` to `output`, places in `values`.
struct Graph {
  std::vector<GraphValue> values;
  std::vector<GraphOp> ops;  // each after those whose results it takes
  std::size_t input = 0;
  std::size_t output = 0;

  const GraphValue& value(std::size_t i) const { return values[i]; }
  // Error: the op has no such input.
  const GraphValue& input_of(const GraphOp& op, std::size_t i) const;
  // How many ops take a value, the network's output counting as one.
  std::size_t uses(std::size_t value) const;
  std::size_t add(GraphValue value);  // returns its place
};

// The graph of a network for images of this shape, without N. What does not depend on the images is
// computed, what nobody uses left out, and an op that does the work of several is these:
// linear_relu is linear and relu. Where a part of the network has no name, all get those of their
// places.
// Error, in the name of "export", with layer and op: what the head of this file says; elements that
// were changed after an op had used them; a size that is neither fixed nor a multiple of N; or a
// network that computes nothing.
Graph record_graph(Module& network, const Shape& image);

// Makes a batch normalisation part of the linear or conv2d before it, where nothing else uses that
// one's result, and weight and bias are constants:
//   w' = w γ / √(σ² + ε),   b' = (b − μ) γ / √(σ² + ε) + β      channel by channel
void fold_batch_norm(Graph& graph);

// Throws the Error "WHO: LAYER: OP rule".
[[noreturn]] void refuse_op(const char* who, const GraphOp& op, const std::string& rule);

namespace detail {

// What record_graph() does when all has run. Leaves the ops that the output needs.
void remove_unused_ops(Graph& graph);
// Of linear_relu, conv2d_relu and conv2d_relu_max_pool the ops of which they do the work.
void split_fused_ops(Graph& graph);

// The size of a convolution's weights or of a pooling's window.
Size2d kernel_of(const Graph& graph, const GraphOp& op);
// How many windows there are by the op's stride, padding and, where it has one, dilation.
Size2d windows_of(const Graph& graph, const GraphOp& op);
// Error: the op's result has another size than that. So an op that has learnt something new, and
// does not tell record() of it, is not written as though it had not.
void check_windows(const Graph& graph, const GraphOp& op);

}  // namespace detail

}  // namespace limbeck
