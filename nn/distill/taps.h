// TapWatch: what modules within a network give, caught while it computes.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/function_ref.h"
#include "data/dataset.h"
#include "nn/module.h"

namespace limbeck {

// The outputs of some modules of a network for the batch that it has just been asked about:
//
//   TapWatch taps("Distiller", "student", student, {"1", "3"}, train);
//   const Tensor logits = taps.run([&] { return student(batch.images); });
//   const std::vector<Tensor> features = taps.take();  // of these very images
//
// What was caught is given once. So features of another batch, or of images that the network was
// judged by in between, cannot take its place.
class TapWatch {
 public:
  // Modules by their path in named_modules(), "7" or "block2.relu", with the network's name before
  // it or without; that name alone is the network. Asks the network about the first image of
  // `data`, in evaluation mode and without gradients, to see what there is.
  // Error, in the name of `op`: a path of no module, with a list of what there is; a module that
  // does not run when the network does, or runs more than once; an output without a row an image.
  TapWatch(const char* op, std::string whose, Module& network,
           const std::vector<std::string>& paths, const Dataset& data);

  // The number of classes of the network, by its answer to that image.
  Index classes() const { return classes_; }
  // What each path gives for one image, without N.
  const std::vector<Shape>& shapes() const { return shapes_; }

  // What `ask`, which runs the network for some images, gives; the outputs are caught meanwhile.
  // Error: a module that did not run once, or whose output has not as many rows as that of `ask`.
  Tensor run(FunctionRef<Tensor()> ask);
  // The outputs of the last run, in the order of the paths, and they are forgotten. Error: there
  // was none since the last call.
  std::vector<Tensor> take();

 private:
  // A module that is tapped, by one path or several.
  struct Tap {
    const Module* module;
    std::string path;
    Tensor output{};
    Index runs = 0;
  };

  void check_runs(const Tap& tap) const;

  const char* op_;
  std::string whose_;  // "student"
  Index classes_ = 0;
  std::vector<Shape> shapes_;
  std::vector<Tap> taps_;
  std::vector<std::size_t> tap_of_;  // each path
  bool ran_ = false;
};

}  // namespace limbeck
