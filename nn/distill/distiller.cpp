#include "nn/distill/distiller.h"

#include <algorithm>
#include <cmath>

#include "core/autograd.h"
#include "core/error.h"
#include "core/softmax.h"
#include "nn/distill/evaluate.h"

namespace limbeck {
namespace {

// The number of classes of a model, by its answer to one image.
Index classes_of(Module& model, const Dataset& data) {
  const Index first = 0;
  return logits_of(model, data.select(std::span(&first, 1))).dim(-1);
}

void check_classes(Index taught, Index learned) {
  if (taught == learned) return;
  fail("Distiller",
       "the teacher tells {} classes apart and the student {}; both must have the same", taught,
       learned);
}

// The teacher's logits for the batches of a training, asked for once where images come again.
class Answers {
 public:
  Answers(Module& teacher, const Dataset& set, const TrainOptions& options)
      : teacher_(teacher), images_(set.size()) {
    if (!options.augment) {
      kept_ = logits_of(teacher, set);
      known_.assign(static_cast<std::size_t>(images_), true);
    } else if (options.views > 0) {
      known_.assign(static_cast<std::size_t>(options.views * images_), false);
    }
  }

  Tensor operator()(const Batch& batch) {
    if (known_.empty()) return ask(batch);
    std::vector<Index> rows = batch.indices;
    for (Index& row : rows) row += batch.view * images_;
    const auto known = [this](Index row) { return known_[static_cast<std::size_t>(row)]; };
    if (std::ranges::all_of(rows, known)) return gather_rows(kept_, rows);
    const Tensor logits = ask(batch);
    const Index classes = logits.dim(1);
    if (!kept_.defined()) {
      kept_ = Tensor::empty({static_cast<Index>(known_.size()), classes});
    }
    for (std::size_t i = 0; i < rows.size(); ++i) {
      std::copy_n(logits.data() + static_cast<Index>(i) * classes, classes,
                  kept_.data() + rows[i] * classes);
      known_[static_cast<std::size_t>(rows[i])] = true;
    }
    return logits;
  }

 private:
  Tensor ask(const Batch& batch) {
    const NoGrad no_grad;
    return teacher_(batch.images);
  }

  Module& teacher_;
  Index images_;
  Tensor kept_;              // (views × images, C)
  std::vector<bool> known_;  // its rows; empty where nothing comes again
};

}  // namespace

TemperatureSchedule anneal_temperature(double from, double to) {
  check_temperature("anneal_temperature", from);
  check_temperature("anneal_temperature", to);
  return [=](double done) { return from * std::pow(to / from, done); };
}

Distiller::Distiller(Module& teacher, Module& student, const DistillationOptions& options,
                     TemperatureSchedule schedule)
    : teacher_(teacher), student_(student), options_(options), schedule_(std::move(schedule)) {
  options.check("Distiller");
  if (teacher.name().empty()) teacher.set_name("teacher");
  if (student.name().empty()) student.set_name("student");
}

Distiller::Distiller(Module& teacher, Module& student, const DistillationOptions& options,
                     Objective objective)
    : Distiller(teacher, student, options) {
  objective_ = std::move(objective);
}

std::vector<EpochReport> Distiller::fit(const Dataset& transfer_set, const TrainOptions& options) {
  check_classes(classes_of(teacher_, transfer_set), classes_of(student_, transfer_set));
  std::vector<std::int32_t> decisions;
  if (options.test != nullptr) decisions = predict(teacher_, *options.test);

  const EvalMode eval_mode(teacher_);
  Answers answers(teacher_, transfer_set, options);
  return detail::run_epochs(
      student_, transfer_set, options,
      [&](const Batch& batch, const Tensor& logits, double done) {
        DistillationOptions now = options_;
        if (schedule_) now.temperature = schedule_(done);
        return objective_(logits, answers(batch), batch.class_ids, now);
      },
      options.test != nullptr ? &decisions : nullptr);
}

std::vector<EpochReport> distill_from_logits(const Tensor& teacher_logits, Module& student,
                                             const Dataset& transfer_set,
                                             const DistillationOptions& options,
                                             const TrainOptions& train_options) {
  constexpr const char* op = "distill_from_logits";
  options.check(op);
  if (teacher_logits.shape().rank() != 2 || teacher_logits.dim(0) != transfer_set.size()) {
    fail(op, "a row of logits is needed for each of {} images; got {}", transfer_set.size(),
         teacher_logits.shape());
  }
  if (train_options.augment) {
    fail(op, "augmentation would change the images that the teacher's answers are about");
  }
  check_classes(teacher_logits.dim(1), classes_of(student, transfer_set));
  return detail::run_epochs(
      student, transfer_set, train_options,
      [&](const Batch& batch, const Tensor& logits, double) {
        return distillation_loss(logits, gather_rows(teacher_logits, batch.indices),
                                 batch.class_ids, options);
      },
      nullptr);
}

Tensor gather_rows(const Tensor& matrix, std::span<const Index> indices) {
  if (matrix.shape().rank() != 2) fail("gather_rows", "a matrix is needed; got {}", matrix.shape());
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
