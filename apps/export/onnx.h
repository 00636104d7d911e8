// A trained network as an ONNX file, which onnxruntime and most other programs that run networks
// read. The format: https://onnx.ai/onnx/repo-docs/IR.html, and Operators.html beside it.
#pragma once

#include <string>

#include "nn/sequential.h"

namespace limbeck {

// Writes the network for images of shape (C, H, W), as it answers in evaluation mode. The file is
// an ONNX model of IR version 8 and operator set 13, in float:
//   input    images         (N, C, H, W), N free: any number of images at a time
//   outputs  logits         (N, classes)
//            probabilities  (N, classes), their softmax
// Its nodes are those of apps/export/plain_layers.h: batch norm has become part of the layer before
// it. Each is named by its operator and its place, and its weights by it: Conv_0, Conv_0_weight.
// The file is whole or not there (core/files/file.h).
// Error: a layer that plain_layers refuses, a Linear on anything but (N, D), an output other than
// (N, classes), a weight that is not finite as a float, more than 2 GiB, a file that cannot be
// written, or a build without ONNX.
void export_onnx(Sequential& network, const Shape& image, const std::string& path);

// Whether this build has ONNX: the packages libonnx-dev and libprotobuf-dev were there.
bool onnx_is_built_in();

}  // namespace limbeck
