// For tests of layers: the checker of gradients, for the input and for every parameter. Installed
// as limbeck/testing.h too, with what core/ops/testing.h has. Needs no framework of tests.
#pragma once

#include "core/ops/testing.h"
#include "nn/module.h"

namespace limbeck::testing {

// Compares the gradients that backward() gives x and each parameter of the layer with central
// differences, as the other gradient_error does (core/ops/testing.h), and returns the largest
// relative error. In double a right layer is off by less than 1e-6; a parameter that its forward
// pass uses past the graph, by detach() say, is off by 1. A parameter that is frozen is left out.
// The layer computes in the mode that it is in, with the same random numbers every time, and is
// left as it was, buffers and generators too; gradients are cleared. Error: it computes with a
// tensor that wants a gradient and that its parts() do not list. In float ask for less than 0.05,
// of layers that are smooth: at a kink, such as a ReLU's, the differences can be off by anything
// where a value lies near it. For 1e-6 install the library of doubles beside the other one (make
// install REAL=double PREFIX=…) and test with that.
//   CHECK(gradient_error(layer, random_tensor({2, 4, 3, 3}, 1)) < 1e-6);
// Values where a term does not show, weights of 0 or 1, want others first.
double gradient_error(Module& layer, const Tensor& x);

}  // namespace limbeck::testing
