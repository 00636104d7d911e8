// Module: what a layer or a network is.
//
// A layer is parameters and a composition of ops. It says what it computes (forward), what it is
// called (describe), and lists its parts once (parts). From that list come the names of parameters,
// switching between training and evaluation, counting and printing:
//
//   class ResidualBlock : public Module {               // y = x + W₂ relu(W₁ x)
//    public:
//     ResidualBlock(Index width, Rng& rng)
//         : inner_({.in = width, .out = width}, rng), outer_({.in = width, .out = width}, rng) {}
//     std::string describe() const override { return "ResidualBlock"; }
//
//    protected:
//     Tensor forward(const Tensor& x) override { return x + outer_(relu(inner_(x))); }
//     void parts(Parts& parts) override {
//       parts("inner", inner_);
//       parts("outer", outer_);
//     }
//
//    private:
//     Linear inner_, outer_;
//   };
//
// Layers without parameters or state need no class: Sequential takes functions (nn/sequential.h).
#pragma once

#include <string>
#include <typeinfo>
#include <utility>
#include <vector>

#include "core/function_ref.h"
#include "core/layer_scope.h"
#include "core/random.h"

namespace limbeck {

class Module;

// Collects what a module lists in parts(), and what the modules within it list in theirs. Names
// join with dots: "0.weight", "block.inner.bias". What is not defined, a bias that is not there, is
// passed over.
class Parts {
 public:
  // A parameter: what an optimizer changes.
  void operator()(const std::string& name, const Tensor& parameter);
  // A module within this one.
  void operator()(const std::string& name, Module& child);
  // State that is saved and loaded with the parameters and is none: no gradient, no optimizer. The
  // running statistics of batch normalisation are the example.
  void buffer(const std::string& name, const Tensor& state);
  // A generator that the layer draws from: no weight, but a training that is to go on after a stop
  // must go on with it too.
  void random(const std::string& name, Rng& rng);

 private:
  friend class Module;

  std::vector<NamedTensor> parameters_, buffers_;
  std::vector<std::pair<std::string, Rng*>> generators_;
  std::vector<std::pair<std::string, Module*>> modules_;
  std::string prefix_;  // of the names of the module that lists: "block.inner."
};

// The base of all layers and networks.
class Module {
 public:
  Module() = default;
  virtual ~Module() = default;
  Module(Module&&) = default;  // moved, never copied: two networks sharing weights unawares
  Module& operator=(Module&&) = default;

  // Computes the output for a batch. Shapes are the layer's own; a network for images of C classes
  // takes (N, 1, H, W) and gives logits (N, C). (Of more than one tensor: nn/multi_input.h.)
  Tensor operator()(const Tensor& x);

  // What it is, with its sizes, for people: "Linear(784, 1200)".
  virtual std::string describe() const = 0;

  // Names this module and all in it, for errors, graphs and traces: with "student", the layer that
  // is its part "2" becomes "student.2", and that layer's weight "student.2.weight". Sequential
  // names what is added to it by position, so only a module of your own, or the whole network, need
  // be named.
  void set_name(const std::string& name);
  const std::string& name() const { return name_; }
  // The name and what it is, "student.2 (Linear)"; null without a name.
  const LayerName& layer_name() const { return layer_name_; }

  // The multiplications of this layer by itself for one image, of which it makes an output of this
  // shape (without N); 0 where they do not count.
  virtual Index multiply_adds(const Shape& output) const;

  // All parameters of this module and its children, in order, with their full names; one that two
  // parts share has both names, and is counted and given once by the others.
  std::vector<NamedTensor> named_parameters() const;
  std::vector<Tensor> parameters() const;
  Index parameter_count() const;

  // The state that is no parameter (Parts::buffer), named in the same way; not in the count above.
  std::vector<NamedTensor> named_buffers() const;

  // The generators that its parts draw from (Parts::random), named in the same way.
  std::vector<std::pair<std::string, Rng*>> named_generators();

  // Every module of the tree, this one first, under the name "", then in the order of parts().
  std::vector<std::pair<std::string, Module*>> named_modules();
  std::vector<Module*> modules();

  // Training mode (the state at first) or evaluation, in which dropout passes everything on.
  // Applies to all children too.
  void train(bool on = true);
  void eval() { train(false); }
  bool is_training() const;

  void zero_grad();  // clears the gradients of all parameters

 protected:
  // What operator() calls: the output for a batch.
  virtual Tensor forward(const Tensor& x) = 0;
  // Lists the layer's parameters, buffers, generators and children, each once, in order. At first
  // there are none.
  virtual void parts(Parts& parts) { static_cast<void>(parts); }

 private:
  friend class EvalMode;
  friend class RestoreModes;
  friend class Parts;
  friend class MultiInput;
  // What a call does around its work.
  Tensor call(FunctionRef<Tensor()> work);
  Parts all_parts(const std::string& name = "") const;

  bool training_ = true;
  mutable int evaluations_ = 0;  // EvalModes that hold it
  std::string name_;
  LayerName layer_name_;
};

// Whether a module is of this class itself: one that is derived from it may compute something else,
// so nobody may do its work for it.
template <class Layer>
bool is_exactly(const Module& module) {
  return typeid(module) == typeid(Layer);
}
// The module as what it exactly is, or null.
template <class Layer>
Layer* exactly(Module& module) {
  return is_exactly<Layer>(module) ? static_cast<Layer*>(&module) : nullptr;
}

// Holds a module in evaluation mode while it lives, whatever train() says, and leaves each part as
// it was. Several may hold one module at once, in several threads too.
class EvalMode {
 public:
  explicit EvalMode(Module& module);
  ~EvalMode();
  EvalMode(const EvalMode&) = delete;
  EvalMode& operator=(const EvalMode&) = delete;

 private:
  std::vector<Module*> held_;
};

// Gives each part of a module, when it dies, the mode back in which it found it.
class RestoreModes {
 public:
  explicit RestoreModes(Module& module);
  ~RestoreModes();
  RestoreModes(const RestoreModes&) = delete;
  RestoreModes& operator=(const RestoreModes&) = delete;

 private:
  std::vector<std::pair<Module*, bool>> before_;
};

// The multiplications of a whole network for one image of shape `input`. Runs it once, on zeros.
Index multiply_adds(Module& network, const Shape& input);

// A table of the modules that have no children, or parameters beside theirs: the name of each, what
// it is, the shape that it gives for one input of shape `input` (without N), its number of
// parameters and its multiply-adds, and the sums. Runs the network once, on zeros.
//
//   layer                            output  parameters  multiply-adds
//   0    Flatten                      (784)           0              0
//   1    Linear(784, 32)               (32)      25,120         25,088
std::string summary(Module& network, const Shape& input);

}  // namespace limbeck
