// What a training minimises: a sum of named, weighted terms.
//
//   fit(student, train, options, [&](const Step& s) -> Loss {
//     return {{"labels", 1, cross_entropy(s.logits, s.batch.class_ids)},
//             {"even", 0.1, mean(square(s.logits))}};
//   });
//
// The names go where the numbers go: into reports, logs, TensorBoard, CSV and JSON.
#pragma once

#include <functional>
#include <initializer_list>
#include <limits>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace limbeck {

// A term as a report knows it.
struct TermValue {
  std::string name;    // letters, digits, '-' and '_'
  double weight = 1;   // that it has in the sum
  double value = 0;    // before that weight
  Index images = all;  // of which `value` is the mean; where that is 0 it is not looked at
  // Length of its gradient with respect to the logits, before that weight; NaN where nobody asked.
  double gradient = std::numeric_limits<double>::quiet_NaN();
  bool measured = false;  // whether somebody asked: `gradient` then is told, even if it is NaN

  static constexpr Index all = -1;  // of the batch

  // Whether the weight is for reports to tell: not where it is 1 by nature, in training on labels,
  // or α and 1 − α, which are options.
  bool has_own_weight() const { return name != "hard" && name != "soft"; }
};

// The loss of one batch.
class Loss {
 public:
  // A term that can be differentiated: a scalar, a mean over the images of the batch, so that it
  // weighs the same in batches of any size.
  struct Term {
    std::string name;  // as in TermValue
    double weight;     // likewise
    Tensor value;      // ()
  };

  // Σ weight · value. Error: no term, one that is no scalar, a weight that is not finite, a name of
  // other characters, one of the names that a report has already ("loss", "lr", …), or one twice.
  Loss(std::initializer_list<Term> terms) : Loss(std::vector<Term>(terms)) {}
  explicit Loss(std::vector<Term> terms);
  // For an op that works out the whole sum in one pass, as distillation_loss does: the sum, and
  // what it is made of. Error: as above.
  Loss(Tensor total, std::vector<TermValue> terms);

  const Tensor& total() const { return total_; }
  const std::vector<TermValue>& terms() const { return terms_; }

 private:
  Tensor total_;
  std::vector<TermValue> terms_;
};

// What a loss is worked out from.
struct Step {
  const Batch& batch;    // images (N, C, H, W), labels, where each came from, which view of it
  const Tensor& logits;  // the model's answer to these images
  double done;           // how far the training is: 0 in its first step, 1 in its last
  Index epoch;           // from 1
  Index step;            // of the optimizer, from 0 in the first
};

// A loss of one's own.
using LossFunction = std::function<Loss(const Step& step)>;

namespace detail {

// Error, in the name of `op`: no name for a column of reports, or one that they have already.
void check_report_name(const char* op, const std::string& name);

}  // namespace detail

}  // namespace limbeck
