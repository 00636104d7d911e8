// Checkpoints: a training that was stopped, by a person or by a failing machine, goes on where it
// was and ends with the same bits as one that never stopped.
//
//   TrainOptions options{.epochs = 20, ...};
//   options.checkpoint = {.file = "teacher.checkpoint", .run = {{"model", "mlp:1200,1200"}, ...}};
//   train_classifier(model, train, options);     // begins, or goes on if the file is there
#pragma once

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/shape.h"
#include "nn/distill/epoch_report.h"

namespace limbeck {

class Module;
class Optimizer;
class WeightAverage;

// Where a training keeps itself, and when it stops.
struct CheckpointOptions {
  std::string file{};  // written after every epoch, and when `stop` says so; empty: none
  // What the training is, by options that its numbers depend on. A file of another run is refused,
  // and the error names the difference.
  std::map<std::string, std::string> run{};
  // Asked after each batch: whether to stop there. The file is written, and Stopped thrown.
  std::function<bool()> stop{};
};

// The epochs that are over by the file, for what else is to go on with the training, a log say; 0
// if there is none. Error: the training's own when it reads the file, but that of another run.
Index epochs_done(const CheckpointOptions& options);

// Thrown by a training that was asked to stop.
class Stopped : public Error {
 public:
  using Error::Error;
};

namespace detail {

// Where a training is: `reports` has the epochs that are over, and of the next one `batches` are,
// with these sums.
struct TrainingPosition {
  std::vector<EpochReport> reports{};
  Index batches = 0;
  std::array<double, 4> sums{};
  double seconds = 0;  // spent on those batches
};

// All that changes while a network learns.
struct Learner {
  Module& model;
  Optimizer& optimizer;
  WeightAverage* average;  // or none
};

// Weights, the optimizer's and the average's memory, generators and position, as a safetensors file
// with elements of the type of `real`, written whole or not at all (core/file.h).
// Error: write_safetensors'.
void write_checkpoint(const CheckpointOptions& options, const Learner& learner,
                      const TrainingPosition& position);

// The same back, into the learner; none if there is no such file. Error: read_safetensors', or a
// file of another run or of none.
std::optional<TrainingPosition> read_checkpoint(const CheckpointOptions& options,
                                                const Learner& learner);

}  // namespace detail
}  // namespace limbeck
