#include "nn/weights.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>
#include <set>

#include "core/error.h"

namespace limbeck {
namespace {

constexpr const char* counter = "num_batches_tracked";

// "12.weight" → 12, with ".weight" left; −1 if no number begins the name.
Index layer_number(std::string_view name) {
  const std::size_t dot = name.find('.');
  const std::string_view number = name.substr(0, dot);
  const bool digits = std::ranges::all_of(number, [](unsigned char c) { return std::isdigit(c); });
  if (dot == std::string_view::npos || number.empty() || number.size() > 9 || !digits) return -1;
  if (number.size() > 1 && number.front() == '0') return -1;  // "00" is no other way to write 0
  return std::stoll(std::string(number));
}

// The same names with each layer's number replaced by its rank among the numbers that occur: what
// stays the same when layers without state come or go.
class Renumbering {
 public:
  explicit Renumbering(std::span<const NamedTensor> tensors) {
    for (const NamedTensor& tensor : tensors) numbers_.insert(layer_number(tensor.name));
    numbers_.erase(-1);
  }
  std::size_t layers() const { return numbers_.size(); }
  std::string operator()(const std::string& name) const {
    const Index number = layer_number(name);
    if (number < 0) return name;
    const auto rank = std::distance(numbers_.begin(), numbers_.find(number));
    return fmt::format("#{}{}", rank, name.substr(name.find('.')));
  }

 private:
  std::set<Index> numbers_;
};

// "a, b, c and 5 more"
std::string some_of(const std::vector<std::string>& names) {
  constexpr std::size_t shown = 4;
  std::string text;
  for (std::size_t i = 0; i < std::min(shown, names.size()); ++i) {
    text += (i == 0 ? "" : ", ") + names[i];
  }
  if (names.size() > shown) text += fmt::format(" and {} more", names.size() - shown);
  return text;
}

}  // namespace

std::vector<NamedTensor> named_state(const Module& module) {
  std::vector<NamedTensor> state = module.named_parameters();
  for (const NamedTensor& buffer : module.named_buffers()) state.push_back(buffer);
  return state;
}

State state_of(const Module& module) {
  State state{.tensors = named_state(module)};
  for (NamedTensor& part : state.tensors) part.tensor = part.tensor.clone();
  return state;
}

void restore(Module& module, const State& state) {
  assign_state("restore", "the state", module, {.tensors = state.tensors, .metadata = {}});
}

void copy_state(const Module& from, Module& to) {
  assign_state("copy_state", from.name().empty() ? from.describe() : from.name(), to,
               {.tensors = named_state(from), .metadata = {}});
}

void check_finite(const char* op, const Module& module) {
  for (const NamedTensor& part : named_state(module)) {
    for (const real v : part.tensor.values()) {
      if (!std::isfinite(v)) fail(op, "{} has an element that is not finite, {}", part.name, v);
    }
  }
}

void save_weights(const Module& module, const std::string& path, const Metadata& metadata) {
  write_safetensors(path, {.tensors = named_state(module), .metadata = metadata});
}

void assign_state(const char* op, const std::string& source, Module& module,
                  const TensorFile& file) {
  for (const std::string& name : file.skipped) {
    if (!name.ends_with(counter)) {
      fail(op, "{}: {} holds integers or truth values, which no layer here has", source, name);
    }
  }
  std::vector<NamedTensor> state = named_state(module);
  const Renumbering ours(state), theirs(file.tensors);
  const bool by_rank = ours.layers() == theirs.layers();
  const auto key = [&](const Renumbering& numbers, const std::string& name) {
    return by_rank ? numbers(name) : name;
  };
  std::map<std::string, Tensor*> places;
  for (NamedTensor& part : state) places[key(ours, part.name)] = &part.tensor;

  std::map<std::string, const Tensor*> found;
  std::vector<std::string> unknown, missing;
  for (const NamedTensor& tensor : file.tensors) {
    const auto place = places.find(key(theirs, tensor.name));
    if (place == places.end()) {
      unknown.push_back(tensor.name);
    } else if (place->second->shape() != tensor.tensor.shape()) {
      fail(op, "{}: {} is {}, and the network's is {}", source, tensor.name, tensor.tensor.shape(),
           place->second->shape());
    } else {
      found[place->first] = &tensor.tensor;
    }
  }
  for (const NamedTensor& part : state) {
    if (!found.contains(key(ours, part.name))) missing.push_back(part.name);
  }
  if (!unknown.empty() || !missing.empty()) {
    std::string text = fmt::format("{}: its tensors are not those of the network: ", source);
    if (!missing.empty()) text += "missing " + some_of(missing);
    if (!missing.empty() && !unknown.empty()) text += "; ";
    if (!unknown.empty()) text += "not known " + some_of(unknown);
    fail(op, "{}", text);
  }
  for (const auto& [name, tensor] : found) {
    std::ranges::copy(tensor->values(), places.at(name)->values().begin());
  }
}

bool has_names_of(const Module& module, const TensorFile& file) {
  const std::vector<NamedTensor> state = named_state(module);
  const Renumbering ours(state), theirs(file.tensors);
  if (state.size() != file.tensors.size()) return false;
  std::set<std::string> our_names, their_names;
  for (const NamedTensor& part : state) our_names.insert(ours(part.name));
  for (const NamedTensor& tensor : file.tensors) their_names.insert(theirs(tensor.name));
  return our_names == their_names;
}

Metadata load_weights(Module& module, const std::string& path) {
  const TensorFile file = read_safetensors(path);
  assign_state("load_weights", path, module, file);
  return file.metadata;
}

}  // namespace limbeck
