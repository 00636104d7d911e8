#include "core/gradient_sink.h"

#include <atomic>
#include <deque>
#include <unordered_set>
#include <utility>

namespace limbeck {

struct detail::SinkState {
  explicit SinkState(const GradientSink& wanted)
      : sink{.leaf = wanted.leaf,
             .take = [this, &wanted](Index begin, std::span<const real> gradient) {
               taken += static_cast<Index>(gradient.size());
               wanted.take(begin, gradient);
             }} {}

  GradientSink sink;            // as it was given, but it counts
  Index uses = 0;               // that have not come yet
  Tensor grad;                  // their sum so far
  std::atomic<Index> taken{0};  // elements that it was given
};

namespace {

// Lets leaves know their sinks while it lives.
class SinkGuard {
 public:
  explicit SinkGuard(std::span<const GradientSink> sinks) {
    for (const GradientSink& sink : sinks) {
      sink.leaf.body().sink =
          &states_.emplace_back(sink);  // a deque's elements stay where they are
    }
  }
  ~SinkGuard() {
    for (const detail::SinkState& state : states_) state.sink.leaf.body().sink = nullptr;
  }
  SinkGuard(const SinkGuard&) = delete;
  SinkGuard& operator=(const SinkGuard&) = delete;

 private:
  std::deque<detail::SinkState> states_;
};

// How often the graph under `root` uses each leaf that has a sink.
void count_uses(const Tensor& root) {
  std::vector<const detail::Node*> pending = {root.body().node.get()};
  std::unordered_set<const detail::Node*> seen(pending.begin(), pending.end());
  while (!pending.empty()) {
    const detail::Node* const node = pending.back();
    pending.pop_back();
    for (const Tensor& input : node->inputs) {
      if (!input.wants_grad()) continue;
      const detail::TensorBody& body = input.body();
      if (body.sink != nullptr) ++body.sink->uses;
      if (body.node != nullptr && seen.insert(body.node.get()).second) {
        pending.push_back(body.node.get());
      }
    }
  }
}

}  // namespace

void backward_into(const Tensor& loss, std::span<const GradientSink> sinks) {
  const SinkGuard sink_guard(sinks);
  if (!sinks.empty() && loss.body().node != nullptr) count_uses(loss);
  detail::run_backward(loss);
}

const GradientSink* sink_of(const Tensor& input) {
  if (detail::detecting_anomalies()) return nullptr;  // whole gradients are looked at
  const detail::SinkState* const state = input.body().sink;
  return state != nullptr && state->uses == 1 && !state->grad.defined() ? &state->sink : nullptr;
}

namespace detail {

bool went_to_sink(const Tensor& input) {
  const SinkState* const state = input.body().sink;
  return state != nullptr && state->uses == 1 && state->taken == input.size();
}

void let_sinks_change(const Node& node) {
  for (const Tensor& input : node.inputs) {
    if (input.wants_grad() && sink_of(input) != nullptr) input.body().storage->changed();
  }
}

void give_to_sink(TensorBody& leaf, Tensor dx) {
  SinkState& state = *leaf.sink;
  accumulate(state.grad, std::move(dx));
  if (--state.uses > 0 || !state.grad.defined()) return;
  leaf.storage->changed();
  state.sink.take(0, std::as_const(state.grad).values());
  state.grad = Tensor();
}

Tensor& gradient_of(SinkState& sink) {
  return sink.grad;
}

}  // namespace detail
}  // namespace limbeck
