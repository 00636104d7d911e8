#include "core/inspect/recording.h"

#include <algorithm>
#include <utility>

namespace limbeck {
namespace {

thread_local OpRecording* innermost = nullptr;

}  // namespace

OpRecording::OpRecording() : before_(std::exchange(innermost, this)) {}

OpRecording::~OpRecording() {
  innermost = before_;
}

OpRecording* OpRecording::current() {
  return innermost;
}

void OpRecording::add(const char* op, const Tensor& y, const std::vector<Tensor>& inputs,
                      Attributes attributes) {
  for (const Tensor& x : inputs) {
    if (x.defined()) saved_.push_back({ops_.size(), SavedElements(x.body().storage)});
  }
  saved_.push_back({ops_.size(), SavedElements(y.body().storage)});
  ops_.push_back({.op = op,
                  .y = y,
                  .inputs = inputs,
                  .attributes = {attributes.begin(), attributes.end()},
                  .layer = current_layer()});
}

const RecordedOp* OpRecording::changed() const {
  const auto found =
      std::ranges::find_if(saved_, [](const Saved& s) { return !s.elements.unchanged(); });
  return found == saved_.end() ? nullptr : &ops_[found->op];
}

}  // namespace limbeck
