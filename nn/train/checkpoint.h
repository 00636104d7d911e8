// Checkpoints: a training that was stopped, by a person or by a failing machine, goes on where it
// was and ends with the same bits as one that never stopped.
//
//   TrainOptions options{.epochs = 20, ...};
//   options.checkpoint.file = "teacher.checkpoint";
//   train_classifier(model, train, options);     // begins, or goes on if the file is there
//
// The file knows what its numbers depend on: the network's layers, the images and their labels (by
// checksum), the teacher or its answers, T and α, the optimizer and its options, the seed, the
// sizes of batches, the schedule and so on. A training of which one of these differs is refused,
// with the difference. Of an objective it knows each term's weight and description. It does not
// know functions: a loss, a term or an augmentation of your own, after_step, the number of threads.
// What they depend on belongs into `run`, or into the term's description.
//
// A training that has done all its epochs can go on with more; one that ended before, by patience
// or stop_if, is over for good. It goes on from the weights themselves, not from their averages;
// the learning rate goes on where the new number of epochs says.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/random.h"
#include "nn/train/epoch_means.h"
#include "nn/train/epoch_report.h"
#include "optim/plateau.h"

namespace limbeck {

class Optimizer;
class Ranks;
class WeightAverage;

// Where a training keeps itself, and when it stops.
struct CheckpointOptions {
  std::string file{};  // written after every epoch, and when `stop` says so; empty: none
  // What else the training's numbers depend on, by names of the caller's. A file of another run is
  // refused, and the error names the difference.
  std::map<std::string, std::string> run{};
  // Asked after each step of the optimizer: whether to stop there. The file is written, and Stopped
  // thrown.
  std::function<bool()> stop{};
};

// The epochs that are over by the file, for what else is to go on with the training, a log say; 0
// if there is none. Error: the training's own when it reads the file, but that of another run.
Index epochs_done(const CheckpointOptions& options);
// Whether by the file a training of so many epochs is over, these being done or its end having come
// before: it will only be read back, so nothing need be prepared for it. Error: likewise.
bool is_over(const CheckpointOptions& options, Index epochs);

// Thrown by a training that was asked to stop.
class Stopped : public Error {
 public:
  using Error::Error;
};

namespace detail {

// What a training's numbers depend on: "batch size" → "128".
using TrainingFacts = std::map<std::string, std::string>;

// Where a training is: `reports` has the epochs that are over, and of the next one `batches` are,
// with these sums.
struct TrainingPosition {
  std::vector<EpochReport> reports{};
  Index batches = 0;
  EpochSums sums{};
  double seconds = 0;  // spent on those batches
  bool over = false;   // it ended before its last epoch
  PlateauState plateau{};
};

// All that changes while networks learn.
struct Learner {
  std::vector<NamedTensor> state;  // parameters and buffers
  Optimizer& optimizer;
  WeightAverage* average;  // or none
  std::vector<std::pair<std::string, Rng*>> generators;
  std::vector<NamedTensor> best{};  // copies of the best epoch's state, where they are kept
};

// Weights, the optimizer's and the average's memory, generators and position, as a safetensors file
// with elements of the type of `real`, written whole or not at all (core/files/file.h).
// Error: write_safetensors'.
void write_checkpoint(const CheckpointOptions& options, const TrainingFacts& facts,
                      const Learner& learner, const TrainingPosition& position);

// In what they are not the same: "epochs is 20 there and 40 here".
std::string difference(const TrainingFacts& there, const TrainingFacts& here);

// The same back, into the learner; none if there is no such file. Error: read_safetensors', or a
// file of another run or of none. Facts of a training that is over may have other "epochs" than
// these, fewer, and another "schedule". Of ranks the first reads it, and tells the others.
std::optional<TrainingPosition> read_checkpoint(const CheckpointOptions& options,
                                                const TrainingFacts& facts, const Learner& learner,
                                                const Ranks* ranks = nullptr);

}  // namespace detail
}  // namespace limbeck
