// Distiller: trains a student from a frozen teacher.
//
//   Distiller distiller(teacher, student, {.temperature = 4, .alpha = 0.1});
//   distiller.fit(train, {.epochs = 10, .test = &test});
#pragma once

#include "nn/distill/trainer.h"

namespace limbeck {

// The loss is distillation_loss() with the teacher's logits, asked in evaluation mode and without
// gradients. A fixed transfer set gets the teacher's answer once, before the first epoch, and keeps
// it (N × C numbers), so that a distilling epoch costs what a plain one of the student costs. With
// augmentation the teacher sees each batch as the student does, every time.
//
// Both models must outlive the Distiller. The teacher is given back as it was found, each of its
// parts in its mode, and without gradients.
class Distiller {
 public:
  // Error: T or α out of range.
  Distiller(Module& teacher, Module& student, const DistillationOptions& options);

  // Trains the student on the transfer set, whose labels count with weight α.
  // Error: as train_classifier, or student and teacher disagree about the number of classes.
  std::vector<EpochReport> fit(const Dataset& transfer_set, const TrainOptions& options);

 private:
  Module& teacher_;
  Module& student_;
  DistillationOptions options_;
};

// Rows `indices` of a matrix, in that order: (N, C) → (indices, C). Not recorded. Error: a row that
// is not there.
Tensor gather_rows(const Tensor& matrix, std::span<const Index> indices);

}  // namespace limbeck
