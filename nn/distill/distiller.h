// Distiller: trains a student from a frozen teacher.
//
//   Distiller distiller(teacher, student, {.temperature = 4, .alpha = 0.1});
//   distiller.fit(train, {.epochs = 10, .test = &test});
#pragma once

#include <concepts>

#include "core/ops/gather.h"  // gather_rows, of kept answers
#include "nn/distill/distillation_loss.h"
#include "nn/train/trainer.h"

namespace limbeck {

// T in the course of a training, of how far it is, from 0 in the first step to 1 in the last.
using TemperatureSchedule = std::function<double(double done)>;

// From one temperature to another, by equal ratios: a student that first learns the large picture
// and then what the teacher is sure of, or the other way round. Error: one that is out of range.
TemperatureSchedule anneal_temperature(double from, double to);

// What a student learns from: a function like distillation_loss(), of the student's logits z and
// the teacher's v, both (N, C), and N labels, by the T and α of the moment. `total` is what is
// minimised; `hard` and `soft` go to the reports. apps/examples/decoupled_distillation.h is one.
// For more terms than two, or features, call fit() (nn/train/trainer.h) and ask the teacher
// yourself: apps/examples/own_loss.cpp.
using Objective = std::function<DistillationLoss(
    const Tensor& student_logits, const Tensor& teacher_logits,
    std::span<const std::int32_t> class_ids, const DistillationOptions& options)>;

// The loss is distillation_loss(), or the objective given, with the teacher's logits, asked in
// evaluation mode and without gradients. A fixed transfer set gets the teacher's answer once,
// before the first epoch, and keeps it (N × C numbers), so that a distilling epoch costs what a
// plain one of the student costs. With augmentation the teacher sees each batch as the student
// does, every time; but where the same changes come again (TrainOptions::views), its answers are
// kept (views × N × C numbers). Long training on the same views by teacher and student is what
// distillation profits from: Beyer et al., "Knowledge distillation: A good teacher is patient and
// consistent", CVPR 2022. An ensemble answers at the T of the moment. At α = 1, where its answer
// would count for nothing, distillation_loss() does not ask the teacher, and the reports have no
// soft loss; an objective of one's own always gets its answer.
//
// Both models must outlive the Distiller. The teacher is given back as it was found, each of its
// parts in its mode, and without gradients. Models without a name are named "teacher" and
// "student", which errors then say: "student.2 (Linear): linear: …".
class Distiller {
 public:
  // With a schedule, T is what it says and options.temperature is not used. Error: T or α out of
  // range.
  Distiller(Module& teacher, Module& student, const DistillationOptions& options,
            TemperatureSchedule schedule = {}, Objective objective = {});
  template <class F>
  requires std::convertible_to<F, Objective> &&(!std::convertible_to<F, TemperatureSchedule>)
      Distiller(Module& teacher, Module& student, const DistillationOptions& options, F objective)
      : Distiller(teacher, student, options, {}, Objective(std::move(objective))) {}

  // Trains the student on the transfer set, whose labels count with weight α; at α = 0, and with an
  // objective that does not need them, there may be none.
  // Error: as train_classifier, or student and teacher disagree about the number of classes.
  std::vector<EpochReport> fit(const Dataset& transfer_set, const TrainOptions& options);

 private:
  Module& teacher_;
  Module& student_;
  DistillationOptions options_;
  TemperatureSchedule schedule_;
  Objective objective_;  // empty: distillation_loss
};

// The same from answers that are there already, with no teacher at hand: its logits for every image
// of the transfer set, (N, C). The reports know no agreement. Error: as fit(), another number of
// rows, or augmentation, which would change the images that the answers are about.
std::vector<EpochReport> distill_from_logits(const Tensor& teacher_logits, Module& student,
                                             const Dataset& transfer_set,
                                             const DistillationOptions& options,
                                             const TrainOptions& train_options,
                                             const TemperatureSchedule& schedule = {},
                                             const Objective& objective = {});

}  // namespace limbeck
