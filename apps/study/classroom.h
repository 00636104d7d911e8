// Classroom: a trained teacher, and students that learn from it by objectives as texts. What it
// says of the images, logits and taps, it is asked once for all of them.
#pragma once

#include <string>
#include <vector>

#include "apps/study/lab.h"
#include "apps/study/statistics.h"
#include "nn/distill/distiller.h"

namespace limbeck {

// A student that learns by an objective (nn/distill/methods/method_table.h).
struct Attempt {
  std::string student;    // "mlp:30,30"
  std::string objective;  // "0.1 * labels + 0.9 * kd"
  Index epochs = 1;
};

// What came of an attempt.
struct AttemptResult {
  std::vector<double> errors;  // a seed each
  double ms_a_step = 0;        // the least of the runs: what others do on the machine only adds
};

// A student and how often it is repeated if nobody says: large ones less often.
struct Sized {
  std::string spec;
  Index seeds;
};
// Those that were asked for, with the number of seeds that was; else these.
std::vector<Sized> students_of(const Lab& lab, const std::vector<Sized>& own);

// The teacher of these studies: the usual one for half as long, from this set.
Training classroom_teacher(const Lab& lab, const Dataset& set);

class Classroom {
 public:
  // Trains the teacher, or takes it from the study's folder. Its set is what students learn from.
  Classroom(Lab& lab, const Training& teacher);

  Sequential& teacher() { return teacher_; }
  const Dataset& images() const { return *training_.set; }
  Index teacher_errors();  // on the test images

  // Why a student cannot learn by this objective; empty if it can.
  std::string refusal(const Attempt& attempt);
  // What came of each, with seeds first, first + 1, …; judged on the test images or, where
  // `chooses`, on these, which are not learned from. The order is seed by seed: a study that is
  // stopped has done as much for each.
  std::vector<AttemptResult> outcomes_of(const std::vector<Attempt>& attempts, std::uint64_t first,
                                         Index seeds, const Dataset* chooses = nullptr);

  // What identifies the teacher in a run.
  const Json& teacher_is() const { return teacher_is_; }

 private:
  Json learn(const Training& training, const std::string& objective, const Dataset& judge);
  // With these taps at least.
  const GivenAnswers& answers(const std::vector<std::string>& taps);
  Objective objective_for(Sequential& student, const std::string& text);

  Lab& lab_;
  Training training_;
  Json teacher_is_;
  Sequential teacher_;
  GivenAnswers answers_;
};

// Half of an estimate's interval as a cell of a table; null if it has none.
Row half_cell(const Estimate& estimate);

}  // namespace limbeck
