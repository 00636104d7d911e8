// Networks by their sizes, and by a short text.
#pragma once

#include <string>
#include <vector>

#include "core/random.h"
#include "nn/sequential.h"

namespace limbeck {

struct MlpOptions {
  double dropout = 0;        // of each hidden layer's output, in training
  double input_dropout = 0;  // of the pixels
};

// A multilayer perceptron: Flatten, then Linear with ReLU (and Dropout) for each hidden layer, then
// Linear to the logits. widths = {D_in, hidden…, C}: (N, …) with D_in elements an image → (N, C).
// Error: fewer than two widths, or one below 1.
Sequential mlp(const std::vector<Index>& widths, const MlpOptions& options, Rng& rng);

// The same from a text, as programs take it on the command line: "mlp:800,800" has two hidden
// layers of 800, "mlp:" none. Error: a text of another form; it says which forms there are.
Sequential make_model(const std::string& spec, const Shape& image, Index classes,
                      const MlpOptions& options, Rng& rng);

// That error alone, for checking such a text before anything is built.
void check_model_spec(const std::string& spec);

}  // namespace limbeck
