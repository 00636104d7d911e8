// A list of the ops that run, with what each was told: a network written down.
#pragma once

#include <deque>
#include <vector>

#include "core/attribute.h"
#include "core/layer_scope.h"
#include "core/storage.h"
#include "core/tensor.h"

namespace limbeck {

// An op that has run, as record() was told of it (core/autograd.h).
struct RecordedOp {
  const char* op;                     // its name
  Tensor y;                           // its result
  std::vector<Tensor> inputs;         // undefined where an optional one was not given
  std::vector<Attribute> attributes;  // what it does beside them
  LayerName layer;                    // in which it was called, if any
};

// While one lives, all ops of this thread go into its list, in their order, whether or not an input
// wants a gradient; those of which gradients are made do not. It keeps their inputs and results, so
// that an address means one tensor. They nest: the innermost lists.
class OpRecording {
 public:
  OpRecording();
  ~OpRecording();
  OpRecording(const OpRecording&) = delete;
  OpRecording& operator=(const OpRecording&) = delete;

  const std::vector<RecordedOp>& ops() const { return ops_; }
  // The first op of which an input or the result has other elements now than when it ran; or null.
  const RecordedOp* changed() const;

  // The one that lists in this thread, or null; and what record() calls.
  static OpRecording* current();
  void add(const char* op, const Tensor& y, const std::vector<Tensor>& inputs,
           Attributes attributes);

 private:
  struct Saved {
    std::size_t op;  // its place in the list
    SavedElements elements;
  };

  std::vector<RecordedOp> ops_;
  std::deque<Saved> saved_;
  OpRecording* before_;
};

}  // namespace limbeck
