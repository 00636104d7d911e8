// A look at the first loss of a training, before anything moves: what would never learn.
#pragma once

#include <span>

#include "core/tensor.h"

namespace limbeck::detail {

// Walks the recorded graph of `loss` to its leaves. Error, in the name of `op`: one of them wants a
// gradient and is not among `trained`, the tensors that an optimizer moves. It would stay as it
// began, in silence: most often parts() of its layer has forgotten it, or a module within. The
// error names the layer in which it is used, the op, and the tensor by its name and shape. What is
// frozen, by requires_grad(false), is no mistake, nor what was computed under NoGrad. Costs a visit
// to each op: to be called once. Before backward(), which frees the graph.
void check_first_step(const char* op, const Tensor& loss, std::span<const Tensor> trained);

}  // namespace limbeck::detail
