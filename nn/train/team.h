// What the ranks of a training do together, beside their gradients. For the loop, and for who asks
// a teacher.
#pragma once

#include <string>
#include <vector>

#include "core/batch_share.h"
#include "core/function_ref.h"
#include "nn/train/checkpoint.h"
#include "nn/train/epoch_means.h"
#include "nn/train/ranks.h"

namespace limbeck {

struct Dataset;
struct TrainOptions;

namespace detail {

// The ranks of a training, or null where it is of one process.
const Ranks* ranks_of(const TrainOptions& options);

// What must be the same on all ranks, beside the networks and the loss.
TrainingFacts facts_for_all(const Dataset& train, const TrainOptions& options);
// Error, of all ranks: these facts are not the same everywhere.
void agree(const Ranks& ranks, const TrainingFacts& facts);

// What the first rank says. Error, of all ranks: in the words of what `first` threw there.
std::string said_by_first(const Ranks& ranks, FunctionRef<std::string()> first);

// body(), of which all ranks fail if one does: the others are told why (Ranks::give_up).
template <class Body>
auto together(const Ranks* ranks, const Body& body) {
  try {
    return body();
  } catch (const std::exception& error) {
    if (ranks != nullptr) ranks->give_up(error.what());
    throw;
  }
}

// Of one training.
class Team {
 public:
  // `state` is all that is trained, and its buffers.
  Team(const Ranks& ranks, const std::vector<NamedTensor>& state,
       const std::vector<Tensor>& parameters, bool synchronised);

  const Ranks& ranks() const { return ranks_; }
  // This rank's rows of a batch of so many images.
  BatchShare share_of(Index images) const;

  // To be called before a batch is begun.
  void begin();
  // To be called before send(), with the sums of the epoch so far: all ranks must send as many
  // terms. Error: the loss has other terms here than elsewhere, which all ranks see at the first
  // batch of an epoch; or than in the batches before, which ends this rank, and by that all.
  void check_terms(const Loss& loss, const EpochSums& before) const;
  // Sends what came of this rank's share, and whether it wants to stop after the step.
  void send(const Loss& loss, Index rows, const BatchShare& share, bool stop);
  // Waits for all: the values of the whole batch. Buffers that the batch has moved, as running
  // statistics, then are the same everywhere: they have moved by the mean over the images.
  BatchValues receive();
  bool stops() const { return stops_; }  // whether one of them wants to

  // Where these tensors are not those of the first rank, to the bit, makes them so, and says of
  // whom it was; "" where there is nothing to do.
  std::string align(const std::vector<Tensor>& tensors) const;

  double of_first(double number) const;
  bool any(bool yes) const;

 private:
  const Ranks& ranks_;
  bool synchronised_;
  std::vector<Tensor> buffers_, before_;
  std::vector<double> numbers_;  // under way
  std::vector<TermValue> terms_;
  PendingSum pending_;
  bool stops_ = false;
};

}  // namespace detail
}  // namespace limbeck
