// A network in a file that says what it is: weights, and what is needed to build it again.
#pragma once

#include <string>

#include "core/files/safetensors.h"
#include "nn/foreign_weights.h"
#include "nn/prepared_input.h"

namespace limbeck {

// What a network is for.
struct ModelInfo {
  std::string spec;      // as make_model takes it: "mlp:800,800"
  Shape image;           // (C, H, W) of its input
  Index classes = 0;     // of its answer
  Metadata more{};       // anything else worth keeping: "temperature", "alpha", "errors", "seed"
  InputOptions input{};  // what stands before it, if it was trained on images of another form
};

// A network as a file had it.
struct SavedModel {
  Sequential network;     // in evaluation mode, with PreparedInput before it if the input wants it
  ModelInfo info;         // what the file says of it
  WeightMatch weights{};  // how the file's tensors went into it
};

// Writes a safetensors file with the weights under PyTorch's names, and in its metadata "spec",
// "image" ("1,28,28"), "classes", `more` and, where the input is not as usual, "input", "mean" and
// "std"; the network then has its PreparedInput, as load_model gives it. A module of your own that
// is no Sequential goes into one, Sequential(MyNetwork(…)), made by a function that register_model
// knows. Error: a spec that make_model does not know, and write_safetensors'.
void save_model(const Sequential& network, const std::string& path, const ModelInfo& info);

// Builds the network that the file describes, and fills it. Where the file says nothing, one from
// PyTorch say, `otherwise` does, and an empty spec there is an error that tells so; the tensors of
// such a file may have any names (nn/foreign_weights.h). Error: also read_safetensors',
// make_model's, assign_state's and assign_foreign's.
SavedModel load_model(const std::string& path, const ModelInfo& otherwise = {});

}  // namespace limbeck
