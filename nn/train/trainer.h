// Training a model: on labels, or with a loss of one's own.
#pragma once

#include <functional>
#include <vector>

#include "core/function_ref.h"
#include "nn/train/train_options.h"

namespace limbeck {

// Trains a model on hard labels by cross-entropy: fit(), below, with the one term "hard". Warnings
// in a report: the loss is not below ln C, which guessing gives, or there is a class that the model
// never decides for. Error: as fit(), or an image without a label.
std::vector<EpochReport> train_classifier(Module& model, const Dataset& train,
                                          const TrainOptions& options);

// Trains a model by any loss of a batch (nn/train/loss.h) and returns a report for each epoch.
// Every part of the model is left in the mode in which it was found, with the last weights, their
// average (weight_average) or those of the best epoch (patience). A training that goes on from a
// checkpoint calls on_epoch for the epochs that it still does, and returns the reports of all; what
// the loss is the file does not know, so a name of it belongs into checkpoint.run.
// Error: a loss that is not finite (it says where), options out of range, an empty dataset, a
// parameter that the loss depends on and nobody lists (nn/first_step.h), terms that change
// their names in the course of an epoch or are others on another rank, a checkpoint of another run.
// Stopped: when the checkpoint's `stop` asked for it.
std::vector<EpochReport> fit(Module& model, const Dataset& train, const TrainOptions& options,
                             const LossFunction& loss);

namespace detail {

// Moves what this part of a loss reaches. False if it is not finite, on one of the ranks where
// there are several: then it has moved nothing, and no later part may; the training refuses the
// sum.
using MovePart = FunctionRef<bool(const Tensor& part)>;

// What is learned in a training.
struct Task {
  LossFunction loss;
  // In its place, for parts that are moved one after another in a batch, by what came of those
  // before: calls `move` with each but the last, and gives the sum of all, whose graph is the last
  // one's. Together that is one step of the optimizer. Not where several batches make a step.
  std::function<Loss(const Step& step, MovePart move)> in_parts{};
  TrainingFacts facts{};  // what it depends on, for a checkpoint
  const std::vector<std::int32_t>* teacher_decisions = nullptr;  // on the test set, if known
  // The model's answer to a batch that it learns from, for who has something to do around it; if
  // empty, the model's.
  std::function<Tensor(const Tensor& images)> forward{};
};

// The same for those who know more of the loss.
std::vector<EpochReport> run_epochs(Module& model, const Dataset& train,
                                    const TrainOptions& options, const Task& task);
// A network's layers and its weights, as such facts.
std::string layers_of(Module& model);
std::string checksum_of(Module& model);

}  // namespace detail
}  // namespace limbeck
