// LayerScope: in which layer of a network a thread is computing, for errors, traces and graphs.
//
// Module opens a scope around its forward pass, and backward() one around each op's gradient. An
// Error that is made within one begins with the layer:
//   student.2 (Linear): linear: the input has 10 features and the layer takes 784; …
#pragma once

#include <memory>
#include <string>

namespace limbeck {

// A layer's name for people, "student.2 (Linear)", shared by all that refer to it; or null.
using LayerName = std::shared_ptr<const std::string>;

// While one lives, its thread is in a layer; scopes nest.
class LayerScope {
 public:
  // This thread is in `layer` until the scope ends; a null name leaves it where it is. The name
  // must outlive the scope.
  explicit LayerScope(const LayerName& layer);
  explicit LayerScope(LayerName&&) = delete;
  ~LayerScope();
  LayerScope(const LayerScope&) = delete;
  LayerScope& operator=(const LayerScope&) = delete;

 private:
  const LayerName* before_;
};

// The innermost layer that this thread is in, or null.
const LayerName& current_layer();

}  // namespace limbeck
