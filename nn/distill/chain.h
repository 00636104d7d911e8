// Chain: trainings one after another, each of which may learn from what an earlier one has made.
//
//   Chain({{.name = "assistant", .student = &assistant, .from = &teacher,
//           .objective = 0.1 * labels() + 0.9 * kd(), .options = options},
//          {.name = "student", .student = &student, .from = &assistant,
//           .objective = 0.1 * labels() + 0.9 * kd(), .options = options}},
//         {.folder = "run"})
//       .fit(train);
//
// The chains of the literature, teacher assistants, born-again networks and annealing, are lists of
// such steps: nn/distill/methods/chains.h.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "nn/distill/distiller.h"

namespace limbeck {

// One training of a chain.
struct ChainStep {
  std::string name;        // of its file: letters, digits, '-' and '_'; each name once
  Module* student;         // who learns; as an earlier step left it, if it learned there already
  Module* from = nullptr;  // who teaches; nobody: then no term may ask for a teacher
  Objective objective;     // by what
  TrainOptions options{};  // how long, and so on
  DistillerOptions how{};  // what else
  // From which images, if not from the chain's: from others, many more and without labels say,
  // where no term asks for these. They must outlive the chain.
  const Dataset* transfer_set = nullptr;
};

// What a chain does beside its steps.
struct ChainOptions {
  // Where each step keeps itself, NAME.checkpoint, if it has no checkpoint.file of its own. The
  // folder must be there. Empty: a chain that is stopped begins anew.
  std::string folder{};
  // Asked after each step of an optimizer whether to stop there, where a training does not ask
  // anything of its own (CheckpointOptions::stop).
  std::function<bool()> stop{};
  // After every training, with its reports; also after one that was over before: to save the
  // network, to print a line.
  std::function<void(const ChainStep&, const std::vector<EpochReport>&)> on_step{};
};

// Trains step by step. Networks keep their owners, who must outlive the chain; those without a name
// get that of their first step.
//
// A chain that was stopped anywhere goes on there, and ends with the bits of one that never was.
// Make the same networks and steps as the first time, and call fit: a step that is over is read
// back from its file, student, terms' modules and all, without a training; the one under way goes
// on in the midst of an epoch; later ones begin. The files know what the numbers depend on
// (nn/train/checkpoint.h), each step's teacher by the checksum of its weights, and a student that
// learns in several steps by the checksum of what it was when this step began. So where an earlier
// step was changed, longer say, the files of those behind it are refused: delete these. Steps may
// be added at the end of a chain that is over.
class Chain {
 public:
  // Error: no step; one without a name, a student, or with one that teaches itself; a name twice.
  explicit Chain(std::vector<ChainStep> steps, ChainOptions options = {});

  const std::vector<ChainStep>& steps() const { return steps_; }

  // Trains all that is not over, on this set where a step has none of its own, and gives each
  // step's reports. Error: before the first training, with the step's name, what check_training
  // (nn/train/train_options.h) says of any of them, or an image without a label where labels count;
  // later as Distiller::fit, or as fit() with an objective where nobody teaches. Stopped: when a
  // step was asked to.
  std::vector<std::vector<EpochReport>> fit(const Dataset& transfer_set);

 private:
  std::vector<EpochReport> fit(const ChainStep& step, const TrainOptions& options,
                               const Dataset& set) const;
  TrainOptions options_of(std::size_t step) const;

  std::vector<ChainStep> steps_;
  ChainOptions options_;
};

}  // namespace limbeck
