#include "nn/import/onnx_program.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace limbeck::imported {
namespace {

// The nodes that lead to a value, in their order.
std::vector<Node> needed_for(const std::string& answer, std::vector<Node> nodes) {
  std::set<std::string> wanted = {answer};
  std::vector<Node> kept;
  for (auto node = nodes.rbegin(); node != nodes.rend(); ++node) {
    const auto gives = [&](const std::string& name) { return wanted.contains(name); };
    if (std::ranges::none_of(node->outputs, gives)) continue;
    wanted.insert(node->inputs.begin(), node->inputs.end());
    wanted.erase("");
    kept.push_back(std::move(*node));
  }
  std::ranges::reverse(kept);
  return kept;
}

// Whether a node that gives the answer makes it of its input alone and leaves the input's ranking
// of the classes as it is, if these are all that an image's answer has.
bool adds_nothing(const Node& node, const std::string& answer) {
  if (node.outputs[0] != answer || node.inputs.size() != 1) return false;
  if (node.type == "Identity") return true;
  return node.type == "Softmax" &&
         std::ranges::all_of(node.attributes, [](const Attribute& attribute) {
           const Index* const axis = std::get_if<Index>(&attribute.value);
           return attribute.name == "axis" && axis != nullptr && (*axis == 1 || *axis == -1);
         });
}

// Of nodes by name, once each: "Einsum, If and Loop"; of many the first eight.
std::string unknown_operators(const std::vector<Node>& nodes) {
  constexpr std::size_t shown = 8;
  std::vector<std::string> unknown;
  std::set<std::string> seen;
  for (const Node& node : nodes) {
    const bool known = operators().contains(node.type);
    if (!known && seen.insert(node.type).second) unknown.push_back(node.type);
  }
  if (unknown.size() > shown + 1) {
    const std::size_t more = unknown.size() - shown;
    unknown.resize(shown);
    unknown.push_back(fmt::format("{} more", more));
  }
  std::string text;
  for (std::size_t i = 0; i < unknown.size(); ++i) {
    text += fmt::format("{}{}", i == 0 ? "" : i + 1 == unknown.size() ? " and " : ", ", unknown[i]);
  }
  return text;
}

// A tensor without elements takes no memory, so no limit of it bounds the other dimensions, of
// which operators make lists and products.
void check_dimensions(const Call& call) {
  constexpr Index most = Index{1} << 40;
  for (std::size_t i = 0; i < call.inputs(); ++i) {
    if (!call.has(i) || call.tensor(i).size() > 0) continue;
    const Shape& shape = call.tensor(i).shape();
    Index product = 1;
    for (const Index dim : shape) {
      if (dim > largest_whole || product > most / std::max<Index>(dim, 1)) {
        call.refuse("input {} has the shape {}: without elements, and too large", i, shape);
      }
      product *= std::max<Index>(dim, 1);
    }
  }
}

}  // namespace

Program::Program(File file, const std::string& source, bool leave_out_softmax)
    : source_(source), operator_set_(file.operator_set) {
  if (file.inputs.size() != 1) refuse("it has {} inputs; one is known: images", file.inputs.size());
  if (file.outputs.empty()) refuse("it has no output");
  input_ = file.inputs[0];
  output_ = file.outputs[0];
  place_of(input_.name);
  for (auto& [name, value] : file.constants) {
    const std::size_t place = place_of(name);
    constants_[place] = std::move(value);
  }
  std::vector<Node> nodes = needed_for(output_.name, std::move(file.nodes));
  std::string answer = output_.name;
  while (!nodes.empty() && !left_out_softmax_ && adds_nothing(nodes.back(), answer)) {
    const bool is_softmax = nodes.back().type == "Softmax";
    if (is_softmax && !leave_out_softmax) break;
    left_out_softmax_ = is_softmax;
    answer = nodes.back().inputs[0];
    nodes.pop_back();
  }
  const std::string unknown = unknown_operators(nodes);
  if (!unknown.empty()) {
    refuse(
        "operators that are not known here: {}; export it with opset_version=17, in evaluation "
        "mode, or write the layer in other operators",
        unknown);
  }
  link(std::move(nodes));
  answer_ = places_.contains(answer) ? places_[answer] : none;
  if (answer_ == none) refuse("no node gives the output \"{}\"", answer);
  fold();
  if (constants_[answer_].is_given())
    refuse("the output \"{}\" is the same for all images", answer);
  find_last_uses();
}

std::size_t Program::place_of(const std::string& name) {
  const auto [entry, is_new] = places_.emplace(name, constants_.size());
  if (is_new) constants_.emplace_back();
  return entry->second;
}

void Program::link(std::vector<Node> nodes) {
  for (Node& node : nodes) {
    const Operator& op = imported::operators().at(node.type);
    const std::string where = node.str();
    if (node.inputs.size() < op.fewest || node.inputs.size() > op.most) {
      refuse("{} has {} inputs; {} to {} are known", where, node.inputs.size(), op.fewest, op.most);
    }
    Step step{.node = {},
              .op = &op,
              .name = std::make_shared<const std::string>(where),
              .inputs = {},
              .outputs = {}};
    for (const std::string& input : node.inputs) {
      const bool optional = input.empty();
      if (!optional && !places_.contains(input)) {
        refuse("{} takes \"{}\", which no node before it gives", where, input);
      }
      step.inputs.push_back(optional ? none : places_[input]);
    }
    for (const std::string& output : node.outputs) {
      if (!output.empty() && places_.contains(output)) {
        refuse("{} gives \"{}\", which is there already", where, output);
      }
      step.outputs.push_back(output.empty() ? none : place_of(output));
    }
    step.node = std::move(node);
    steps_.push_back(std::move(step));
  }
}

std::vector<Value> Program::compute(const Step& step, const std::vector<Value>& values,
                                    bool asks) const {
  const LayerScope scope(step.name);
  std::vector<Value> inputs;
  for (const std::size_t place : step.inputs) {
    if (place == none) {
      inputs.emplace_back();
      continue;
    }
    inputs.push_back(constants_[place].is_given() ? constants_[place] : values[place]);
    if (!inputs.back().is_given()) {
      fail(step.node.type.c_str(), "it takes \"{}\", a second result that is not computed here",
           step.node.inputs[inputs.size() - 1]);
    }
  }
  std::set<std::string> asked;
  const Call call(step.node, operator_set_, std::move(inputs), asks ? &asked : nullptr);
  check_dimensions(call);
  std::vector<Value> results = step.op->compute(call);
  for (const Attribute& attribute : step.node.attributes) {
    if (asks && !asked.contains(attribute.name)) {
      call.refuse("the attribute {} is not known here", attribute.name);
    }
  }
  for (const Value& result : results) {
    if (!result.whole) continue;
    for (const real x : result.tensor.values()) {
      if (!(std::abs(x) <= static_cast<real>(largest_whole))) {
        call.refuse("it gives the whole number {}, beyond 2^24, up to which they are exact", x);
      }
      if (x != std::floor(x)) call.refuse("it gives {} where whole numbers are to be", x);
    }
  }
  return results;
}

// What depends on constants alone becomes one.
void Program::fold() {
  const std::vector<Value> no_values(constants_.size());
  std::erase_if(steps_, [&](const Step& step) {
    const auto is_constant = [&](std::size_t place) {
      return place == none || constants_[place].is_given();
    };
    if (!std::ranges::all_of(step.inputs, is_constant)) return false;
    const std::vector<Value> results = compute(step, no_values, true);
    for (std::size_t i = 0; i < std::min(results.size(), step.outputs.size()); ++i) {
      if (step.outputs[i] != none) constants_[step.outputs[i]] = results[i];
    }
    return true;
  });
}

void Program::find_last_uses() {
  std::set<std::size_t> later = {answer_};
  for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
    for (const std::vector<std::size_t>& list : {step->outputs, step->inputs}) {
      for (const std::size_t place : list) {
        if (place != none && later.insert(place).second) step->last.push_back(place);
      }
    }
  }
}

Tensor Program::run(const Tensor& x, bool asks) const {
  std::vector<Value> values(constants_.size());
  values[places_.at(input_.name)] = {.tensor = x};
  for (const Step& step : steps_) {
    std::vector<Value> results = compute(step, values, asks);
    for (std::size_t i = 0; i < std::min(results.size(), step.outputs.size()); ++i) {
      if (step.outputs[i] != none) values[step.outputs[i]] = std::move(results[i]);
    }
    for (const std::size_t place : step.last) values[place] = {};
  }
  if (!values[answer_].is_given()) refuse("its output is not computed");
  return values[answer_].tensor;
}

std::vector<std::pair<std::string, Index>> Program::operators() const {
  std::vector<std::pair<std::string, Index>> counts;
  for (const Step& step : steps_) {
    const auto same = [&](const auto& count) { return count.first == step.node.type; };
    const auto found = std::ranges::find_if(counts, same);
    if (found == counts.end()) {
      counts.emplace_back(step.node.type, 1);
    } else {
      ++found->second;
    }
  }
  return counts;
}

std::vector<Program::Weight> Program::weights() const {
  std::vector<Weight> weights(constants_.size());
  for (const Step& step : steps_) {
    for (std::size_t i = 0; i < step.inputs.size(); ++i) {
      const std::size_t place = step.inputs[i];
      if (place == none || !constants_[place].is_given() || constants_[place].whole) continue;
      const bool statistics = step.node.type == "BatchNormalization" && i >= 3;
      weights[place] = {.named = {step.node.inputs[i], constants_[place].tensor},
                        .statistics = statistics};
    }
  }
  std::erase_if(weights, [](const Weight& weight) { return !weight.named.tensor.defined(); });
  return weights;
}

}  // namespace limbeck::imported
