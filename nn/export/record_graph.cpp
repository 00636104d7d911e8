// A network runs twice, and what both runs tell becomes a graph. (nn/export/graph.h says why.)
#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <optional>
#include <tuple>

#include "core/autograd.h"
#include "core/error.h"
#include "core/inspect/recording.h"
#include "nn/export/graph.h"

namespace limbeck {
namespace {

constexpr Index few = 2, more = 3;  // images
const std::vector<GraphDim> no_dims;

struct Run {
  Tensor x, y;
  std::vector<RecordedOp> ops;
};

// For errors: names by place, where a part has none.
void name_layers(Module& network) {
  const std::vector<Module*> parts = network.modules();
  const auto is_unnamed = [](const Module* part) { return part->name().empty(); };
  if (std::any_of(parts.begin() + 1, parts.end(), is_unnamed)) network.set_name(network.name());
}

std::string layer_of(const RecordedOp& op) {
  return op.layer == nullptr ? "" : *op.layer;
}

Run run(Module& network, const Shape& image, Index images) {
  Rng rng(static_cast<std::uint64_t>(images));
  Run result{.x = uniform(image.with_front(images), -1, 1, rng), .y = {}, .ops = {}};
  const SavedElements saved(result.x.body().storage);
  const OpRecording recording;
  result.y = network(result.x);
  if (!saved.unchanged()) fail("export", "the network writes into the images that it is given");
  if (const RecordedOp* const op = recording.changed()) {
    refuse_op("export", {.op = op->op, .layer = layer_of(*op)},
              "had tensors whose elements were changed after it; let ops make new ones instead");
  }
  result.ops = recording.ops();
  return result;
}

// What a tensor is known by: a detached one, or a view of the same shape, is the same value.
using Key = std::tuple<const Storage*, Index, std::vector<Index>>;

Key key_of(const Tensor& x) {
  const detail::TensorBody& body = x.body();
  return {body.storage.get(), body.offset, {body.shape.begin(), body.shape.end()}};
}

bool same_elements(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && std::memcmp(a.data(), b.data(), a.values().size_bytes()) == 0;
}

// Whether each row of x is like this one.
bool repeats(const Tensor& x, const Tensor& row) {
  for (Index i = 0; i < x.dim(0); ++i) {
    if (!same_elements(x.view(row.shape(), i * row.size()), row)) return false;
  }
  return true;
}

std::optional<std::vector<GraphDim>> dims_of(const Shape& a, const Shape& b) {
  if (a.rank() != b.rank()) return {};
  std::vector<GraphDim> dims;
  for (int i = 0; i < a.rank(); ++i) {
    const Index size = a.dim(i) / few;
    const bool grows = a.dim(i) == few * size && b.dim(i) == more * size;
    if (a.dim(i) != b.dim(i) && !grows) return {};
    dims.push_back(a.dim(i) == b.dim(i) ? GraphDim{a.dim(i), false} : GraphDim{size, true});
  }
  return dims;
}

// NaN is the same as itself here.
bool same_number(double p, double q) {
  return p == q || (std::isnan(p) && std::isnan(q));
}

bool same_attributes(const RecordedOp& a, const RecordedOp& b) {
  return std::ranges::equal(a.attributes, b.attributes, [](const Attribute& p, const Attribute& q) {
    return std::strcmp(p.name(), q.name()) == 0 &&
           std::ranges::equal(p.values(), q.values(), same_number);
  });
}

class Tracer {
 public:
  Tracer(const Module& network, const Run& a, const Run& b) : a_(a), b_(b) {
    for (const auto& list : {network.named_parameters(), network.named_buffers()}) {
      for (const auto& [name, tensor] : list) names_.emplace(key_of(tensor), name);
    }
  }

  Graph graph() {
    graph_.input = add_value(a_.x, b_.x);
    if (a_.ops.size() != b_.ops.size()) fail_as_others();
    for (std::size_t i = 0; i < a_.ops.size(); ++i) add_op(a_.ops[i], b_.ops[i]);
    const std::optional<std::size_t> output = find(a_.y, b_.y);
    if (!output || graph_.values[*output].is_constant()) {
      fail("export", "no op makes the network's result from the images");
    }
    if (*output == graph_.input) fail("export", "the network computes nothing");
    graph_.output = *output;
    detail::remove_unused_ops(graph_);
    for (const GraphOp& op : graph_.ops) {
      const auto complaint = complaints_.find(op.output);
      if (complaint != complaints_.end()) refuse_op("export", op, complaint->second);
    }
    return std::move(graph_);
  }

 private:
  [[noreturn]] static void fail_as_others() {
    fail("export", "the network runs other ops for {} images than for {} other ones", few, more);
  }

  // A value that both runs have.
  std::size_t add_value(const Tensor& a, const Tensor& b) {
    const std::size_t value = graph_.add({.dims = dims_of(a.shape(), b.shape()).value_or(no_dims)});
    known_a_[key_of(a)] = known_b_[key_of(b)] = value;
    return value;
  }

  // What these are in the two runs; nothing if no op has made or taken them yet.
  std::optional<std::size_t> find(const Tensor& a, const Tensor& b) const {
    const auto in_a = known_a_.find(key_of(a)), in_b = known_b_.find(key_of(b));
    if (in_a == known_a_.end() && in_b == known_b_.end()) return {};
    if (in_a == known_a_.end() || in_b == known_b_.end() || in_a->second != in_b->second) {
      fail_as_others();
    }
    return in_a->second;
  }

  // Keeps the elements of a value that are the same in both runs, or the same for each image.
  bool keep_constant(GraphValue& value, const Tensor& a, const Tensor& b) {
    const auto of_batch = [&](bool first) {
      const auto begin = value.dims.begin() + (first ? 0 : 1);
      return std::any_of(begin, first ? begin + 1 : value.dims.end(),
                         [](const GraphDim& dim) { return dim.of_batch; });
    };
    if (key_of(a) == key_of(b) || same_elements(a, b)) {
      value.constant = a.clone();
    } else if (!value.dims.empty() && of_batch(true) && !of_batch(false)) {
      const Tensor row = a.view(a.shape().without_front().with_front(1));
      if (repeats(a, row) && repeats(b, row)) value.constant = row.clone();
    }
    return value.is_constant();
  }

  // The place of an op's input, which is a constant if it is met for the first time.
  std::size_t input(const Tensor& a, const Tensor& b, std::string& complaint) {
    if (const auto known = find(a, b)) return *known;
    const std::size_t place = add_value(a, b);
    GraphValue& value = graph_.values[place];
    const auto name = names_.find(key_of(a));
    value.name = name == names_.end() ? a.name() : name->second;
    if (!keep_constant(value, a, b)) {
      complaint = fmt::format(
          "takes a tensor {} that is another one for other images, though no op made it; compute "
          "it by ops, or by one of your own that calls record()",
          a.shape());
    }
    return place;
  }

  void add_op(const RecordedOp& a, const RecordedOp& b) {
    if (std::strcmp(a.op, b.op) != 0 || a.inputs.size() != b.inputs.size()) fail_as_others();
    GraphOp op{.op = a.op, .layer = layer_of(a), .attributes = a.attributes};
    std::string complaint;
    bool constant = true, repeated = false;  // inputs that do not depend on the images; but on N
    for (std::size_t i = 0; i < a.inputs.size(); ++i) {
      if (a.inputs[i].defined() != b.inputs[i].defined()) fail_as_others();
      op.inputs.push_back(GraphOp::none);
      if (!a.inputs[i].defined()) continue;
      op.inputs.back() = input(a.inputs[i], b.inputs[i], complaint);
      const GraphValue& value = graph_.values[op.inputs.back()];
      constant = constant && value.is_constant();
      repeated = repeated || std::ranges::any_of(value.dims, &GraphDim::of_batch);
    }
    if (!same_attributes(a, b)) complaint = "does something else for another number of images";
    if (!dims_of(a.y.shape(), b.y.shape())) {
      complaint = fmt::format("gives {} for {} images and {} for {}: sizes that are no multiples",
                              a.y.shape(), few, b.y.shape(), more);
    }
    op.output = add_value(a.y, b.y);
    GraphValue& value = graph_.values[op.output];
    if (constant && complaint.empty() && keep_constant(value, a.y, b.y)) {
      if (op.op == "reshape") value.name = graph_.values[op.inputs[0]].name;
      return;
    }
    if (constant && !repeated && complaint.empty()) {
      complaint = "computes with something that is no input of it";
    }
    if (!complaint.empty()) complaints_[op.output] = complaint;
    graph_.ops.push_back(std::move(op));
  }

  const Run& a_;
  const Run& b_;
  Graph graph_;
  std::map<Key, std::size_t> known_a_, known_b_;
  std::map<Key, std::string> names_;
  std::map<std::size_t, std::string> complaints_;  // by the output of the op
};

}  // namespace

Graph record_graph(Module& network, const Shape& image) {
  const NoGrad no_grad;
  const EvalMode eval_mode(network);
  name_layers(network);
  const Run a = run(network, image, few), b = run(network, image, more);
  Graph graph = Tracer(network, a, b).graph();
  detail::split_fused_ops(graph);
  return graph;
}

}  // namespace limbeck
