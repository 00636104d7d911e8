#include "nn/foreign_weights.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <sstream>

#include "core/error.h"
#include "nn/weights.h"

namespace limbeck {
namespace {

constexpr const char* counter = "num_batches_tracked";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// --- names ---

// "layer1.0.conv2" → "layer#.#.conv#": what is the same where numbers only differ.
std::string without_numbers(const std::string& name) {
  std::string text;
  for (const char c : name) {
    if (!is_digit(c)) {
      text += c;
    } else if (!text.ends_with('#')) {
      text += '#';
    }
  }
  return text;
}

// "layer1.0.downsample.1" → "downsample.#": from the last part on that has a letter.
std::string last_words(const std::string& name) {
  const std::string text = without_numbers(name);
  std::size_t begin = text.size();
  while (begin > 0) {
    const std::size_t dot = text.rfind('.', begin - 1);
    const std::size_t part = dot == std::string::npos ? 0 : dot + 1;
    const auto letter = [](unsigned char c) { return std::isalpha(c) != 0; };
    if (std::any_of(text.begin() + static_cast<std::ptrdiff_t>(part),
                    text.begin() + static_cast<std::ptrdiff_t>(begin), letter)) {
      return text.substr(part);
    }
    begin = dot == std::string::npos ? 0 : dot;
  }
  return text;
}

// Whether a comes before b, numbers in them compared as numbers: conv2 before conv10.
bool naturally_before(const std::string& a, const std::string& b) {
  std::size_t i = 0, j = 0;
  const auto number = [](const std::string& text, std::size_t& at) {
    while (at < text.size() && text[at] == '0') ++at;
    const std::size_t begin = at;
    while (at < text.size() && is_digit(text[at])) ++at;
    return text.substr(begin, at - begin);
  };
  while (i < a.size() && j < b.size()) {
    if (is_digit(a[i]) && is_digit(b[j])) {
      const std::string x = number(a, i), y = number(b, j);
      if (x != y) return std::pair(x.size(), x) < std::pair(y.size(), y);
    } else {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i, ++j;
    }
  }
  return a.size() - i < b.size() - j;
}

// What all names begin with, up to a dot after which each still has one: "module.net.".
std::string shared_prefix(const std::vector<std::string>& names) {
  std::string prefix;
  while (!names.empty()) {
    const std::size_t end = names.front().find('.', prefix.size());
    if (end == std::string::npos) break;
    const std::string longer = names.front().substr(0, end + 1);
    const auto goes_on = [&](const std::string& name) {
      return name.starts_with(longer) && name.find('.', longer.size()) != std::string::npos;
    };
    if (!std::ranges::all_of(names, goes_on)) break;
    prefix = longer;
  }
  return prefix;
}

// --- layers ---

struct Layer {
  std::string name;                  // "conv1"
  std::vector<NamedTensor> tensors;  // in their order
  std::string kind;                  // "bias (32), weight (32, 1, 3, 3)"
};
using Layers = std::vector<Layer>;
using LayerPair = std::pair<const Layer*, const Layer*>;  // ours, theirs

std::string member(const std::string& name) {
  return name.substr(name.rfind('.') + 1);  // all of it, if there is no dot
}

std::string member_of(const NamedTensor& tensor) {
  return member(tensor.name);
}

Layers layers_of(const std::vector<NamedTensor>& tensors) {
  Layers layers;
  std::map<std::string, std::size_t> places;
  for (const NamedTensor& tensor : tensors) {
    const std::size_t dot = tensor.name.rfind('.');
    const std::string name = dot == std::string::npos ? "" : tensor.name.substr(0, dot);
    const auto [place, is_new] = places.emplace(name, layers.size());
    if (is_new) layers.push_back({.name = name, .tensors = {}, .kind = {}});
    layers[place->second].tensors.push_back(tensor);
  }
  for (Layer& layer : layers) {
    std::map<std::string, std::string> shapes;
    for (const auto& [name, tensor] : layer.tensors) shapes[member(name)] = tensor.shape().str();
    for (const auto& [name, shape] : shapes) {
      layer.kind += fmt::format("{}{} {}", layer.kind.empty() ? "" : ", ", name, shape);
    }
  }
  return layers;
}

// Layers by what key_of says of them, each list in order.
template <class KeyOf>
std::map<std::string, std::vector<const Layer*>> grouped(const std::vector<const Layer*>& layers,
                                                         const KeyOf& key_of) {
  std::map<std::string, std::vector<const Layer*>> groups;
  for (const Layer* layer : layers) groups[key_of(*layer)].push_back(layer);
  return groups;
}

std::vector<const Layer*> pointers(const Layers& layers) {
  std::vector<const Layer*> all;
  for (const Layer& layer : layers) all.push_back(&layer);
  return all;
}

// --- the match ---

class Matcher {
 public:
  Matcher(const char* op, const std::string& source, const std::vector<NamedTensor>& ours,
          const TensorFile& file)
      : op_(op), source_(source), ours_(layers_of(ours)), theirs_(layers_of(file.tensors)) {
    put_in_order(file);
  }

  std::vector<LayerPair> pairs() {
    const auto kind = [](const Layer& layer) { return layer.kind; };
    Groups ours = grouped(pointers(ours_), kind), theirs = grouped(pointers(theirs_), kind);
    for (const auto& [name, layers] : theirs) ours[name];  // none, where there were none
    for (const auto& [name, layers] : ours) {
      if (layers.size() != theirs[name].size()) refuse(name, layers.size(), theirs[name].size());
    }
    for (const auto& [name, layers] : ours) match_alike(layers, theirs[name]);
    return std::move(pairs_);
  }
  const std::string& by() const { return by_; }

 private:
  using Group = std::vector<const Layer*>;
  using Groups = std::map<std::string, Group>;

  // Their layers as the metadata list them, or as the data lie, or by the numbers in their names.
  void put_in_order(const TensorFile& file) {
    std::map<std::string, std::size_t> told;
    if (const auto order = file.metadata.find("order"); order != file.metadata.end()) {
      std::istringstream names(order->second);
      for (std::string name; names >> name;) told.emplace(name, told.size());
    }
    const auto rank = [&](const Layer& layer) {
      const auto found = told.find(layer.tensors.front().name);
      return found == told.end() ? told.size() : found->second;
    };
    const auto is_told = [&](const Layer& layer) { return rank(layer) < told.size(); };
    // A writer that sorts puts a bias before its weight; nobody else does. One that sorts by kinds
    // of numbers first may part the two.
    const auto is_sorted = [](const Layer& layer) {
      return std::ranges::is_sorted(layer.tensors, {}, &NamedTensor::name);
    };
    std::map<std::string, std::ptrdiff_t> places;
    for (const NamedTensor& t : file.tensors) places.emplace(t.name, std::ssize(places));
    const auto is_moved = [&](const Layer& layer) {
      const auto& own = layer.tensors;
      const auto weight = std::ranges::find(own, "weight", member_of);
      const auto bias = std::ranges::find(own, "bias", member_of);
      if (weight == own.end() || bias == own.end()) return false;
      return bias < weight || places.at(bias->name) - places.at(weight->name) != bias - weight;
    };
    if (std::ranges::all_of(theirs_, is_told)) {
      std::ranges::stable_sort(theirs_, {}, rank);
      order_ = "the order that its metadata tell";
    } else if (!std::ranges::all_of(theirs_, is_sorted) &&
               std::ranges::none_of(theirs_, is_moved)) {
      order_ = "the order of its data";
    } else {
      std::ranges::stable_sort(theirs_, naturally_before, &Layer::name);
    }
    const auto place = [](const NamedTensor& tensor) {
      const std::string name = member(tensor.name);
      return name == "weight" ? 0 : name == "bias" ? 1 : 2;
    };
    for (Layer& layer : theirs_) std::ranges::stable_sort(layer.tensors, {}, place);
  }

  // Layers of one kind, as many on both sides.
  void match_alike(const Group& ours, const Group& theirs) {
    if (ours.size() == 1) return pair_up(ours, theirs);
    const auto words = [](const Layer& layer) { return last_words(layer.name); };
    const Groups our_words = grouped(ours, words), their_words = grouped(theirs, words);
    const auto as_many = [](const auto& a, const auto& b) {
      return a.first == b.first && a.second.size() == b.second.size();
    };
    if (!std::ranges::equal(our_words, their_words, as_many)) return match_in_order(ours, theirs);
    for (const auto& [name, group] : our_words) match_in_order(group, their_words.at(name));
  }

  void match_in_order(const Group& ours, const Group& theirs) {
    if (ours.size() == 1) return pair_up(ours, theirs);
    by_ = order_.empty() ? "the numbers in its names" : order_;
    if (!order_.empty()) return pair_up(ours, theirs);
    // Numbers tell the order among names that are the same without them. Several such groups are
    // told apart by how many they are.
    const auto pattern = [](const Layer& layer) { return without_numbers(layer.name); };
    const auto by_size = [](const Groups& groups) {
      std::map<std::size_t, Group> sizes;
      for (const auto& [name, group] : groups) {
        if (!sizes.emplace(group.size(), group).second) return std::map<std::size_t, Group>{};
      }
      return sizes;
    };
    const Groups their_groups = grouped(theirs, pattern);
    if (their_groups.size() == 1) return pair_up(ours, theirs);
    const auto our_sizes = by_size(grouped(ours, pattern)), their_sizes = by_size(their_groups);
    const auto same_size = [](const auto& a, const auto& b) { return a.first == b.first; };
    if (our_sizes.empty() || !std::ranges::equal(our_sizes, their_sizes, same_size)) {
      refuse_order(theirs);
    }
    for (const auto& [size, group] : our_sizes) pair_up(group, their_sizes.at(size));
  }

  void pair_up(const Group& ours, const Group& theirs) {
    for (std::size_t i = 0; i < ours.size(); ++i) pairs_.emplace_back(ours[i], theirs[i]);
  }

  [[noreturn]] void refuse(const std::string& kind, std::size_t ours, std::size_t theirs) const {
    fail(op_,
         "{}: its tensors do not fit the network, which has {} of {} where the file has {}\n{}",
         source_, ours == 1 ? "1 layer" : fmt::format("{} layers", ours), kind, theirs,
         side_by_side());
  }

  [[noreturn]] void refuse_order(const Group& alike) const {
    std::string names;
    for (const Layer* layer : alike) names += (names.empty() ? "" : ", ") + layer->name;
    fail(op_,
         "{}: {} are alike, and as the file's tensors are sorted by name, nothing tells their "
         "order; write it with that, save_file(w, FILE, {{'order': ' '.join(w)}})\n{}",
         source_, names, side_by_side());
  }

  // All tensors of both, ours on the left.
  std::string side_by_side() const {
    const auto texts = [](const Layers& layers) {
      std::vector<std::string> lines;
      for (const Layer& layer : layers) {
        for (const auto& [name, tensor] : layer.tensors) {
          lines.push_back(fmt::format("{} {}", name, tensor.shape()));
        }
      }
      return lines;
    };
    const std::vector<std::string> left = texts(ours_), right = texts(theirs_);
    const std::string title = "the network";
    std::size_t width = title.size();
    for (const std::string& text : left) width = std::max(width, text.size());
    constexpr std::size_t most = 200;
    const std::size_t rows = std::max(left.size(), right.size());
    std::string table = fmt::format("  {:<{}}  the file", title, width);
    for (std::size_t i = 0; i < std::min(rows, most); ++i) {
      table += fmt::format("\n  {:<{}}  {}", i < left.size() ? left[i] : "", width,
                           i < right.size() ? right[i] : "");
    }
    if (rows > most) table += fmt::format("\n  and {} rows more", rows - most);
    return table;
  }

  const char* op_;
  std::string source_;
  Layers ours_, theirs_;
  std::string order_;  // what tells the order of theirs; "": nothing but the numbers in names
  std::string by_;     // what had to tell it
  std::vector<LayerPair> pairs_;
};

std::vector<std::string> names_of(const TensorFile& file) {
  std::vector<std::string> names = file.skipped;
  for (const NamedTensor& tensor : file.tensors) names.push_back(tensor.name);
  return names;
}

// The file with its tensors under other names.
template <class Rename>
TensorFile renamed(const TensorFile& file, const Rename& rename) {
  TensorFile other = file;
  for (NamedTensor& tensor : other.tensors) tensor.name = rename(tensor.name);
  return other;
}

}  // namespace

std::string WeightMatch::str() const {
  std::string text;
  const auto say = [&text](const std::string& line) { text += (text.empty() ? "" : "\n") + line; };
  if (!prefix.empty()) say(fmt::format("its names begin with {}, which is left out", prefix));
  if (!passed_over.empty()) {
    say(fmt::format("passed over: {}{}", passed_over.front(),
                    passed_over.size() == 1
                        ? ""
                        : fmt::format(" and {} more of its kind", passed_over.size() - 1)));
  }
  if (pairs.empty()) return text;
  say("its names are not the network's; what has the same kind and shape goes together" +
      (by.empty() ? "" : ", and among equals " + by + " decides") + ":");
  std::size_t theirs = 0, ours = 0;
  for (const WeightPair& pair : pairs) {
    theirs = std::max(theirs, pair.theirs.size());
    ours = std::max(ours, pair.ours.size());
  }
  for (const WeightPair& pair : pairs) {
    say(fmt::format("  {:<{}}  →  {:<{}}  {}", pair.theirs, theirs, pair.ours, ours, pair.shape));
  }
  return text;
}

WeightMatch match_weights(const char* op, const std::string& source, const Module& module,
                          const TensorFile& file) {
  WeightMatch match;
  for (const std::string& name : file.skipped) {
    if (name.ends_with(counter)) match.passed_over.push_back(name);
  }
  if (has_names_of(module, file)) return match;
  match.prefix = shared_prefix(names_of(file));
  const std::size_t cut = match.prefix.size();
  const TensorFile bare =
      renamed(file, [cut](const std::string& name) { return name.substr(cut); });
  if (has_names_of(module, bare)) return match;
  const std::vector<NamedTensor> ours = named_state(module);
  Matcher matcher(op, source, ours, file);
  std::map<std::string, const NamedTensor*> place;  // of theirs, by our name
  for (const auto& [our, their] : matcher.pairs()) {
    for (const NamedTensor& tensor : our->tensors) {
      const auto same_member = [&](const NamedTensor& other) {
        return member(other.name) == member(tensor.name);
      };
      place[tensor.name] = &*std::ranges::find_if(their->tensors, same_member);
    }
  }
  match.by = matcher.by();
  match.prefix.clear();
  for (const NamedTensor& tensor : ours) {
    match.pairs.push_back({.ours = tensor.name,
                           .theirs = place.at(tensor.name)->name,
                           .shape = tensor.tensor.shape()});
  }
  return match;
}

WeightMatch assign_foreign(const char* op, const std::string& source, Module& module,
                           const TensorFile& file) {
  WeightMatch match = match_weights(op, source, module, file);
  std::map<std::string, std::string> ours;
  for (const WeightPair& pair : match.pairs) ours[pair.theirs] = pair.ours;
  assign_state(op, source, module, renamed(file, [&](const std::string& name) {
                 return match.same_names() ? name.substr(match.prefix.size()) : ours.at(name);
               }));
  return match;
}

}  // namespace limbeck
