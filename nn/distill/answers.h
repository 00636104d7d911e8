// A teacher's answers in the course of a training. For the Distiller alone.
#pragma once

#include <string>
#include <vector>

#include "nn/distill/ensemble.h"
#include "nn/distill/taps.h"
#include "nn/train/train_options.h"

namespace limbeck::detail {

// What a teacher says of a batch, logits and taps, asked for once where images come again: on a
// fixed set before the first epoch, with views when each comes first. Of an ensemble the members'
// logits are kept, which it then averages at the T of the moment.
//
// What a network says of an image depends on that image alone, but for the last bit: products of
// matrices with more rows may add in another order. So that a training that goes on from a
// checkpoint has the bits of one that never stopped, it first asks about the batches that were. (Of
// ranks each asks about its share of the images, and tells the others.)
class Answers {
 public:
  // Whether they come again, and how much room they take then.
  struct Size {
    Index rows = 0;   // images, or views × images; 0: each is of another image
    Index bytes = 0;  // of all rows
  };
  static Size size_of(Module& teacher, const TapWatch& taps, const Dataset& set,
                      const TrainOptions& options);

  // The teacher must be in evaluation mode. With `keeps` rows that come again are kept.
  // Error, also later: an answer that is not finite.
  Answers(Module& teacher, TapWatch& taps, const std::vector<std::string>& paths,
          const Dataset& set, const TrainOptions& options, bool keeps);

  // On to a batch. Error: the teacher is not what it was when the answers that are kept were given.
  void ask(const Step& step);
  // The answer to that batch: logits at a temperature, and the outputs of the taps.
  Tensor logits(double temperature) const;
  const std::vector<Tensor>& taps() const { return taps_of_batch_; }

 private:
  // Logits, then taps: all (N, …), and finite.
  std::vector<Tensor> answers_to(const Tensor& images, std::span<const Index> indices);
  std::vector<Tensor> kept(const Batch& batch);
  // Keeps the answers to all batches before that of this step.
  void catch_up(const Step& step);
  void keep(const std::vector<Tensor>& answers, std::span<const Index> rows);
  // Of ranks each has kept some of the rows [begin, end): then each has what all have.
  void share(Index begin, Index end);
  void share_view_of(Index epoch);

  const Dataset& set_;
  const TrainOptions& options_;
  const Ranks* ranks_;  // where there are several; or null
  Module& teacher_;
  Ensemble* ensemble_;  // the teacher, if it is one; or null
  TapWatch& taps_;
  std::vector<std::string> paths_;
  std::vector<Tensor> kept_;  // (rows, …) each
  std::vector<bool> known_;   // these rows; empty where nothing is kept
  std::string teacher_then_;  // checksum of the teacher whose answers are kept
  Index epoch_ = 0;           // of the step before
  Tensor logits_;             // of the batch
  std::vector<Tensor> taps_of_batch_;
};

// Error, in the name of `op`: a row of `answer` is not finite. From it a student would learn what
// is no number, and the loss would be blamed. `what` is "the teacher's logits"; row i is of image
// images[i].
void check_answer(const char* op, const std::string& what, const Tensor& answer,
                  std::span<const Index> images);

}  // namespace limbeck::detail
