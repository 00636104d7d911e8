// How a model is trained: what train_classifier, fit and the Distiller take.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/augment.h"
#include "data/data_loader.h"
#include "data/dataset.h"
#include "data/mixup.h"
#include "nn/module.h"
#include "nn/train/checkpoint.h"
#include "nn/train/epoch_report.h"
#include "optim/optimizer.h"
#include "optim/plateau.h"
#include "optim/schedule.h"

namespace limbeck {

class Ranks;

// The optimizer for a model's parameters, at a learning rate to begin with.
using MakeOptimizer =
    std::function<std::unique_ptr<Optimizer>(std::vector<Tensor> parameters, double lr)>;

// A number of one's own, worked out after every epoch from the model's logits (N, C) for the test
// set and for the validation set, whichever there are; that of the latter is named
// "validation_NAME".
struct Metric {
  std::string name;  // letters, digits, '-' and '_'
  std::function<double(const Tensor& logits, const Dataset& data)> of;
};

// How a model is trained, on hard labels, by distillation or by a loss of one's own.
struct TrainOptions {
  Index epochs = 10;          // passes over the training set
  Index batch_size = 128;     // images whose gradients are worked out together
  bool drop_last = false;     // of an epoch's batches the last one, if it is smaller
  double lr = 1e-3;           // at the beginning
  MakeOptimizer optimizer{};  // if empty, Adam
  // The factor of lr at each step of the optimizer; if empty, half a cosine towards 0 at the end.
  Schedule schedule{};
  // Or, for who does not know how many steps there will be, a schedule for so many. Not both.
  std::function<Schedule(Index steps)> schedule_of{};
  // The rate falls as well where the errors on the validation set no longer do (optim/plateau.h).
  // Then the schedule, if it is empty, is constant.
  std::optional<PlateauOptions> plateau{};
  Augmentation augment{};  // of the training images, anew every epoch
  // Above 0: in so many ways only, which then come again in turn (data/data_loader.h).
  Index views = 0;
  // Of each batch after that: mixup, cutmix (data/mixup.h). Not with views.
  BatchAugmentation mix{};
  // Threads that prepare batches, the same ones for any number of them; all call `augment` and
  // `mix` at once. One is slower than a small network where images are distorted.
  int loader_threads = 1;
  // Of the order of images, of the augmentation and of which images validation_split takes.
  std::uint64_t seed = 0;

  // Batches for one step of the optimizer: the gradient is that of one batch of them all, to
  // rounding, in the memory of one of them. Batch normalisation still sees each by itself.
  Index accumulate = 1;
  // Above 0: the gradient of all parameters together is scaled down to this length (clip_grad_norm
  // in optim/constraint.h) before each step.
  double clip_norm = 0;
  // Above 0: before that, each element of the gradients is put into [−clip_value, clip_value].
  double clip_value = 0;
  // ε of cross-entropy: the label counts 1 − ε and ε is shared by all classes (nn/losses.h). In
  // train_classifier alone: a teacher that is trained so teaches less well, since it is taught to
  // hide which wrong classes are nearly right (Müller, Kornblith, Hinton, "When does label
  // smoothing help?", NeurIPS 2019).
  double label_smoothing = 0;
  // What the loss uses beside the model and is to be trained, averaged and kept in checkpoints with
  // it: an adaptor between a student's features and a teacher's, say. They must outlive the
  // training.
  std::vector<Module*> with{};

  const Dataset* test = nullptr;  // judged after every epoch, if given
  // Images to be judged by that choose: which epoch is the best, when to stop. Either a set of its
  // own, or this share of the training set, drawn at random, which then is not learned from.
  const Dataset* validation = nullptr;
  double validation_split = 0;  // in [0, 1)
  // Above 0: the training ends after so many epochs in a row without fewer errors on the validation
  // set, and the model is left with the weights of the best epoch (best_of in
  // nn/train/epoch_report.h; of equal ones the first).
  Index patience = 0;
  std::vector<Metric> metrics{};  // for the reports

  // Decay of a moving average of the weights (optim/average.h), by which the model is judged and
  // with which it is left; 0: none. Running statistics (batch normalisation's) are averaged too.
  double weight_average = 0;
  CheckpointOptions checkpoint{};  // to stop and go on

  // The processes that train together (nn/train/ranks.h): each works on a part of every batch, and
  // all make the same steps, by the gradient of the whole batch: the losses are those of one
  // process, to rounding. Order, augmentation, mixing and dropout are as in one process, too. What
  // a rank takes from a part of the batch alone differs: statistics, and terms of a loss that
  // compare images with one another, or are means over some of a batch's images.
  // Images, options and weights must be the same everywhere at the start, and a loss's terms at
  // that of an epoch; that is looked at first. All ranks end with the same weights and reports, and
  // every rank calls on_batch, on_epoch and stop_if, of which one is enough to end a training.
  // Files are the first rank's business alone. What one rank throws stops all. A checkpoint can go
  // on with another number of ranks.
  const Ranks* ranks = nullptr;
  // Batch normalisation takes its statistics from the whole batch, as one process would, at the
  // price of two sums more for every layer (core/batch_share.h).
  bool synchronised_statistics = false;

  std::function<void()> after_step{};  // after every step of the optimizer: for constraints
  std::function<void(const Progress&)> on_batch{};     // after every batch: for a progress bar
  std::function<void(const EpochReport&)> on_epoch{};  // after every epoch: for a table or a log
  // Asked after that: whether this epoch was the last.
  std::function<bool(const EpochReport&)> stop_if{};
};

// Error: what a training of this set with these options would refuse before its first step,
// whatever its network and its loss are: options out of range, a set that makes no batch or cannot
// judge, a schedule that so few steps are too short for. For who has several trainings to do and
// would know it before the first. Of fit() (nn/train/trainer.h), so label_smoothing must be 0.
void check_training(const Dataset& train, const TrainOptions& options);

namespace detail {

// Error: options out of range, or that exclude each other.
void check(const TrainOptions& options);
// What a training's numbers depend on by these options, for its checkpoint.
TrainingFacts facts_of(const TrainOptions& options);
// How a training's set becomes its batches, of these images; of all if there are none.
DataLoaderOptions loader_options(const TrainOptions& options, const std::vector<Index>& only);
// The steps of so many epochs, of so many batches that make a step together. Error: more than can
// be counted.
Index steps_of(Index epochs, Index batches, Index accumulate);
// The schedule for so many steps, and the optimizer, that the options ask for.
Schedule make_schedule(Index steps, const TrainOptions& options);
std::unique_ptr<Optimizer> make_optimizer(std::vector<Tensor> parameters,
                                          const TrainOptions& options);

}  // namespace detail
}  // namespace limbeck
