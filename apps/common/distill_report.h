// What a distilling program reports at the end: a table for people, JSON for programs.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "nn/train/trainer.h"

namespace limbeck {

// One trained network.
struct Outcome {
  std::string title;  // "student, distilled"
  std::string spec;   // "mlp:800,800"
  Index parameters = 0;
  Index errors = 0;    // on the test set
  Index total = 0;     // images of it
  double seconds = 0;  // of training, with the test after each epoch; 0: it came trained
  std::optional<double> agreement{};  // with the teacher on the test set; none for itself
  std::vector<EpochReport> epochs{};
  // The most memory that the process has had by the end of each epoch; a run that was resumed knows
  // that of its own epochs only, the last.
  std::vector<Index> peak_bytes{};

  Index bytes_each = sizeof(real);  // of a parameter

  Index bytes() const { return parameters * bytes_each; }
};

// Of the errors that the student on hard labels makes more than the teacher, the part that this
// network does not make. None where the teacher is not better than that student, or not known.
std::optional<double> share_won_back(const Outcome& hard, const Outcome& network,
                                     const std::optional<Outcome>& teacher);

// The same student, from the same weights, taught in two ways.
struct StudentPair {
  Outcome hard, distilled;
  std::vector<Outcome> peers{};  // who learned with `distilled`, each from all others

  // The share of the teacher's gain that distillation won back: above 1 if the distilled student is
  // better than the teacher, negative if distillation did harm.
  std::optional<double> gain_recovered(const std::optional<Outcome>& teacher) const;
};

struct DistillReport {
  std::optional<Outcome> teacher{};   // none where only its logits were given
  std::vector<StudentPair> students;  // one, or more if they were repeated
  // Networks between teacher and students, in the order in which each taught the next, and what
  // they answer together.
  std::vector<Outcome> steps{};
  std::optional<Outcome> together{};
  std::string way = "distillation";  // by which students learned, if not by labels
  // The first distilled student in integers, if it was asked for: rounded, and trained for it.
  std::vector<Outcome> integers{};

  // A row a network: architecture, parameters, size, errors, accuracy, training time; where more
  // than teacher and students learned, also the share won back.
  std::string table() const;
  // The same in a sentence or two.
  std::string verdict() const;
  // `options`, then `teacher`, `student_hard`, `student_distilled` and, if there are more pairs
  // than one, all of them in `repeats`; `steps`, `together`, `peers`, `student_rounded` and
  // `student_integers` where they are. README.md has the fields.
  nlohmann::ordered_json json(const nlohmann::ordered_json& options) const;

 private:
  // The rows of the table, each with the share that it won back, if that is told of it.
  std::vector<std::pair<const Outcome*, std::optional<double>>> rows() const;
};

// "398 KB", of 1000 bytes.
std::string file_size(Index bytes);

}  // namespace limbeck
