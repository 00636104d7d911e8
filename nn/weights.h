// A network's weights in a file, under the names that PyTorch's state_dict gives them.
#pragma once

#include <string>
#include <vector>

#include "core/files/safetensors.h"
#include "nn/module.h"

namespace limbeck {

// All that training changes in a module, parameters and buffers: "1.weight", "1.bias",
// "2.running_mean". The handles see the module's own memory.
std::vector<NamedTensor> named_state(const Module& module);

// What named_state lists, copied: the best network so far, say.
struct State {
  std::vector<NamedTensor> tensors;  // with elements of their own
};
// A copy of the module's parameters and buffers, in memory:
//   const State best = state_of(net);   …   restore(net, best);
State state_of(const Module& module);
// Puts it into the module that it is of, or into one like it, by assign_state and with its errors.
void restore(Module& module, const State& state);

// Gives `to` the parameters and buffers of `from`, by name. A second network of the same layers:
//   Sequential twin = mlp({784, 32, 10}, {}, rng);
//   copy_state(net, twin);
// By assign_state and with its errors. What is no state, options and generators say, stays.
void copy_state(const Module& from, Module& to);

// Error, in the name of `op`, with the tensor's name: one of these elements is not finite. What the
// module computes would be no numbers either.
void check_finite(const char* op, const Module& module);

// Writes them as safetensors, for PyTorch's load_state_dict as well as for load_weights.
// Error: write_safetensors'.
void save_weights(const Module& module, const std::string& path, const Metadata& metadata = {});

// Puts a file's tensors into the module whose state they are. Names must be the module's, each
// once, and the shapes too. Where names begin with a layer's number, as in a Sequential, only the
// order of the numbers counts: "0.weight", "2.weight" of a perceptron that has no Flatten in front,
// or whose layers of Dropout are left out, go into "1.weight", "4.weight". num_batches_tracked is
// passed over (nn/batch_norm.h). Every tensor is copied; on an error none is.
// Error, in the name of `op`, beginning with `source`: tensors that are missing or not known, of
// another shape, or of integers.
void assign_state(const char* op, const std::string& source, Module& module,
                  const TensorFile& file);

// Whether a file's names are those of the module, each once, numbers of layers counted as above.
bool has_names_of(const Module& module, const TensorFile& file);

// Reads such a file into the module and gives the metadata. Error: read_safetensors' and
// assign_state's. (nn/foreign_weights.h takes tensors of other names, too.)
Metadata load_weights(Module& module, const std::string& path);

}  // namespace limbeck
