// Chains of the literature as steps of a Chain (nn/distill/chain.h).
//
//   Chain(assistants(teacher, {&medium, &small}, 0.1 * labels() + 0.9 * kd(), options)).fit(train);
//
// Each gives a list that may be changed before it is made a Chain: other options for one step, a
// step before it that trains the teacher.
#pragma once

#include <vector>

#include "nn/distill/chain.h"
#include "nn/distill/methods/kd.h"

namespace limbeck {

// Teacher assistants: the first student learns from the teacher, each other one from the student
// before it, all by the same objective. Where a teacher is very much larger than the student, one
// of medium size between them can help, best one whose accuracy lies halfway; more of them help
// little more. It costs the assistants' trainings, so compare it with the teacher's own student
// trained for as long as both. The paper's objective is (1 − λ) labels + λ kd, with λ and T found
// anew for each step; its code means KL over classes, too, so its weights do not carry over.
// Steps are named "assistant-1", "assistant-2", …, and the last "student"; step i has the seed
// options.seed + i, from 0.
// Mirzadeh et al., "Improved Knowledge Distillation via Teacher Assistant", AAAI 2020.
// Error: no student.
std::vector<ChainStep> assistants(Module& teacher, const std::vector<Module*>& students,
                                  const Objective& objective, const TrainOptions& options);

// Born-again networks: students of the teacher's own size. The first learns from the teacher, each
// other one from the generation before, by KL at T = 1 alone, or with labels() beside it. Each must
// begin with random weights of its own. At the end their mean answers, of probabilities:
//
//   Ensemble({&first, &second, &third}, {.averaging = Averaging::probabilities})
//
// A student of equal size often surpasses its teacher; after two or three generations little is
// gained any more. A teacher that knows its training images by heart answers there as labels do,
// and then nothing is: weight decay, patience, or other images than it learned from keep it from
// that. Steps are named "generation-1", …, with seeds as above.
// Furlanello et al., "Born-Again Neural Networks", ICML 2018.
// Error: no generation, one of other layers than the teacher's, or one that begins as the teacher
// or another generation is: from itself a network would learn nothing.
std::vector<ChainStep> born_again(Module& teacher, const std::vector<Module*>& generations,
                                  const TrainOptions& options,
                                  const Objective& objective = kd({.temperature = 1}));

// Φ of annealing: 1/n, 2/n, …, 1 in n equal parts of the training, the factor of the teacher's
// logits v. In the paper Φ = 1 − (τ − 1)/n, τ from n down to 1, in whole epochs: with n epochs or a
// multiple this is the same, else its code goes beyond 1, and this never does. It is no
// temperature of a softmax: nothing is softened, all logits are smaller. Error: n below 1.
Varying damped(Index n);

// Annealing in two phases: the student learns the teacher's logits number by number, at first all
// near 0 and then larger and larger,
//
//   "regression"   mean over elements of (z − Φ v)²   mse_logits({.teacher_scale = damped(n)})
//   "labels"       cross-entropy, no teacher          labels()
//
// and then goes on from there by labels alone. For a student to which the teacher's full answer is
// too hard at first. Defaults: n = 10, 200 epochs and then 100 to 200, each phase by SGD from 0.1
// down; a rate that starts high in the second phase can undo the first, so give it a lower one.
// Jafari et al., "Annealing Knowledge Distillation", EACL 2021, section 3.
std::vector<ChainStep> annealing(Module& teacher, Module& student, const TrainOptions& regression,
                                 const TrainOptions& on_labels, Index n = 10);

}  // namespace limbeck
