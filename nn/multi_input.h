// MultiInput: a module that computes with more than one tensor.
#pragma once

#include <concepts>
#include <vector>

#include "core/error.h"
#include "nn/module.h"

namespace limbeck {

// A module of a fixed number of inputs, each a tensor of its own: queries and what they look at,
// two images that are compared. It derives from this class and says what it computes in
// forward_all; everything else is a module's: names, parts, files, errors that tell the layer.
//
//   class Distance : public MultiInput {                // |f(a) − f(b)|² with one f for both
//    public:
//     Distance(Index in, Index features, Rng& rng)
//         : MultiInput(2), f_({.in = in, .out = features}, rng) {}
//     std::string describe() const override { return "Distance"; }
//
//    protected:
//     Tensor forward_all(const std::vector<Tensor>& x) override {
//       return sum_last(square(f_(x[0]) - f_(x[1])));
//     }
//     void parts(Parts& parts) override { parts("f", f_); }
//   …
//   const Tensor apart = distance(a, b);
//
// A Sequential, a summary and train_classifier hand on one tensor, so such a module is a part of
// one that takes one, or is trained by a loop of your own. Error: another number of inputs.
class MultiInput : public Module {
 public:
  explicit MultiInput(std::size_t inputs) : inputs_(inputs) {}

  using Module::operator();
  // The output for several inputs, as many as the constructor was told.
  template <std::same_as<Tensor>... More>
  Tensor operator()(const Tensor& first, const Tensor& second, const More&... more) {
    return call([&] { return checked({first, second, more...}); });
  }

 protected:
  // What operator() calls, with as many inputs.
  virtual Tensor forward_all(const std::vector<Tensor>& inputs) = 0;
  // Of one.
  Tensor forward(const Tensor& x) final { return checked({x}); }

 private:
  Tensor checked(const std::vector<Tensor>& inputs) {
    if (inputs.size() != inputs_) {
      fail(describe().c_str(), "the module takes {} inputs; got {}", inputs_, inputs.size());
    }
    return forward_all(inputs);
  }

  std::size_t inputs_;
};

}  // namespace limbeck
