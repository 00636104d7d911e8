#include "nn/output_watch.h"

#include <algorithm>
#include <utility>

namespace limbeck {
namespace {

thread_local OutputWatch* latest = nullptr;

}  // namespace

OutputWatch::OutputWatch(std::vector<const Module*> modules, Saw saw)
    : modules_(std::move(modules)), saw_(std::move(saw)), before_(std::exchange(latest, this)) {}

OutputWatch::OutputWatch(Saw saw) : OutputWatch({}, std::move(saw)) {
  all_ = true;
}

OutputWatch::~OutputWatch() {
  latest = before_;
}

bool OutputWatch::watches(const Module& module) const {
  return all_ || std::ranges::find(modules_, &module) != modules_.end();
}

void OutputWatch::tell(const Module& module, const Tensor& y) {
  for (const OutputWatch* watch = latest; watch != nullptr; watch = watch->before_) {
    if (watch->watches(module)) watch->saw_(module, y);
  }
}

bool is_watched(const Module& module) {
  for (const OutputWatch* watch = latest; watch != nullptr; watch = watch->before_) {
    if (watch->watches(module)) return true;
  }
  return false;
}

}  // namespace limbeck
