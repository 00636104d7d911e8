#include "core/layer_scope.h"

#include "core/error.h"
#include "core/watch.h"

namespace limbeck {
namespace {

const LayerName no_layer;
thread_local const LayerName* innermost = &no_layer;

}  // namespace

LayerScope::LayerScope(const LayerName& layer) : before_(innermost) {
  if (layer != nullptr) innermost = &layer;
  detail::restart_trace_clock();
}

LayerScope::~LayerScope() {
  innermost = before_;
}

const LayerName& current_layer() {
  return *innermost;
}

std::string detail::layer_prefix() {
  return *innermost == nullptr ? "" : fmt::format("{}: ", **innermost);
}

}  // namespace limbeck
