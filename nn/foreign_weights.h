// Weights from elsewhere, whose names are not those of our network.
//
// PyTorch names tensors after the members of a class, conv1.weight, where a Sequential here counts
// layers, 0.weight. What both have is layers of kinds and shapes. Their order is another matter:
// PyTorch's state_dict goes by the class, but the usual writer of safetensors sorts tensors by
// name, so that conv10 comes before conv2 and all of bn1, bn2 before conv1. So layers are compared
// kind by kind, and where several are alike, numbers in names decide, or the order that a file
// tells.
#pragma once

#include <string>
#include <vector>

#include "core/files/safetensors.h"
#include "nn/module.h"

namespace limbeck {

// A tensor of a network, and what a file calls it.
struct WeightPair {
  std::string ours, theirs;  // names
  Shape shape{};             // of both
};

// How the tensors of a file go into a network.
struct WeightMatch {
  // In the network's order. Empty: the names are the network's (assign_state).
  std::vector<WeightPair> pairs{};
  std::string prefix{};  // what all names in the file begin with, and nobody needs: "module."
  std::string by{};      // what told the order of layers that are alike: "the numbers in names"
  // PyTorch's counters of batches, num_batches_tracked, which are passed over.
  std::vector<std::string> passed_over{};

  bool same_names() const { return pairs.empty(); }
  // For people: a line on each of these, and the pairs in a row each. "" if all is as usual.
  //   conv1.weight  →  0.weight  (32, 1, 3, 3)
  std::string str() const;
};

// Where each tensor of a file belongs:
// 1. Names that are the network's, or are so without a prefix that all share ("module.", "net.",
//    "_orig_mod."), stay as they are.
// 2. Else tensors are put together to layers, conv1.weight and conv1.bias, and each layer of the
//    network takes the one whose tensors have the same last names and shapes. Where several are
//    alike, first those go together whose words agree (query with query); the rest go in order:
//    that of the file's metadata, "order", names with spaces between, as the line of Python writes
//    it that read_safetensors shows for a .pt file; or of its data, unless these are sorted by
//    name; or of the numbers in the names, if nothing but these differ.
// Error, in the name of `op`, beginning with `source`: layers that one side has and the other has
// not, with both lists side by side; layers that are alike and whose order nothing tells.
WeightMatch match_weights(const char* op, const std::string& source, const Module& module,
                          const TensorFile& file);

// Puts the tensors where match_weights says. Error: its, and those of assign_state.
WeightMatch assign_foreign(const char* op, const std::string& source, Module& module,
                           const TensorFile& file);

}  // namespace limbeck
