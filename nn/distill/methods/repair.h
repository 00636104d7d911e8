// repair: the soft targets p = softmax(v / T) of kd (kd.h), mended first where the teacher does not
// decide for the label.
//
//   repair = T² · mean of KL(p' ‖ q)      dz = T (q − p') / N      p' the repaired p
//
//   isotonic  the nearest answer to p, by least squares, in which no class comes before the label:
//             the label and those above it share what they have, each as much, and those below
//             stay. Cui and Yan, "Isotonic Data Augmentation for Knowledge Distillation", IJCAI
//             2021
//   swap      the label and the teacher's favourite change places: "probability shift", in Wen et
//             al., "Preparing Lessons: Improve Knowledge Distillation with Better Supervision",
//             2019
//   lead      so much of all classes goes to the label, in proportion, that it is `lead` ahead of
//             the next: p' = (1 − a) p + a onehot(y) with a = (lead + p_k − p_y) / (1 + p_k − p_y),
//             k the favourite
//
// An answer that has the label first, if only as one of several, stays as it is. z, v (N, C), N
// labels. Defaults: isotonic, T = 4.
//
// When: a teacher with errors on the transfer set, and labels that are right. Isotonic changes
// least; swap hands the label all the certainty with which the teacher was wrong. With labels that
// are wrong it undoes what a teacher is good for, which has averaged over them: leave it then.
//
// The teacher's logits are not changed: what is kept of them serves the next epoch.
#pragma once

#include "nn/distill/term.h"

namespace limbeck {

// How a soft target is repaired.
enum class Repair { isotonic, swap, lead };

// How soft, and how.
struct RepairOptions {
  Varying temperature = 4;           // T > 0
  Repair repair = Repair::isotonic;  // how
  double lead = 0.2;                 // of Repair::lead, in [0, 1]
};

// z (N, C), v (N, C), N labels → (), at T where `done` of the training is over. Error: other
// shapes, a label outside [0, C), fewer than two classes, options out of range.
Tensor repair_loss(const Tensor& z, const Tensor& v, std::span<const std::int32_t> class_ids,
                   const RepairOptions& options = {}, double done = 0);
// The same as a term.
Term repair(const RepairOptions& options = {});

// One row of probabilities, (C), repaired in place; their sum stays. The label must be in [0, C).
// Whether it was in need of it.
bool repair_row(std::span<double> probs, std::int32_t label, const RepairOptions& options = {});
// Isotonic for an image mixed of two, where the first has the larger share: p_first ≥ p_second ≥
// the others.
void repair_row(std::span<double> probs, std::int32_t first, std::int32_t second);

}  // namespace limbeck
