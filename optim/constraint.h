// Limits on gradients and weights, applied between backward() and step(), or after step().
#pragma once

#include <vector>

#include "core/tensor.h"

namespace limbeck {

// Scales all gradients by one factor, so that the norm of all of them together is at most max_norm;
// returns the norm before. Parameters without a gradient are left out. Pascanu, Mikolov, Bengio,
// "On the difficulty of training recurrent neural networks", ICML 2013. Of a norm that is NaN all
// gradients become NaN; of an infinite one those that are infinite, and the others 0: as in
// PyTorch, a step after that shows the fault, and who wants to leave it out looks at the norm.
// Error: max_norm not positive.
double clip_grad_norm(const std::vector<Tensor>& parameters, double max_norm);

// Puts each element of each gradient into [−max_value, max_value], by itself: the direction
// changes. An infinite one becomes finite, NaN stays. Error: max_value not positive.
void clip_grad_value(const std::vector<Tensor>& parameters, double max_value);

// Scales down each row of a weight (D_out, …) whose Euclidean norm is above max_norm, to max_norm:
// a limit on the incoming weights of every unit, as used with dropout (Hinton et al., "Improving
// neural networks by preventing co-adaptation of feature detectors", 2012, section 2). Error:
// max_norm not positive, or a weight without rows.
void constrain_row_norm(Tensor weight, double max_norm);

}  // namespace limbeck
