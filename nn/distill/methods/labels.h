// labels: the cross-entropy with the true classes, and hard_kd: with those that the teacher decides
// for.
//
//   labels   mean of −Σ_j t_j ln softmax(z)_j      t = (1 − ε) onehot(y) + ε / C
//   hard_kd  mean of −ln softmax(z)_k              k the class of the teacher's largest logit
//
// Both at T = 1; z (N, C). hard_kd is Touvron et al., "Training data-efficient image transformers &
// distillation through attention" (DeiT), ICML 2021, section 2: 0.5 * labels() + 0.5 * hard_kd(),
// with a better result than soft targets there. All that it needs of a teacher is N decisions; of
// what the teacher thinks about the other classes it tells nothing. Among equal logits the first
// counts.
//
// Few images with a label among many without: labels({.where_known = true}) beside a term that
// needs none, kd() from a teacher of the few, or ema(student).
//
// Label smoothing ε (Szegedy et al., CVPR 2016, section 7) is the simplest of virtual teachers: a
// share ε of the target says that all classes are alike. It does no good to a network that is to
// teach: cases of one class then get answers of one kind, without what a student would learn from
// (Müller et al., "When Does Label Smoothing Help?", NeurIPS 2019).
#pragma once

#include "nn/distill/term.h"

namespace limbeck {

// What labels are made into.
struct LabelOptions {
  double label_smoothing = 0;  // ε in [0, 1]
  // For sets of which a part alone has labels: an image without one counts 0, and all are divided
  // by N, so that a label weighs the same whatever it comes beside. Else each must have one.
  bool where_known = false;
};

// cross_entropy() (nn/losses.h) as a term. Error, in a step: an image without a label, but where
// known ones alone count.
Term labels(const LabelOptions& options = {});

// The cross-entropy with the teacher's decisions: z (N, C), v (N, C) → (). Error: other shapes.
Tensor hard_kd_loss(const Tensor& z, const Tensor& v);
// The same as a term.
Term hard_kd();

}  // namespace limbeck
