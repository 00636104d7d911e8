// What autograd and layers tell whoever watches them. It is core/inspect that does, and
// core/inspect/debug.cpp that defines these functions: core knows that it may be watched, and not
// by whom or for what.
#pragma once

#include <vector>

#include "core/attribute.h"
#include "core/tensor.h"

namespace limbeck::detail {

// Whether ops are looked at, by a trace, for anomalies or for a list of them: then they all come
// by record().
bool watching();
// Whether whole gradients are looked at: then none goes to its sink in parts.
bool detecting_anomalies();

// From record(): `op` has made y of the inputs.
void watch_forward(const char* op, const Tensor& y, const std::vector<Tensor>& inputs,
                   Attributes attributes);

// Around a node's gradient function: begun before it, finished with what it gave.
class BackwardWatch {
 public:
  BackwardWatch();
  ~BackwardWatch();
  void finish(const Node& node, const std::vector<Tensor>& dx);
};

// A layer begins, or ends: the time of an op that comes next is not counted from before.
void restart_trace_clock();

}  // namespace limbeck::detail
