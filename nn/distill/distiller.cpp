#include "nn/distill/distiller.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/autograd.h"
#include "core/error.h"
#include "core/files/checksum.h"
#include "core/ops/softmax.h"
#include "nn/distill/ensemble.h"
#include "nn/losses.h"
#include "nn/sequential.h"
#include "nn/train/evaluate.h"

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

// Error: row `row`, what the teacher says of that image, is not finite. From it a student would
// learn what is no number, and the loss would be blamed.
void check_answer(const char* op, const Tensor& logits, Index row, Index image) {
  const Index classes = logits.dim(1);
  for (Index j = 0; j < classes; ++j) {
    const real v = logits.data()[row * classes + j];
    if (std::isfinite(v)) continue;
    fail(op, "the teacher's logits for image {} have {}: they must be finite", image, v);
  }
}

// The teacher's logits for the batches of a training, asked for once where images come again. Of an
// ensemble the members' logits are kept, which it then averages at the T of the moment.
class Answers {
 public:
  Answers(Module& teacher, const Dataset& set, const TrainOptions& options)
      : ensemble_(exactly<Ensemble>(teacher)),
        ask_([ensemble = ensemble_, &teacher](const Tensor& images) {
          return ensemble != nullptr ? ensemble->member_logits(images) : teacher(images);
        }),
        images_(set.size()) {
    if (!options.augment) {
      kept_ = logits_of(ask_, set);
      for (Index i = 0; i < images_; ++i) check_answer("Distiller", kept_, i, i);
      known_.assign(static_cast<std::size_t>(images_), true);
    } else if (options.views > 0) {
      known_.assign(static_cast<std::size_t>(options.views * images_), false);
    }
  }

  Tensor operator()(const Batch& batch, double temperature) {
    const NoGrad no_grad;
    const Tensor answers = known_.empty() ? ask(batch) : kept(batch);
    return ensemble_ != nullptr ? ensemble_->average(answers, temperature) : answers;
  }

 private:
  Tensor ask(const Batch& batch) {
    const Tensor logits = ask_(batch.images);
    for (std::size_t i = 0; i < batch.indices.size(); ++i) {
      check_answer("Distiller", logits, static_cast<Index>(i), batch.indices[i]);
    }
    return logits;
  }

  Tensor kept(const Batch& batch) {
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

  Ensemble* ensemble_;       // or null
  Function ask_;             // of images
  Index images_;             // in the transfer set
  Tensor kept_;              // (views × images, C)
  std::vector<bool> known_;  // its rows; empty where nothing comes again
};

// What a student's loss is made of, the same for both ways to distil.
class StudentLoss {
 public:
  StudentLoss(const DistillationOptions& options, const TemperatureSchedule& schedule,
              const Objective& objective)
      : options_(options), schedule_(schedule), objective_(objective) {}

  // Whether the teacher's answers make a difference.
  bool asks_teacher() const { return objective_ || options_.alpha < 1; }

  // `answers` gives the teacher's logits at a temperature.
  template <class TeacherLogits>
  Loss operator()(const Step& step, const TeacherLogits& answers) const {
    const std::vector<std::int32_t>& class_ids = step.batch.class_ids;
    if (!asks_teacher()) return {{"hard", 1, cross_entropy(step.logits, class_ids)}};
    DistillationOptions now = options_;
    if (schedule_) now.temperature = schedule_(step.done);
    const Objective& objective = objective_ ? objective_ : standard_;
    const DistillationLoss loss = objective(step.logits, answers(now.temperature), class_ids, now);
    const Index labelled = std::ranges::count_if(class_ids, [](auto c) { return c >= 0; });
    return Loss(loss.total,
                {{.name = "hard", .weight = now.alpha, .value = loss.hard, .images = labelled},
                 {.name = "soft", .weight = 1 - now.alpha, .value = loss.soft}});
  }

  // Labels that count must be there. An objective of the caller's sees for itself.
  void check_labels(const char* op, const Dataset& set) const {
    if (!objective_ && options_.alpha > 0) set.check_labelled(op);
  }

  detail::TrainingFacts facts() const {
    const auto t = [&](double done) { return schedule_ ? schedule_(done) : options_.temperature; };
    return {{"loss", objective_ ? "an objective of the caller's" : "distillation_loss"},
            {"temperature", fmt::format("{:g}, {:g}, {:g}", t(0), t(0.5), t(1))},
            {"alpha", fmt::format("{}", options_.alpha)}};
  }

 private:
  DistillationOptions options_;
  TemperatureSchedule schedule_;
  Objective objective_;
  Objective standard_ = distillation_loss;
};

}  // namespace

TemperatureSchedule anneal_temperature(double from, double to) {
  check_temperature("anneal_temperature", from);
  check_temperature("anneal_temperature", to);
  return [=](double done) { return from * std::pow(to / from, done); };
}

Distiller::Distiller(Module& teacher, Module& student, const DistillationOptions& options,
                     TemperatureSchedule schedule, Objective objective)
    : teacher_(teacher),
      student_(student),
      options_(options),
      schedule_(std::move(schedule)),
      objective_(std::move(objective)) {
  options.check("Distiller");
  if (teacher.name().empty()) teacher.set_name("teacher");
  if (student.name().empty()) student.set_name("student");
}

std::vector<EpochReport> Distiller::fit(const Dataset& transfer_set, const TrainOptions& options) {
  const StudentLoss loss(options_, schedule_, objective_);
  loss.check_labels("Distiller", transfer_set);
  check_classes(classes_of(teacher_, transfer_set), classes_of(student_, transfer_set));
  std::vector<std::int32_t> decisions;
  if (options.test != nullptr) decisions = predict(teacher_, *options.test);

  const EvalMode eval_mode(teacher_);
  std::optional<Answers> answers;
  if (loss.asks_teacher()) answers.emplace(teacher_, transfer_set, options);
  detail::TrainingFacts facts = loss.facts();
  if (!options.checkpoint.file.empty()) {
    facts["teacher"] = detail::layers_of(teacher_);
    facts["teacher's weights"] = detail::checksum_of(teacher_);
  }
  return detail::run_epochs(
      student_, transfer_set, options,
      [&](const Step& step) {
        return loss(step, [&](double t) { return (*answers)(step.batch, t); });
      },
      options.test != nullptr ? &decisions : nullptr, std::move(facts));
}

std::vector<EpochReport> distill_from_logits(const Tensor& teacher_logits, Module& student,
                                             const Dataset& transfer_set,
                                             const DistillationOptions& options,
                                             const TrainOptions& train_options,
                                             const TemperatureSchedule& schedule,
                                             const Objective& objective) {
  constexpr const char* op = "distill_from_logits";
  options.check(op);
  if (teacher_logits.shape().rank() != 2 || teacher_logits.dim(0) != transfer_set.size()) {
    fail(op, "a row of logits is needed for each of {} images; got {}", transfer_set.size(),
         teacher_logits.shape());
  }
  for (Index i = 0; i < teacher_logits.dim(0); ++i) check_answer(op, teacher_logits, i, i);
  if (train_options.augment) {
    fail(op, "augmentation would change the images that the teacher's answers are about");
  }
  const StudentLoss loss(options, schedule, objective);
  loss.check_labels(op, transfer_set);
  check_classes(teacher_logits.dim(1), classes_of(student, transfer_set));
  detail::TrainingFacts facts = loss.facts();
  if (!train_options.checkpoint.file.empty()) {
    Checksum sum;
    sum.add(teacher_logits);
    facts["teacher's logits"] = sum.str();
  }
  return detail::run_epochs(
      student, transfer_set, train_options,
      [&](const Step& step) {
        return loss(
            step, [&](double) { return gather_rows(teacher_logits.detach(), step.batch.indices); });
      },
      nullptr, std::move(facts));
}

}  // namespace limbeck
