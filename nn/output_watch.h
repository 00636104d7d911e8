// OutputWatch: what modules within a network give, told while the network computes.
#pragma once

#include <functional>
#include <vector>

#include "core/tensor.h"

namespace limbeck {

class Module;

// While one lives, each of its modules that this thread calls tells its output. Such a module is
// computed by itself and not in one pass with its neighbours, so that what it tells is its output.
// There may be several at once; a network that nobody watches pays a look at a pointer per module.
class OutputWatch {
 public:
  // Takes an output: the module, and what it gave, with the graph behind it.
  using Saw = std::function<void(const Module& module, const Tensor& y)>;

  // Of these modules; or of all that are called.
  OutputWatch(std::vector<const Module*> modules, Saw saw);
  explicit OutputWatch(Saw saw);
  ~OutputWatch();
  OutputWatch(const OutputWatch&) = delete;
  OutputWatch& operator=(const OutputWatch&) = delete;

 private:
  friend class Module;
  friend bool is_watched(const Module& module);
  static void tell(const Module& module, const Tensor& y);
  bool watches(const Module& module) const;

  std::vector<const Module*> modules_;
  bool all_ = false;
  Saw saw_;
  OutputWatch* before_;  // the one that this thread had before, which lives on
};

// Whether one that lives on this thread watches this module.
bool is_watched(const Module& module);

}  // namespace limbeck
