// The loss of knowledge distillation, and what its two numbers, T and α, do.
//
// A trained classifier knows more than its decision. Shown a 2, it may give 3 a probability of 1e-6
// and 7 one of 1e-9: this 2 looks a little like a 3 and not like a 7. A student that learns from
// these numbers learns, from each image, about all classes; a hard label tells it about one. But at
// probabilities such as these the loss hardly sees them. So both answers are softened first:
//
//   p_T = softmax(v / T)   the teacher's, of its logits v
//   q_T = softmax(z / T)   the student's, of its logits z
//
// T, the temperature. At T = 1 the targets are the teacher's own probabilities, on easy data nearly
// as sharp as labels. As T rises, the wrong classes come into sight in the order in which the
// teacher ranks them. For T large against the logits p_T is nearly flat, and its gradient tends to
// (z − v) / (C T²) for logits of mean 0: the student matches logits, those of classes that the
// teacher never had to tell apart, mostly noise, included. How to choose it: 1 is sharp; 2 to 5
// suits small students, which have no room for all that a high T shows; 3 to 10 is the usual range;
// large students have done well at 20; beyond, the targets are too flat to tell much. Below 1 they
// are sharper than the teacher's answer.
//
// T². The gradient of KL(p_T ‖ q_T) with respect to z is (q_T − p_T) / T, and q_T − p_T itself
// shrinks like 1/T: together 1/T². The factor T² undoes that, so that α keeps its meaning when T
// changes.
//
// α, the weight of the hard labels: loss = α · hard + (1 − α) · soft. The paper found that the hard
// term should weigh considerably less. α = 1 is plain training, whatever T is. (T = 1 is not: it
// leaves distillation on, with the teacher's answer as sharp as it is.) α = 0 needs no labels:
// images without one, whose label is −1, will do.
//
// What soft targets are good for, beyond a smaller network: they carry the teacher's doubt, so the
// student is not driven to certainty on every image, which works against overfitting when there are
// few; and a teacher that has averaged over many wrongly labelled cases hands on the average rather
// than the wrong labels.
//
// Source: Hinton, Vinyals, Dean, "Distilling the Knowledge in a Neural Network", 2015, section 2.
#pragma once

#include <cstdint>
#include <span>

#include "core/tensor.h"

namespace limbeck {

// The two numbers of distillation.
struct DistillationOptions {
  double temperature = 4;  // T > 0
  double alpha = 0.1;      // α in [0, 1], the weight of the hard labels

  // Error, in the name of `op`: T or α out of range.
  void check(const char* op) const;
};

// The loss, and the two parts that it is made of.
struct DistillationLoss {
  Tensor total;  // α · hard + (1 − α) · soft, a scalar to call backward() on
  double hard;   // CE(z, y) over the images that have a label; NaN if none has
  double soft;   // T² · KL(p_T ‖ q_T)
};

// loss = α · CE(z, y) + (1 − α) · T² · KL(p_T ‖ q_T), both means over the batch.
// Student logits z and teacher logits v (N, C), N labels y; at α = 0 they may be −1. In one pass,
// with the closed form
//   dz = α (softmax(z) − onehot(y)) / N + (1 − α) · T · (q_T − p_T) / N
// The teacher gets no gradient. Error: T or α out of range, logits of different shapes, a label
// outside [0, C).
DistillationLoss distillation_loss(const Tensor& student_logits, const Tensor& teacher_logits,
                                   std::span<const std::int32_t> class_ids,
                                   const DistillationOptions& options);

}  // namespace limbeck
