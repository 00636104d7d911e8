// Ensemble: several teachers that answer as one.
#pragma once

#include <vector>

#include "nn/module.h"

namespace limbeck {

// How answers are averaged.
//   logits         v = mean of the members' logits: the normalised geometric mean of their
//                  probabilities. What one member rules out, all rule out
//   probabilities  v = T log(mean of softmax(vₘ / T)), so that softmax(v / T) is the mean of the
//                  members' probabilities at T: where they differ, all their answers stay in sight
enum class Averaging { logits, probabilities };

// The members keep their own owners, who must outlive the ensemble. It gives logits (N, C), as they
// do, so it can be anybody's teacher; gradients go through `logits` only, and a teacher needs none.
// (Hinton, Vinyals, Dean 2015, section 2: "an arithmetic or geometric mean of their individual
// predictive distributions as the soft targets".)
class Ensemble : public Module {
 public:
  // How the members answer as one.
  struct Options {
    Averaging averaging = Averaging::logits;  // of what
    // T at which probabilities are averaged, where the ensemble answers by itself. A Distiller
    // averages at its own T, that of the moment if it changes.
    double temperature = 1;
    // How much each member counts, if not all the same: numbers of at least 0, of which only the
    // ratios matter. A mean with weights then stands for the mean in both ways of averaging.
    std::vector<double> weights{};
  };
  // Error: no member, a temperature out of range; weights that are not one a member, below 0 or
  // infinite, or all 0.
  Ensemble(std::vector<Module*> members, const Options& options);

  std::string describe() const override;
  Averaging averaging() const { return options_.averaging; }
  // The number of members.
  Index size() const { return static_cast<Index>(members_.size()); }

  // The members' own logits side by side, (N, members · C): what a temperature does not change.
  Tensor member_logits(const Tensor& x);
  // What the ensemble makes of such, at a temperature: (N, members · C) → (N, C).
  Tensor average(const Tensor& member_logits, double temperature) const;

 protected:
  Tensor forward(const Tensor& x) override;
  void parts(Parts& parts) override;

 private:
  std::vector<Module*> members_;
  Options options_;  // with weights that sum to 1, or none
};

}  // namespace limbeck
