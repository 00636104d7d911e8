// Distiller: trains a student from a frozen teacher.
//
//   Distiller distiller(teacher, student, {.temperature = 4, .alpha = 0.1});
//   distiller.fit(train, {.epochs = 10, .test = &test});
//
// or by any sum of terms (term.h):
//
//   Distiller(teacher, student, 0.1 * labels() + 0.9 * kd({.temperature = 4}) +
//                                   3000 * similarity({"7"})).fit(train, options);
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/ops/gather.h"  // gather_rows, of kept answers
#include "nn/distill/distillation_loss.h"
#include "nn/distill/term.h"
#include "nn/train/trainer.h"

namespace limbeck {

namespace detail {
class Lesson;
}

// T in the course of a training, of how far it is, from 0 in the first step to 1 in the last.
using TemperatureSchedule = std::function<double(double done)>;

// From one temperature to another, by equal ratios: a student that first learns the large picture
// and then what the teacher is sure of, or the other way round. Error: one that is out of range.
TemperatureSchedule anneal_temperature(double from, double to);

// What a Distiller does beside the loss.
struct DistillerOptions {
  // The teacher's answers are kept where images come again, if they take no more bytes than this;
  // else it is asked about every batch. 0: always so, as a teacher must be that itself changes.
  Index answers_limit = Index{1} << 30;
  // Above 0: at every so many steps of the optimizer the length of each term's gradient with
  // respect to the logits is worked out, for the reports (TermValue::gradient). Which weight a term
  // needs shows there: a weight times this length is how strongly it pulls. A step at which it is
  // done takes up to twice as long. Of an objective alone.
  Index gradient_every = 0;
  // Whether the objective is tried before the first step (self_check.h), for at most a second a
  // term.
  bool self_check = true;
};

// What becomes of a teacher's answers in a training.
struct KeptAnswers {
  Index bytes = 0;    // that they take if they are kept; 0 if none comes again
  bool kept = false;  // whether they are: they come again, and fit within the limit
};

// The teacher is asked in evaluation mode and without gradients. What it answers depends on the
// image alone, so a fixed transfer set gets its answers, logits and taps, once, before the first
// epoch, and keeps them: a distilling epoch then costs what a plain one of the student costs. With
// augmentation the teacher sees each batch as the student does, every time; but where the same
// changes come again (TrainOptions::views), its answers are kept. (Long training on the same views
// by teacher and student is what distillation profits from: Beyer et al., "Knowledge distillation:
// A good teacher is patient and consistent", CVPR 2022.) They are kept within answers_limit, and
// not of a teacher that shares parameters with what is trained. An ensemble answers at the T of the
// moment. At α = 1, and for an objective of which no term asks, the teacher is not asked, but for
// its number of classes and its decisions on a test set.
//
// Both models must outlive the Distiller. The teacher is given back as it was found, each of its
// parts in its mode, and without gradients. Models without a name are named "teacher" and
// "student", which errors then say: "student.2 (Linear): linear: …".
class Distiller {
 public:
  // By distillation_loss(), in one pass. With a schedule, T is what it says and options.temperature
  // is not used. Error: T or α out of range.
  Distiller(Module& teacher, Module& student, const DistillationOptions& options,
            TemperatureSchedule schedule = {}, const DistillerOptions& how = {});
  // By a sum of terms. Their values and weights are in every report. Error: no term, one without a
  // function, a module that is null, two terms of one name.
  Distiller(Module& teacher, Module& student, Objective objective,
            const DistillerOptions& how = {});

  // Trains the student on the transfer set. Its labels may be missing where none counts: at α = 0,
  // or if no term uses them.
  // Error: as fit() (nn/train/trainer.h); student and teacher disagree about the number of classes;
  // a term names a module that is not there (taps.h), or does not compute what it promises; the
  // teacher changes while its answers are kept.
  std::vector<EpochReport> fit(const Dataset& transfer_set, const TrainOptions& options);

  // What would become of the teacher's answers in that: asked beforehand, where memory is short.
  KeptAnswers kept_answers(const Dataset& transfer_set, const TrainOptions& options);

 private:
  Distiller(std::shared_ptr<detail::Lesson> lesson, Module& teacher, Module& student,
            const DistillerOptions& how);

  std::vector<EpochReport> learn(const Dataset& transfer_set, const TrainOptions& options);

  Module& teacher_;
  Module& student_;
  std::shared_ptr<detail::Lesson> lesson_;
  DistillerOptions how_;
};

// The same from answers that are there already, with no teacher at hand: its logits for every image
// of the transfer set, (N, C). The reports know no agreement. Error: as fit(), another number of
// rows, or augmentation, which would change the images that the answers are about; of an objective
// also taps of the teacher.
std::vector<EpochReport> distill_from_logits(const Tensor& teacher_logits, Module& student,
                                             const Dataset& transfer_set,
                                             const DistillationOptions& options,
                                             const TrainOptions& train_options,
                                             const TemperatureSchedule& schedule = {});
std::vector<EpochReport> distill_from_logits(const Tensor& teacher_logits, Module& student,
                                             const Dataset& transfer_set,
                                             const Objective& objective,
                                             const TrainOptions& train_options,
                                             const DistillerOptions& how = {});

// What a teacher says of the images of a set, in their order, for many students that learn from it.
struct GivenAnswers {
  Tensor logits;                         // (N, C)
  std::map<std::string, Tensor> taps{};  // its modules' outputs (N, …), by paths as terms have them
};

// Asks a teacher, in evaluation mode and without gradients, about every image as it is. It is given
// back as it was found. Error: a path of no module (taps.h), an answer that is not finite; an
// ensemble that averages probabilities, whose answer depends on the temperature of the term.
GivenAnswers answers_of(Module& teacher, const Dataset& set,
                        const std::vector<std::string>& taps = {});

// And from these: with the same numbers as a Distiller whose teacher they are of, without asking
// that one again for each student. Error: as distill_from_logits, but for taps that are there.
std::vector<EpochReport> distill_from_answers(const GivenAnswers& answers, Module& student,
                                              const Dataset& transfer_set,
                                              const Objective& objective,
                                              const TrainOptions& train_options,
                                              const DistillerOptions& how = {});

// And without a teacher, by terms that ask for none: labels(), tf_kd(), ema(student). Error: as
// Distiller::fit, or a term that asks for a teacher's logits or outputs.
std::vector<EpochReport> fit(Module& student, const Dataset& train, const TrainOptions& options,
                             const Objective& objective, const DistillerOptions& how = {});

}  // namespace limbeck
