#include "core/inspect/debug.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <string_view>

#include "core/autograd.h"
#include "core/error.h"
#include "core/inspect/profile.h"
#include "core/inspect/recording.h"
#include "core/layer_scope.h"
#include "core/watch.h"

namespace limbeck {
namespace {

using Clock = std::chrono::steady_clock;

bool asked_by_environment() {
  const char* const value = std::getenv("LIMBECK_TRACE");
  return value != nullptr && std::string_view(value) != "" && std::string_view(value) != "0";
}

const bool tracing = asked_by_environment();
thread_local int anomaly_guards = 0;
thread_local int backward_depth = 0;  // above 0: ops are part of a gradient function
thread_local Clock::time_point since = Clock::now();

std::string shapes(const std::vector<Tensor>& tensors) {
  std::string text;
  for (const Tensor& t : tensors) {
    if (t.defined()) text += fmt::format("{}{}", text.empty() ? "" : " ", t.shape());
  }
  return text;
}

void print_trace(const char* direction, const char* op, const std::string& sizes) {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - since);
  const LayerName& layer = current_layer();
  const std::string line = fmt::format("{}  {:<14}  {:<48}  {:>8} µs  {}\n", direction, op, sizes,
                                       us.count(), layer == nullptr ? "" : *layer);
  std::fputs(line.c_str(), stderr);  // where it cannot be written, it is dropped
  since = Clock::now();
}

// "NaN at element 3", of the first element that is not finite; "" if all are.
std::string anomaly_of(const Tensor& x) {
  const auto values = x.values();
  const auto found = std::ranges::find_if(values, [](real v) { return !std::isfinite(v); });
  if (found == values.end()) return "";
  return fmt::format("{} at element {}",
                     std::isnan(*found) ? "NaN"
                     : *found > 0       ? "infinity"
                                        : "-infinity",
                     found - values.begin());
}

// "its input 1, student.2.weight (10, 64)"
std::string input_text(const std::vector<Tensor>& inputs, std::size_t i) {
  const std::string& name = inputs[i].name();
  return fmt::format("its input {}, {}{}{}", i, name, name.empty() ? "" : " ", inputs[i].shape());
}

void check_value(const char* op, const Tensor& y, const std::vector<Tensor>& inputs) {
  const std::string anomaly = anomaly_of(y);
  if (anomaly.empty()) return;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::string earlier = inputs[i].defined() ? anomaly_of(inputs[i]) : "";
    if (!earlier.empty()) {
      fail("detect_anomaly", "the first value that is not finite came into {}: {}, has {}", op,
           input_text(inputs, i), earlier);
    }
  }
  fail("detect_anomaly",
       "{} made the first value that is not finite: {} of {}, from finite inputs of shape {}", op,
       anomaly, y.shape(), shapes(inputs));
}

}  // namespace

DetectAnomaly::DetectAnomaly() {
  ++anomaly_guards;
}

DetectAnomaly::~DetectAnomaly() {
  --anomaly_guards;
}

namespace detail {

bool detecting_anomalies() {
  return anomaly_guards > 0;
}

bool watching() {
  return tracing || detecting_anomalies() || OpRecording::current() != nullptr ||
         Profile::current() != nullptr;
}

void restart_trace_clock() {
  if (tracing) since = Clock::now();
  if (Profile* const profile = Profile::current(); profile != nullptr && backward_depth == 0) {
    profile->was("rest", false);
  }
}

void watch_forward(const char* op, const Tensor& y, const std::vector<Tensor>& inputs,
                   Attributes attributes) {
  if (backward_depth > 0) return;
  if (Profile* const profile = Profile::current()) profile->was(op, false);
  if (OpRecording* const list = OpRecording::current()) list->add(op, y, inputs, attributes);
  if (tracing) print_trace("forward ", op, fmt::format("{} → {}", shapes(inputs), y.shape()));
  if (detecting_anomalies()) check_value(op, y, inputs);
}

BackwardWatch::BackwardWatch() {
  restart_trace_clock();
  ++backward_depth;
}

BackwardWatch::~BackwardWatch() {
  --backward_depth;
}

void BackwardWatch::finish(const Node& node, const std::vector<Tensor>& dx) {
  if (Profile* const profile = Profile::current()) profile->was(node.op, true);
  if (tracing) {
    print_trace("backward", node.op, fmt::format("{} ← {}", shapes(node.inputs), node.shape));
  }
  if (!detecting_anomalies()) return;
  for (std::size_t i = 0; i < dx.size(); ++i) {
    const std::string anomaly = dx[i].defined() ? anomaly_of(dx[i]) : "";
    if (anomaly.empty()) continue;
    fail("detect_anomaly", "the first gradient that is not finite is {}'s: {} of that for {}",
         node.op, anomaly, input_text(node.inputs, i));
  }
}

}  // namespace detail
}  // namespace limbeck
