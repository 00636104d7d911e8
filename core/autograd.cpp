#include "core/autograd.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <utility>

#include "core/error.h"
#include "core/gradient_sink.h"
#include "core/parallel.h"

namespace limbeck {
namespace {

thread_local bool recording = true;

thread_local const detail::TensorBody* added_to = nullptr;  // by the node whose turn it is

// sum[at + i] += x[i]
void add_in_place(Tensor& sum, const Tensor& x, Index at = 0) {
  real* s = sum.data() + at;
  const real* p = x.data();
  parallel_for(x.size(), elementwise_grain, [=](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) s[i] += p[i];
  });
}

// The nodes whose output has a gradient and whose turn has not come, the latest created first.
class Queue {
 public:
  // If backward() stops half way, by an Error, no half-summed gradient may wait in the graph.
  ~Queue() {
    for (auto& node : heap_) node->grad = Tensor();
  }

  void add_gradient(const std::shared_ptr<detail::Node>& node, Tensor dy) {
    if (!node->grad.defined()) {
      heap_.push_back(node);
      std::ranges::push_heap(heap_, {}, &order);
    }
    detail::accumulate(node->grad, std::move(dy));
  }

  bool empty() const { return heap_.empty(); }

  std::shared_ptr<detail::Node> pop() {
    std::ranges::pop_heap(heap_, {}, &order);
    auto node = std::move(heap_.back());
    heap_.pop_back();
    return node;
  }

 private:
  static std::uint64_t order(const std::shared_ptr<detail::Node>& node) { return node->order; }

  std::vector<std::shared_ptr<detail::Node>> heap_;
};

void check_gradients(const detail::Node& node, const Gradients& dx) {
  if (dx.size() != node.inputs.size()) {
    fail("backward", "{} has {} inputs, and its gradient function gave {} gradients", node.op,
         node.inputs.size(), dx.size());
  }
  for (std::size_t i = 0; i < dx.size(); ++i) {
    if (!node.inputs[i].wants_grad()) continue;
    if (!dx[i].defined()) {
      if (detail::went_to_sink(node.inputs[i])) continue;
      if (&node.inputs[i].body() == added_to) continue;
      fail("backward", "{} gave no gradient for its input {}, which wants one", node.op, i);
    }
    if (dx[i].shape() != node.inputs[i].shape()) {
      fail("backward", "{} gave a gradient of shape {} for its input {} of shape {}", node.op,
           dx[i].shape(), i, node.inputs[i].shape());
    }
  }
}

// What error messages call the memory that an op saved: 'its input 1, "0.weight" of shape (3, 4)'.
std::string name_of(const SavedElements& saved, const detail::Node& node) {
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const Tensor& input = node.inputs[i];
    if (!input.defined() || input.body().storage.get() != saved.storage()) continue;
    const std::string name = input.name().empty() ? "" : fmt::format(", \"{}\"", input.name());
    return fmt::format("its input {}{} of shape {}", i, name, input.shape());
  }
  return fmt::format("its output of shape {}", node.shape);
}

void check_saved(const detail::Node& node) {
  for (const SavedElements& saved : node.saved) {
    if (saved.unchanged()) continue;
    fail("backward",
         "{} saved the elements of {} for its gradient, and they have been changed since; call "
         "backward() before they change, or compute with a clone() of them",
         node.op, name_of(saved, node));
  }
}

// What the node's gradient function makes of its dy.
Gradients gradients_of(detail::Node& node) {
  check_saved(node);
  detail::let_sinks_change(node);
  Tensor dy = std::exchange(node.grad, Tensor());
  std::optional<detail::BackwardWatch> watch;
  if (detail::watching()) watch.emplace();
  added_to = nullptr;
  Gradients dx = node.backward(dy);
  check_gradients(node, dx);
  if (watch) watch->finish(node, dx);
  return dx;
}

// A leaf's gradient stays after backward(), and optimizers change it in place (clipping), so it
// gets memory of its own.
void give_to_leaf(detail::TensorBody& leaf, Tensor dx) {
  if (leaf.sink != nullptr) return detail::give_to_sink(leaf, std::move(dx));
  if (!leaf.grad.defined() && !dx.owns_alone()) dx = dx.clone();
  detail::accumulate(leaf.grad, std::move(dx));
}

Tensor record_saving(const char* op, Tensor y, std::vector<Tensor> inputs, Backward backward,
                     std::span<const Tensor> saved, Attributes attributes) {
  if (detail::watching()) detail::watch_forward(op, y, inputs, attributes);
  if (!recording || std::ranges::none_of(inputs, &Tensor::wants_grad)) return y;
  const detail::TensorBody* const body = &y.body();
  if (std::ranges::any_of(inputs,
                          [&](const Tensor& x) { return x.defined() && &x.body() == body; })) {
    fail("record", "{} gives one of its inputs as its result; give its clone() or its view()", op);
  }
  static std::atomic<std::uint64_t> created{0};
  auto node = std::make_shared<detail::Node>();
  node->op = op;
  node->order = created.fetch_add(1, std::memory_order_relaxed);
  node->shape = y.shape();
  node->layer = current_layer();
  node->saved.reserve(saved.size());
  for (const Tensor& tensor : saved) {
    if (tensor.defined()) node->saved.emplace_back(tensor.body().storage);
  }
  node->inputs = std::move(inputs);
  node->backward = std::move(backward);
  y.body().node = std::move(node);
  return y;
}

}  // namespace

Tensor record(const char* op, Tensor y, std::vector<Tensor> inputs, Backward backward) {
  const std::vector<Tensor> saved = inputs;
  return record_saving(op, std::move(y), std::move(inputs), std::move(backward), saved, {});
}

Tensor record(const char* op, Tensor y, std::vector<Tensor> inputs,
              std::initializer_list<Tensor> saved, Backward backward) {
  return record(op, std::move(y), std::move(inputs), saved, {}, std::move(backward));
}

Tensor record(const char* op, Tensor y, std::vector<Tensor> inputs,
              std::initializer_list<Tensor> saved, Attributes attributes, Backward backward) {
  return record_saving(op, std::move(y), std::move(inputs), std::move(backward),
                       std::span(saved.begin(), saved.size()), attributes);
}

NoGrad::NoGrad() : before_(std::exchange(recording, false)) {}

NoGrad::~NoGrad() {
  recording = before_;
}

bool is_recording() {
  return recording;
}

namespace {

// The gradient of this input that has begun, if it may be added to in place; else null.
Tensor* begun_gradient(const Tensor& input) {
  if (!input.wants_grad() || detail::detecting_anomalies()) return nullptr;
  detail::TensorBody& body = input.body();
  Tensor& grad = body.node != nullptr   ? body.node->grad
                 : body.sink != nullptr ? detail::gradient_of(*body.sink)
                                        : body.grad;
  if (!grad.defined() || !grad.owns_alone()) return nullptr;
  added_to = &body;
  return &grad;
}

}  // namespace

Tensor gradient_of_part(const Tensor& input, FunctionRef<void(real* gradient)> add) {
  if (Tensor* const begun = begun_gradient(input)) {
    add(begun->data());
    return {};
  }
  Tensor dx = Tensor::zeros(input.shape());
  add(dx.data());
  return dx;
}

bool add_to_gradient(const Tensor& input, Index begin, const Tensor& part) {
  Tensor* const begun = begun_gradient(input);
  if (begun != nullptr) add_in_place(*begun, part, begin);
  return begun != nullptr;
}

namespace detail {

// The first gradient is taken over without a copy, and a later one is added in place, but never
// into memory that somebody else can see: an op may hand the same tensor to two inputs (add does),
// or a view of its own dy (reshape does).
void accumulate(Tensor& grad, Tensor dx) {
  if (!dx.defined()) return;  // it has come in another way
  if (!grad.defined()) {
    grad = std::move(dx);
    return;
  }
  if (!grad.owns_alone()) grad = grad.clone();
  add_in_place(grad, dx);
}

void run_backward(const Tensor& root) {
  if (root.size() != 1) {
    fail("backward",
         "the tensor has shape {}; only a scalar has a gradient to start from: take its "
         "sum() or mean() first",
         root.shape());
  }
  if (!root.wants_grad()) {
    fail("backward",
         "nothing that this value was computed from wants a gradient; was it computed "
         "under NoGrad, or detached?");
  }
  const FlushDenormals flush_denormals;
  const NoGrad no_grad;  // gradients are computed with ops, and these need no graph of their own
  if (root.body().node == nullptr) {  // a leaf: d x / d x = 1
    give_to_leaf(root.body(), Tensor::full(root.shape(), 1));
    return;
  }
  Queue queue;
  queue.add_gradient(root.body().node, Tensor::full(root.shape(), 1));
  while (!queue.empty()) {
    const std::shared_ptr<Node> node = queue.pop();
    if (!node->backward) {
      node->grad = Tensor();
      fail("backward",
           "the graph through {} {} is freed already; backward() works once for each "
           "forward computation",
           node->op, node->shape);
    }
    const LayerScope scope(node->layer);
    Gradients dx = gradients_of(*node);
    for (std::size_t i = 0; i < dx.size(); ++i) {
      const Tensor& input = node->inputs[i];
      if (!input.wants_grad()) continue;
      if (input.body().node != nullptr) {
        queue.add_gradient(input.body().node, std::move(dx[i]));
      } else {
        give_to_leaf(input.body(), std::move(dx[i]));
      }
    }
    node->backward = nullptr;  // frees what the closure kept for this moment
    node->saved.clear();
    node->inputs.clear();
  }
}

// A graph that dies without backward() is a chain of owners as long as the computation, and letting
// each destroy the next from within would overflow the stack. So the outermost destructor empties a
// list to which the inner ones only add.
namespace {

struct Remains {
  std::vector<Tensor> inputs;
  Backward backward;
};

thread_local std::vector<Remains>* graveyard = nullptr;

}  // namespace

Node::~Node() {
  if (!backward) return;
  if (graveyard != nullptr) {
    graveyard->push_back({std::move(inputs), std::move(backward)});
    return;
  }
  std::vector<Remains> pending;
  graveyard = &pending;
  pending.push_back({std::move(inputs), std::move(backward)});
  while (!pending.empty()) {
    const Remains next = std::move(pending.back());
    pending.pop_back();
  }
  graveyard = nullptr;
}

}  // namespace detail
}  // namespace limbeck
