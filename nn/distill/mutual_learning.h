// MutualLearning: students without a teacher, which learn from one another while all of them learn.
//
//   MutualLearning({&a, &b, &c}).fit(train, {.epochs = 10, .test = &test});
//
// Of K students with logits z_k, student k minimises
//
//   L_k = CE(z_k, y) + 1/(K − 1) Σ_{l ≠ k} T² KL(softmax(z_l / T) ‖ softmax(z_k / T)),   T = 1
//
// where the others' answers are constants: the divergence pulls k towards l and never l towards k.
// (With gradients into both sides it is another method, in which a student also moves so as to be
// easier to agree with.) dz_k = (softmax(z_k) − onehot(y)) / N + T (q_k − mean of q_l) / N.
//
// Why it helps, where nobody knows more than the others: students that began differently agree
// about the labels and not about the other classes, so each learns from the others' doubts and is
// less sure than on labels alone. The paper finds minima that are flatter, gains for large networks
// as for small ones, and more of it with more students. Early on the others know nothing, and the
// labels carry them. Students may differ in size.
//
// All students answer to the same images, changed alike, each in training mode with its own dropout
// and batch norm; then all are moved. In the paper, and with `in_turn`, they take turns within a
// batch: student k is moved by what those before it say after their step, and those behind it
// before theirs. The two differ slightly. There is one optimizer for all parameters, which is one
// for each student, as SGD and Adam look at each element by itself; but clip_norm measures all
// students together, and in turn each by itself. Memory and time are K times those of one, and of
// the K(K − 1) divergences on logits, which are cheap; in turn each but the last also answers a
// second time.
//
// Zhang, Xiang, Hospedales, Lu, "Deep Mutual Learning", CVPR 2018, section 2.
#pragma once

#include <span>
#include <vector>

#include "nn/train/trainer.h"

namespace limbeck {

// How students learn from one another.
struct MutualOptions {
  double labels = 1;       // weight of CE; 0: images need no labels
  double others = 1;       // weight of the mean divergence from the others
  double temperature = 1;  // T; the paper's
  // One divergence, from the mean of the others' probabilities, in place of the mean of K − 1: with
  // three students and more the paper found it to teach less.
  bool from_mean = false;
  // One student after the other in each batch, as in the paper, in place of all at once.
  bool in_turn = false;
};

// The second part of L_k, not weighted: logits z (N, C) of a student and those of the others, which
// get no gradient, → (). Error: no others, other shapes, T not a positive number.
Tensor others_loss(const Tensor& z, std::span<const Tensor> others,
                   const MutualOptions& options = {});

// Students that learn together. They must outlive it.
class MutualLearning {
 public:
  // Error: fewer than two students, one that is null; a weight below 0 or T out of range.
  explicit MutualLearning(std::vector<Module*> students, const MutualOptions& options = {});

  // Trains all of them. A report's terms are "labels" and "others" of the first student,
  // "labels-2" and "others-2" of the second, and so on. What the options say of the model's test
  // and validation, `errors`, patience, is about the first; the others' errors are metrics,
  // "errors-2" and "validation_errors-2". Checkpoints, weight_average and the best epoch's weights
  // have all students.
  // Error: as fit() (nn/train/trainer.h); students that share parameters, that have the same
  // weights and would for ever say the same, or that tell different numbers of classes apart; mixed
  // images (TrainOptions::mix), which have no labels, where labels count; several batches for a
  // step (TrainOptions::accumulate) in turn.
  std::vector<EpochReport> fit(const Dataset& train, const TrainOptions& options);

 private:
  void check_students() const;
  TrainOptions with_others(const TrainOptions& options) const;
  detail::TrainingFacts facts() const;
  Loss loss(const Step& step) const;
  Loss loss_in_turn(const Step& step, detail::MovePart move) const;
  // All students' answers to the batch, of which the first one's is there.
  std::vector<Tensor> answers(const Step& step) const;
  // What student k minimises, given these.
  std::vector<Loss::Term> terms_of(std::size_t k, const std::vector<Tensor>& logits,
                                   const Step& step) const;

  std::vector<Module*> students_;
  MutualOptions options_;
};

}  // namespace limbeck
