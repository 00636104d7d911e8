// What a student learns from a teacher's answers: the loss of two numbers, T and α, or a sum of
// terms. For the Distiller alone.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "nn/distill/distiller.h"

namespace limbeck::detail {

// What a step's loss is made of beside the student's logits.
struct Answer {
  std::function<Tensor(double temperature)> teacher{};  // its logits (N, C); empty if nobody asks
  std::span<const Tensor> student_taps{}, teacher_taps{};  // as the lesson names them
};

// What a lesson can be told before the first step.
struct LessonShapes {
  Index classes;
  std::vector<Shape> student_taps, teacher_taps;  // of one image, as the lesson names them
};

// A loss in the course of a training.
class Lesson {
 public:
  virtual ~Lesson() = default;

  virtual bool uses_labels() const = 0;                        // of every image
  virtual bool reads_labels() const { return uses_labels(); }  // of some, at least
  virtual bool asks_teacher() const = 0;  // whether its answers make a difference
  virtual std::vector<std::string> student_taps() const { return {}; }
  virtual std::vector<std::string> teacher_taps() const { return {}; }
  // What the numbers of the training depend on through it.
  virtual TrainingFacts facts() const = 0;

  // What it has beside the student that is trained with it.
  virtual std::vector<Module*> modules() const { return {}; }

  // Before the first step of a training by this seed, in which `learners` are trained. What it
  // gives is trained with them.
  virtual std::vector<Module*> prepare(const LessonShapes& shapes, std::uint64_t seed,
                                       const std::vector<Module*>& learners) {
    static_cast<void>(shapes), static_cast<void>(seed), static_cast<void>(learners);
    return {};
  }
  // After that. Error: it does not compute what it promises (self_check.h), as tried on some of
  // these images.
  virtual void check(const Dataset& data) { static_cast<void>(data); }
  // Of a batch.
  virtual Loss loss(const Step& step, const Answer& answer) const = 0;
};

// α · hard + (1 − α) · soft, in one pass. Error, in the name of `op`: T or α out of range.
std::unique_ptr<Lesson> two_number_lesson(const char* op, const DistillationOptions& options,
                                          TemperatureSchedule schedule);
// A sum of terms. Error, in the name of `op`: no term, one without a function, or with a name that
// reports do not take or another has, or a module that is null.
std::unique_ptr<Lesson> lesson_of(const char* op, Objective objective,
                                  const DistillerOptions& options);

}  // namespace limbeck::detail
