// Term: one of the things that a student learns from. An objective is a weighted sum of them:
//
//   const Objective objective =
//       0.1 * labels() + 0.9 * kd({.temperature = 4}) + warm_up(0.1) * 3000 * similarity({"7"});
//
// What a term needs of a step it says in a few fields, so that a method is a function of tensors
// and some lines that make a term of it:
//
//   Term agreement() {
//     return {.name = "agreement",
//             .value = [](const TermStep& s) { return mse(softmax(s.student), softmax(s.teacher));
//             }, .promises = {.shift_invariant = true, .never_negative = true, .at_equal = 0}};
//   }
#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/random.h"
#include "data/dataset.h"
#include "nn/module.h"

namespace limbeck {

// A number that may change in the course of a training: of how far it is, from 0 in the first step
// to 1 in the last. A weight, a temperature.
class Varying {
 public:
  // A number, always the same; or a function of `done`.
  Varying(double number) : number_(number) {}
  template <class F>
  requires(!std::same_as<F, Varying> && std::convertible_to<F, std::function<double(double)>>)
      Varying(F of_done)
      : of_done_(std::move(of_done)) {}

  // What it is where `done` of the training is over.
  double operator()(double done) const { return of_done_ ? of_done_(done) : number_; }
  // Whether it is always the same.
  bool is_constant() const { return !of_done_; }
  // For people and checkpoints: "4", or at the start, in the middle and at the end, "1…2…4".
  std::string str() const;

 private:
  double number_ = 0;
  std::function<double(double)> of_done_;  // empty: the number
};

// At each moment the product of the two: 0.9 * warm_up(0.1).
Varying operator*(const Varying& a, const Varying& b);
// From 0 to 1 in equal steps over the first `share` of the training, then 1. Error: a share that is
// not in (0, 1].
Varying warm_up(double share);
// 1 for the first `share` of the training, then 0; of a share of 1 in the last step too. Error:
// likewise.
Varying until(double share);

// What a term sees of a batch of N images.
struct TermStep {
  const Batch& batch;     // images (N, C, H, W), labels, where each came from, which view of it
  const Tensor& student;  // its logits z (N, C)
  const Tensor& teacher;  // its logits v (N, C), without gradient; undefined unless uses_teacher
  double done;            // how far the training is: 0 in its first step, 1 in its last
  Index epoch;            // from 1
  // Outputs of the student's modules that the term names, in that order, for these very images,
  // with the graph behind them. They live for this step.
  std::span<const Tensor> student_taps;
  std::span<const Tensor> teacher_taps;  // of the teacher's, likewise, without gradient
};

// What a term can be told before the first step.
struct TermShapes {
  Index classes;                    // C
  std::vector<Shape> student_taps;  // of one image, without N, in the term's order
  std::vector<Shape> teacher_taps;  // likewise
};

// What holds at every step, for the self-check before a training, which tries it. At first nothing.
struct TermPromises {
  // A constant added to a row of the student's logits changes nothing, as with whatever sees them
  // through a softmax: the gradient then sums to 0 in each row.
  bool shift_invariant = false;
  bool never_negative = false;  // as a KL divergence
  // Its value where the student says what the teacher says, in logits and in taps.
  std::optional<double> at_equal{};
  // A part of it is a constant to the gradient on purpose, as a weight is that is made of the
  // student's own answer: then the gradient is not that of differences.
  bool detaches = false;
};

// A term of an objective.
struct Term {
  std::string name;  // in reports: letters, digits, '-' and '_'
  // A scalar, a mean over the images of the batch, so that it weighs the same in batches of any
  // size, with the graph behind it.
  std::function<Tensor(const TermStep&)> value;
  Varying weight = 1;
  // All that its value depends on beside the step, in words, "kd(T=4)": a training that goes on
  // from a checkpoint must have the same. The name, if empty.
  std::string description{};

  bool uses_labels = false;  // images without one are refused before the first step
  // Those of the images that have one: a set without any is refused, and mixed images.
  bool reads_labels = false;
  bool uses_teacher = true;  // its logits; teacher_taps are asked for anyway
  // The T at which an ensemble that averages probabilities (ensemble.h) answers this term.
  Varying temperature = 1;
  // Modules of the student by their path in named_modules(): "7", "block2.relu". Names are checked
  // before the first step.
  std::vector<std::string> student_taps{};
  std::vector<std::string> teacher_taps{};  // modules of the teacher, likewise

  // The network that `value` asks itself, if any, as ema() does: an error before the first step if
  // another one is trained.
  const Module* student = nullptr;

  // What it learns itself beside the student, an adaptor between two widths, say: trained, clipped
  // and in checkpoints with the student, and in none of its files.
  std::vector<std::shared_ptr<Module>> modules{};
  // Called once before each training, to make these anew for the shapes that there are. The Rng is
  // the run's: one seed, the same weights. If empty they are trained as they come.
  //   auto regress = std::make_shared<Sequential>();
  //   term.modules = {regress};
  //   term.prepare = [=](const TermShapes& of, Rng& rng) {
  //     *regress = Sequential(Linear({.in = of.student_taps[0].size(), …}, rng));
  //   };
  // Error, of the term's own: shapes that it cannot do with.
  std::function<void(const TermShapes&, Rng&)> prepare{};

  TermPromises promises{};  // what the self-check holds it to
};

// A sum of terms.
struct Objective {
  // Of one term, or of several.
  Objective(Term term) : terms{std::move(term)} {}
  explicit Objective(std::vector<Term> all) : terms(std::move(all)) {}

  std::vector<Term> terms;  // in the order of the reports
  // All that it depends on, in words: "0.1 * labels + 0.9 * kd(T=4)".
  std::string str() const;
};

// Weighted terms, and sums of them. A weight of a sum is one of each of its terms.
Term operator*(const Varying& weight, Term term);
Objective operator*(const Varying& weight, Objective objective);
Objective operator+(Objective a, Objective b);

namespace detail {

// Error, in the name of `op`: a share of the training that is not in (0, 1].
void check_share(const char* op, double share);

}  // namespace detail

}  // namespace limbeck
