#include "nn/distill/distiller.h"

#include <algorithm>

#include "core/autograd.h"
#include "core/error.h"
#include "nn/distill/evaluate.h"

namespace limbeck {
namespace {

// The number of classes of a model, by its answer to one image.
Index classes_of(Module& model, const Dataset& data) {
  const Index first = 0;
  return logits_of(model, data.select(std::span(&first, 1))).dim(-1);
}

}  // namespace

Distiller::Distiller(Module& teacher, Module& student, const DistillationOptions& options)
    : teacher_(teacher), student_(student), options_(options) {
  options.check("Distiller");
}

std::vector<EpochReport> Distiller::fit(const Dataset& transfer_set, const TrainOptions& options) {
  const Index taught = classes_of(teacher_, transfer_set);
  const Index learned = classes_of(student_, transfer_set);
  if (taught != learned) {
    fail("Distiller",
         "the teacher tells {} classes apart and the student {}; both must have the "
         "same",
         taught, learned);
  }
  const bool fixed = !options.augment;
  const Tensor cache = fixed ? logits_of(teacher_, transfer_set) : Tensor();
  std::vector<std::int32_t> decisions;
  if (options.test != nullptr) decisions = predict(teacher_, *options.test);

  const EvalMode eval_mode(teacher_);
  const auto teacher_logits = [&](const Batch& batch) {
    if (fixed) return gather_rows(cache, batch.indices);
    const NoGrad no_grad;
    return teacher_(batch.images);
  };
  return detail::run_epochs(
      student_, transfer_set, options,
      [&](const Batch& batch, const Tensor& logits) {
        return distillation_loss(logits, teacher_logits(batch), batch.class_ids, options_);
      },
      options.test != nullptr ? &decisions : nullptr);
}

Tensor gather_rows(const Tensor& matrix, std::span<const Index> indices) {
  const Index columns = matrix.shape().last();
  Tensor rows = Tensor::empty({static_cast<Index>(indices.size()), columns});
  real* out = rows.data();
  for (Index i : indices) {
    if (i < 0 || i >= matrix.dim(0)) fail("gather_rows", "row {} asked of {}", i, matrix.shape());
    out = std::copy_n(matrix.data() + i * columns, columns, out);
  }
  return rows;
}

}  // namespace limbeck
