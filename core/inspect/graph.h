// A recorded graph as a picture.
#pragma once

#include <string>

#include "core/tensor.h"

namespace limbeck {

// The graph from which backward() would start at `loss`, in the language of graphviz: every op with
// the shape of its output and the layer in which it was called, every parameter (a leaf that wants
// a gradient) with its name and shape, every other tensor that goes into an op; an arrow from what
// is used to the op that uses it. Call it before backward(), which frees the graph.
//
//   write_file("graph", "loss.dot", to_dot(loss));      $ dot -Tsvg loss.dot > loss.svg
//
// Names are those of Module::set_name() and Tensor::set_name().
// Error: nothing is recorded for `loss`, or its graph is freed already.
std::string to_dot(const Tensor& loss);

}  // namespace limbeck
