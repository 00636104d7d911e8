// The student's own past as its teacher (mean teacher): what it says shall agree with what the
// moving average θ' of its weights θ says of the same images.
//
//   θ' ← m θ' + (1 − m) θ    after each step t = 0, 1, 2, …,   m = min(1 − 1 / (t + 1), decay)
//   loss = T² · mean KL(softmax(v / T) ‖ softmax(z / T)),   v by θ', z by θ
//   or     mean of Σ_j (softmax(z)_j − softmax(v)_j)²       as in the paper
//
// The first m are 0, 1/2, 2/3, …: θ' is the plain mean of what has been, until `decay` is reached,
// so it soon forgets the first random weights. No gradient goes into θ'.
//
// The average answers in evaluation mode; running statistics of batch norm are averaged like
// weights. What makes its answers differ from the student's is the average itself, and dropout in
// the student; in the paper also that both see another random view of the image:
//
//   ema(student, {.images = &train, .augment = random_shift(2)})   with options.augment the same
//
// The loss counts little at first and grows: ramp_up(0.3) * ema(student), beside labels.
//
// No teacher and no labels are needed. It helps with few labels and many images without one: those
// have only this term. `decay` 0.99 to 0.999. θ' and t are in the checkpoints and in no other file.
//
// Tarvainen and Valpola, "Mean teachers are better role models", NeurIPS 2017, section 2.
#pragma once

#include "data/augment.h"
#include "nn/distill/term.h"

namespace limbeck {

// What the average is, and how the student is held to it.
struct EmaOptions {
  double decay = 0.999;    // the largest m, in [0, 1)
  double temperature = 1;  // T of the KL
  bool squares = false;    // squares of probabilities in place of KL
  // Two views: the average is asked about the training set's own images, which is this one, as
  // `augment` changes them by random numbers of its own, and not about what the student sees of
  // them. None: both see the same. Must outlive the term.
  const Dataset* images = nullptr;
  Augmentation augment{};  // of these; to be given with them
};

// m at step t, which counts from 0.
double ema_decay(Index t, double largest);

// exp(−5 (1 − done / share)²) for the first `share` of the training, then 1: from 0.007 slowly up.
// Error: a share that is not in (0, 1].
Varying ramp_up(double share);

// A second set of a student's weights, its average, with which the student itself answers.
class AverageTeacher : public Module {
 public:
  // Of a student that must outlive it; at first its weights as they are. Error: decay not in [0,
  // 1).
  AverageTeacher(Module& student, double decay);

  std::string describe() const override { return "AverageTeacher"; }
  void reset();   // the student's layers and weights as they are now, and t = 0
  void update();  // after a step of the optimizer
  // The same by `done`, how far the training is: once for each above 0, though many batches may
  // make a step. At 0 there was no step yet.
  void update_at(double done);

 protected:
  Tensor forward(const Tensor& images) override;  // v, without gradient
  void parts(Parts& parts) override;              // θ', t: buffers

 private:
  Module& student_;
  double decay_;
  std::vector<NamedTensor> weights_;  // the student's own, parameters and buffers
  std::vector<Tensor> averages_;
  Tensor steps_;  // (), t
  Tensor done_;   // (), at the last update
};

// The loss as a term, for the student that is trained, which must outlive it. θ' is brought up to
// date when the next step asks for it. A training of another network with it is refused. Error, in
// a step with two views: the batch is not of these images, or mixed (data/mixup.h), of which there
// is no other view.
Term ema(Module& student, const EmaOptions& options = {});

}  // namespace limbeck
