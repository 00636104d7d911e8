// Sequential: layers one after the other; and functions as layers.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/ops/shape_ops.h"
#include "nn/module.h"
#include "nn/relu.h"

namespace limbeck {

// A layer without parameters or state: any function of a tensor, with a name for the summary.
class Function : public Module {
 public:
  // The function itself.
  using Body = std::function<Tensor(const Tensor&)>;
  explicit Function(Body body, std::string name = "Function")
      : body_(std::move(body)), name_(std::move(name)) {}

  std::string describe() const override { return name_; }

 protected:
  Tensor forward(const Tensor& x) override { return body_(x); }

 private:
  Body body_;
  std::string name_;
};

// (N, …) → (N, D). A class, like ReLU, so that others can see what it is.
class Flatten : public Module {
 public:
  std::string describe() const override { return "Flatten"; }

 protected:
  Tensor forward(const Tensor& x) override { return flatten(x); }
};

// x → layer 0 → layer 1 → …; parameters are named by position: "1.weight", "1.bias", "3.weight".
//
//   Sequential model(Flatten(), Linear({.in = 784, .out = 32}, rng), ReLU(),
//                    Linear({.in = 32, .out = 10}, rng));
//   model.add([](const Tensor& x) { return x * 2; });
class Sequential : public Module {
 public:
  Sequential() = default;
  // Of these layers, as add() takes them. A class derived from Sequential is a layer like others:
  // it may compute something else than its layers in turn.
  template <class First, class... Rest>
  requires(!std::is_same_v<Sequential, std::decay_t<First>> ||
           sizeof...(Rest) > 0) explicit Sequential(First&& first, Rest&&... rest) {
    add(std::forward<First>(first));
    (add(std::forward<Rest>(rest)), ...);
  }

  // Appends a module (moved in, or by its pointer) or a function from Tensor to Tensor. Returns
  // *this.
  template <class Layer>
  Sequential& add(Layer layer) {
    return insert(size(), module_of(std::move(layer)));
  }
  // The same before all others, whose numbers, and with them the names of their parameters, rise by
  // one.
  template <class Layer>
  Sequential& add_first(Layer layer) {
    return insert(0, module_of(std::move(layer)));
  }

  // The number of layers, and layer i.
  std::size_t size() const { return layers_.size(); }
  // Error: there is no layer i.
  Module& operator[](std::size_t i);

  std::string describe() const override { return "Sequential"; }

 protected:
  // Layers in a row that one op computes in one pass over memory are done so: Linear and ReLU,
  // Conv2d and ReLU, these two and a MaxPool2d of 2×2.
  Tensor forward(const Tensor& x) override;
  void parts(Parts& parts) override {
    for (std::size_t i = 0; i < layers_.size(); ++i) parts(std::to_string(i), *layers_[i]);
  }

 private:
  template <class Layer>
  static std::unique_ptr<Module> module_of(Layer layer) {
    if constexpr (std::is_convertible_v<Layer, std::unique_ptr<Module>>) {
      return std::unique_ptr<Module>(std::move(layer));
    } else if constexpr (std::is_base_of_v<Module, Layer>) {
      return std::make_unique<Layer>(std::move(layer));
    } else {
      return std::make_unique<Function>(std::move(layer));
    }
  }
  // Puts it before layer i, and names it and those after it.
  Sequential& insert(std::size_t i, std::unique_ptr<Module> layer);

  std::vector<std::unique_ptr<Module>> layers_;
};

}  // namespace limbeck
