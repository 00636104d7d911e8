#include "core/layer_scope.h"

#include "core/error.h"
#include "core/watch.h"

namespace limbeck {
namespace {

const LayerName no_layer;
thread_local const LayerName* current = &no_layer;

}  // namespace

LayerScope::LayerScope(const LayerName& layer) : before_(current) {
  if (layer != nullptr) current = &layer;
  detail::restart_trace_clock();
}

LayerScope::~LayerScope() {
  current = before_;
}

const LayerName& current_layer() {
  return *current;
}

std::string detail::layer_prefix() {
  return *current == nullptr ? "" : fmt::format("{}: ", **current);
}

}  // namespace limbeck
