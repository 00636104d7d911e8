// InfoNCE: each image of a batch must be told from the others by the teacher's features of it.
//
// Two projections, of the student's features and of the teacher's, lead to a common width and are
// normalised to length 1: u and w. With s_ij = u_i · w_j / τ,
//
//   loss = −(1/N) Σ_i ln softmax_j(s_i·)_i
//
// the cross-entropy of finding, for the student's image i, the teacher's image i among the N of the
// batch. With `both` it is averaged with the same for sᵀ, the teacher looking for the student.
// Gradients come from the graph of its few ops; with p = softmax_j(s_i·) they are
//   ds_ij = (p_ij − [i = j]) / N,   du = ds w / τ,   and through the lengths to the projections.
//
// An image of the same class is pushed away like any other. With `mask_same_class` it is no
// negative: left out of the softmax wherever both labels are known.
//
// It is the simple cousin of CRD (Tian, Krishnan and Isola, "Contrastive Representation
// Distillation", ICLR 2020), which draws 16,384 negatives from a memory of all images; here the
// batch is the memory, so it should be large, 128 and more. τ from 0.07 to 0.1. Features: those
// before the classifier. It can help between networks of different kinds: no position of a feature
// has to mean the same on both sides.
//
// Edges: one image, or no negatives: 0 and no gradient. Features of 0 behind the projection have
// s = 0 to all and no gradient.
//
// van den Oord, Li and Vinyals, "Representation Learning with Contrastive Predictive Coding", 2018,
// section 2.3.
#pragma once

#include <cstdint>
#include <span>

#include "nn/distill/methods/features.h"

namespace limbeck {

// The loss's numbers.
struct InfoNceOptions {
  double temperature = 0.1;      // τ > 0
  bool both = false;             // averages both directions
  bool mask_same_class = false;  // images of one class are no negatives of one another
  Index width = 128;             // of the projections; for the term
};

// The loss, of features that are projected already, (N, D) each → (). Labels are for
// mask_same_class and else not looked at; −1 is none. Gradients go to both sides.
// Error: not both (N, D), τ that is no positive number, or other than N labels where they count.
Tensor info_nce_loss(const Tensor& student, const Tensor& teacher, const InfoNceOptions& options,
                     std::span<const std::int32_t> class_ids = {});

// The same as a term that owns the projections, linear ones of the features as rows:
// 0.8 * info_nce({"7"}).
Term info_nce(const TapPaths& taps, const InfoNceOptions& options = {});

}  // namespace limbeck
