// Training a classifier: epochs, reports, and a word of warning when nothing is learned.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "data/data_loader.h"
#include "nn/module.h"
#include "nn/train/checkpoint.h"
#include "nn/train/epoch_report.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"

namespace limbeck {

// The optimizer for a model's parameters, at a learning rate to begin with.
using MakeOptimizer =
    std::function<std::unique_ptr<Optimizer>(std::vector<Tensor> parameters, double lr)>;

// How a classifier is trained, on hard labels or by distillation.
struct TrainOptions {
  Index epochs = 10;          // passes over the training set
  Index batch_size = 128;     // images for one step
  bool drop_last = false;     // of an epoch's batches the last one, if it is smaller
  double lr = 1e-3;           // at the beginning
  MakeOptimizer optimizer{};  // if empty, Adam
  Schedule schedule{};        // factor of lr by step; if empty, half a cosine towards 0 at the end
  Augmentation augment{};     // of the training images, anew every epoch
  // Above 0: in so many ways only, which then come again in turn (data/data_loader.h).
  Index views = 0;
  std::uint64_t seed = 0;         // of the order of images and of the augmentation
  const Dataset* test = nullptr;  // judged after every epoch, if given
  // Decay of a moving average of the weights (optim/average.h), by which the model is judged and
  // with which it is left; 0: none. Running statistics (batch normalisation's) are averaged too.
  double weight_average = 0;
  CheckpointOptions checkpoint{};      // to stop and go on
  std::function<void()> after_step{};  // after every step of the optimizer: for constraints
  std::function<void(const Progress&)> on_batch{};     // after every batch: for a progress bar
  std::function<void(const EpochReport&)> on_epoch{};  // after every epoch: for a table or a log
};

// Trains a model on hard labels by cross-entropy. Every part of the model is left in the mode in
// which it was found. Warnings in a report: the loss is not below ln C, which guessing gives, or
// there is a class that the model never decides for. A training that goes on
// from a checkpoint calls on_epoch for the epochs that it still does, and returns the reports of
// all. Error: a loss that is not finite (it says where), options out of range, an empty dataset, an
// image without a label, a checkpoint of another run. Stopped: when the checkpoint's `stop` asked
// for it.
std::vector<EpochReport> train_classifier(Module& model, const Dataset& train,
                                          const TrainOptions& options);

namespace detail {

// What the loss of a batch comes to: `total` is minimised, the two others are for the reports.
struct LossParts {
  Tensor total;
  double hard;  // of the images that have a label
  double soft;
};

// The epochs themselves, for any loss of a batch and the model's logits for it. `done` is how far
// the training is, from 0 in its first step to 1 in its last. `facts` tell a checkpoint of what the
// loss is made.
using BatchLoss = std::function<LossParts(const Batch& batch, const Tensor& logits, double done)>;
std::vector<EpochReport> run_epochs(Module& model, const Dataset& train,
                                    const TrainOptions& options, const BatchLoss& batch_loss,
                                    const std::vector<std::int32_t>* teacher_decisions,
                                    TrainingFacts facts);
// A network's layers and its weights, as such facts.
std::string layers_of(Module& model);
std::string checksum_of(Module& model);

}  // namespace detail
}  // namespace limbeck
