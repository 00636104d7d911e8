// A trained network as an ONNX file, which onnxruntime and most other programs that run networks
// read. The format: https://onnx.ai/onnx/repo-docs/IR.html, and Operators.html beside it.
#pragma once

#include <string>

#include "nn/export/onnx_builder.h"
#include "nn/module.h"

namespace limbeck {

// What a file is to say beside what the library knows.
struct OnnxOptions {
  // How ops of one's own are written, by what they tell record(); or others of the library.
  OnnxMappings mappings{};
};

// Writes any network for images of this shape, (C, H, W) or another, as it answers in evaluation
// mode. The file is an ONNX model of IR version 8 and operator set 13, in float:
//   input    images         (N, C, H, W), N free: any number of images at a time
//   outputs  logits         (N, classes)
//            probabilities  (N, classes), their softmax
// or, where the network gives something else than (N, classes), one output, `output`.
// What it holds is the graph of nn/export/graph.h; batch norm has become part of the layer before
// it where it can. Nodes are named by operator and place, and weights by them: Conv_0,
// Conv_0_weight. The file is whole or not there (core/files/file.h).
//
//   export_onnx(network, {1, 28, 28}, "network.onnx");
//   export_onnx(network, {1, 28, 28}, "network.onnx", {.mappings = {{"silu", write_silu}}});
//
// Error: that of record_graph; an op that is not known, by its name and its layer's; a weight that
// is not finite as a float, more than 2 GiB, a file that cannot be written.
void export_onnx(Module& network, const Shape& image, const std::string& path,
                 const OnnxOptions& options = {});

}  // namespace limbeck
