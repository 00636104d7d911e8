#include "nn/distill/distiller.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <unordered_set>

#include "core/autograd.h"
#include "core/error.h"
#include "core/files/checksum.h"
#include "core/function_ref.h"
#include "core/ops/softmax.h"
#include "nn/distill/answers.h"
#include "nn/distill/ensemble.h"
#include "nn/distill/lesson.h"
#include "nn/train/evaluate.h"
#include "nn/train/team.h"

namespace limbeck {
namespace {

constexpr const char* in_distiller = "Distiller";

void check_classes(Index taught, Index learned) {
  if (taught == learned) return;
  fail(in_distiller,
       "the teacher tells {} classes apart and the student {}; both must have the same", taught,
       learned);
}

// Whether a parameter of the teacher is among those that are trained.
bool shares_parameters(const Module& teacher, const std::vector<Module*>& learners) {
  std::unordered_set<const detail::TensorBody*> trained;
  for (const Module* const learner : learners) {
    for (const Tensor& parameter : learner->parameters()) trained.insert(&parameter.body());
  }
  return std::ranges::any_of(teacher.parameters(), [&](const Tensor& parameter) {
    return trained.contains(&parameter.body());
  });
}

// 0, 1, …, n − 1.
std::vector<Index> first_numbers(Index n) {
  std::vector<Index> all(static_cast<std::size_t>(n));
  std::iota(all.begin(), all.end(), Index{0});
  return all;
}

// Of ranks the first one's file counts.
bool is_over_by_file(const TrainOptions& options) {
  const auto look = [&] { return is_over(options.checkpoint, options.epochs) ? "yes" : ""; };
  const Ranks* const ranks = detail::ranks_of(options);
  return ranks != nullptr ? !detail::said_by_first(*ranks, look).empty()
                          : is_over(options.checkpoint, options.epochs);
}

// A student at its lesson: what both ways to distil do.
class Pupil {
 public:
  Pupil(const char* whose_op, detail::Lesson& lesson, Module& student, const Dataset& set,
        const TrainOptions& options)
      : lesson_(lesson),
        student_(student),
        set_(set),
        options_(options),
        over_(is_over_by_file(options)),
        taps_(whose_op, "student", student, lesson.student_taps(), set),
        learners_({&student}) {
    if (lesson.reads_labels() && options.mix) {
      fail(whose_op, "mixed images have no label to learn; an objective that uses none takes them");
    }
    const auto is_label = [](std::int32_t id) { return id >= 0; };
    if (lesson.reads_labels() && set.size() > 0 && std::ranges::none_of(set.class_ids, is_label)) {
      fail(whose_op, "the objective has labels where they are known; no image has one");
    }
    learners_.insert(learners_.end(), options.with.begin(), options.with.end());
  }

  Index classes() const { return taps_.classes(); }
  // Whether the training will only be read back: then nobody is asked anything.
  bool is_over() const { return over_; }
  const std::vector<Module*>& learners() const { return learners_; }

  // What is to be done before the first step.
  void prepare(const std::vector<Shape>& teacher_taps, bool self_check) {
    const detail::LessonShapes shapes{classes(), taps_.shapes(), teacher_taps};
    const std::vector<Module*> own = lesson_.prepare(shapes, options_.seed, learners_);
    learners_.insert(learners_.end(), own.begin(), own.end());
    if (self_check && !over_) lesson_.check(set_);
  }

  // `answer` gives what the teacher says of a step's batch.
  std::vector<EpochReport> learn(FunctionRef<detail::Answer(const Step&)> answer,
                                 detail::TrainingFacts facts,
                                 const std::vector<std::int32_t>* teacher_decisions) {
    detail::Task task{.loss = [&](const Step& step) {
      detail::Answer all = answer(step);
      const std::vector<Tensor> taps = taps_.take();
      all.student_taps = taps;
      return lesson_.loss(step, all);
    }};
    task.forward = [&](const Tensor& images) {
      return taps_.run([&] { return student_(images); });
    };
    task.facts = lesson_.facts();
    task.facts.merge(facts);
    task.teacher_decisions = teacher_decisions;
    if (learners_.size() == options_.with.size() + 1) {
      return detail::run_epochs(student_, set_, options_, task);
    }
    TrainOptions with_own = options_;
    with_own.with.assign(learners_.begin() + 1, learners_.end());
    return detail::run_epochs(student_, set_, with_own, task);
  }

 private:
  detail::Lesson& lesson_;
  Module& student_;
  const Dataset& set_;
  const TrainOptions& options_;
  const bool over_;
  TapWatch taps_;
  std::vector<Module*> learners_;  // the student, what the caller has with it, the lesson's own
};

// `own_op` is for errors.
std::vector<EpochReport> learn_from(const char* own_op, const GivenAnswers& given, Module& student,
                                    const Dataset& set, detail::Lesson& lesson,
                                    const TrainOptions& options, bool self_check) {
  const Tensor& logits = given.logits;
  if (logits.shape().rank() != 2 || logits.dim(0) != set.size()) {
    fail(own_op, "a row of logits is needed for each of {} images; got {}", set.size(),
         logits.shape());
  }
  const std::vector<Index> all = first_numbers(set.size());
  detail::check_answer(own_op, "the teacher's logits", logits, all);
  if (options.augment || options.mix) {
    fail(own_op, "augmentation would change the images that the teacher's answers are about");
  }
  if (lesson.uses_labels()) set.check_labelled(own_op);
  std::vector<const Tensor*> taps;
  std::vector<Shape> shapes;
  for (const std::string& path : lesson.teacher_taps()) {
    const auto found = given.taps.find(path);
    if (found == given.taps.end()) {
      fail(own_op, "the objective asks for the teacher's \"{}\", and there are its logits {}", path,
           given.taps.empty() ? "alone" : "and other outputs");
    }
    const Tensor& tap = found->second;
    if (tap.shape().rank() == 0 || tap.dim(0) != set.size()) {
      fail(own_op, "the teacher's \"{}\" needs a row for each of {} images; got {}", path,
           set.size(), tap.shape());
    }
    detail::check_answer(own_op, fmt::format("the outputs of the teacher's \"{}\"", path), tap,
                         all);
    taps.push_back(&tap);
    shapes.push_back(tap.shape().without_front());
  }
  Pupil pupil(own_op, lesson, student, set, options);
  check_classes(logits.dim(1), pupil.classes());
  pupil.prepare(shapes, self_check);
  detail::TrainingFacts facts;
  if (!options.checkpoint.file.empty()) {
    Checksum sum;
    sum.add(logits);
    for (const Tensor* const tap : taps) sum.add(*tap);
    facts["teacher's logits"] = sum.str();
  }
  std::vector<Tensor> taps_of_batch(taps.size());
  const auto answer = [&](const Step& step) -> detail::Answer {
    const std::vector<Index>& rows = step.batch.indices;
    for (std::size_t i = 0; i < taps.size(); ++i) {
      taps_of_batch[i] = gather_rows(taps[i]->detach(), rows);
    }
    const Tensor of_batch = gather_rows(logits.detach(), rows);
    return {.teacher = [of_batch](double) { return of_batch; }, .teacher_taps = taps_of_batch};
  };
  return pupil.learn(answer, std::move(facts), nullptr);
}

}  // namespace

TemperatureSchedule anneal_temperature(double from, double to) {
  check_temperature("anneal_temperature", from);
  check_temperature("anneal_temperature", to);
  return [=](double done) { return from * std::pow(to / from, done); };
}

Distiller::Distiller(std::shared_ptr<detail::Lesson> lesson, Module& teacher, Module& student,
                     const DistillerOptions& how)
    : teacher_(teacher), student_(student), lesson_(std::move(lesson)), how_(how) {
  if (how.answers_limit < 0 || how.gradient_every < 0) {
    fail(in_distiller, "answers_limit, {} bytes, and gradient_every, {} steps, must be at least 0",
         how.answers_limit, how.gradient_every);
  }
  if (teacher.name().empty()) teacher.set_name("teacher");
  if (student.name().empty()) student.set_name("student");
}

Distiller::Distiller(Module& teacher, Module& student, const DistillationOptions& options,
                     TemperatureSchedule schedule, const DistillerOptions& how)
    : Distiller(detail::two_number_lesson(in_distiller, options, std::move(schedule)), teacher,
                student, how) {}

Distiller::Distiller(Module& teacher, Module& student, Objective objective,
                     const DistillerOptions& how)
    : Distiller(detail::lesson_of(in_distiller, std::move(objective), how), teacher, student, how) {
}

KeptAnswers Distiller::kept_answers(const Dataset& transfer_set, const TrainOptions& options) {
  if (!lesson_->asks_teacher()) return {};
  const TapWatch taps(in_distiller, "teacher", teacher_, lesson_->teacher_taps(), transfer_set);
  const auto size = detail::Answers::size_of(teacher_, taps, transfer_set, options);
  std::vector<Module*> learners = {&student_};
  learners.insert(learners.end(), options.with.begin(), options.with.end());
  for (Module* const module : lesson_->modules()) learners.push_back(module);
  return {.bytes = size.bytes,
          .kept = size.rows > 0 && size.bytes <= how_.answers_limit &&
                  !shares_parameters(teacher_, learners)};
}

std::vector<EpochReport> Distiller::fit(const Dataset& transfer_set, const TrainOptions& options) {
  return detail::together(detail::ranks_of(options), [&] { return learn(transfer_set, options); });
}

std::vector<EpochReport> Distiller::learn(const Dataset& transfer_set,
                                          const TrainOptions& options) {
  if (const Ranks* const ranks = detail::ranks_of(options)) {
    detail::TrainingFacts facts = detail::facts_for_all(transfer_set, options);
    facts["teacher"] = detail::layers_of(teacher_);
    facts["teacher's weights"] = detail::checksum_of(teacher_);
    detail::agree(*ranks, facts);
  }
  if (lesson_->uses_labels()) transfer_set.check_labelled(in_distiller);
  TapWatch taps(in_distiller, "teacher", teacher_, lesson_->teacher_taps(), transfer_set);
  Pupil pupil(in_distiller, *lesson_, student_, transfer_set, options);
  check_classes(taps.classes(), pupil.classes());
  pupil.prepare(taps.shapes(), how_.self_check);
  std::vector<std::int32_t> decisions;
  if (options.test != nullptr && !pupil.is_over()) {
    decisions = predict(teacher_, *options.test, options.ranks);
  }

  const EvalMode eval_mode(teacher_);
  std::optional<detail::Answers> answers;
  if (lesson_->asks_teacher() && !pupil.is_over()) {
    const Index bytes = detail::Answers::size_of(teacher_, taps, transfer_set, options).bytes;
    const bool keeps =
        bytes <= how_.answers_limit && !shares_parameters(teacher_, pupil.learners());
    answers.emplace(teacher_, taps, lesson_->teacher_taps(), transfer_set, options, keeps);
  }
  detail::TrainingFacts facts;
  if (!options.checkpoint.file.empty()) {
    facts["teacher"] = detail::layers_of(teacher_);
    facts["teacher's weights"] = detail::checksum_of(teacher_);
  }
  const auto answer = [&](const Step& step) -> detail::Answer {
    if (!answers) return {};
    answers->ask(step);
    return {.teacher = [&](double temperature) { return answers->logits(temperature); },
            .teacher_taps = answers->taps()};
  };
  return pupil.learn(answer, std::move(facts), options.test != nullptr ? &decisions : nullptr);
}

std::vector<EpochReport> distill_from_logits(const Tensor& teacher_logits, Module& student,
                                             const Dataset& transfer_set,
                                             const DistillationOptions& options,
                                             const TrainOptions& train_options,
                                             const TemperatureSchedule& schedule) {
  const auto lesson = detail::two_number_lesson("distill_from_logits", options, schedule);
  return learn_from("distill_from_logits", {.logits = teacher_logits}, student, transfer_set,
                    *lesson, train_options, false);
}

std::vector<EpochReport> distill_from_logits(const Tensor& teacher_logits, Module& student,
                                             const Dataset& transfer_set,
                                             const Objective& objective,
                                             const TrainOptions& train_options,
                                             const DistillerOptions& how) {
  const auto lesson = detail::lesson_of("distill_from_logits", objective, how);
  return learn_from("distill_from_logits", {.logits = teacher_logits}, student, transfer_set,
                    *lesson, train_options, how.self_check);
}

GivenAnswers answers_of(Module& teacher, const Dataset& set, const std::vector<std::string>& taps) {
  constexpr const char* own_op = "answers_of";
  constexpr std::size_t at_once = detail::images_at_once;
  if (const auto* const ensemble = exactly<Ensemble>(teacher);
      ensemble != nullptr && ensemble->averaging() == Averaging::probabilities) {
    fail(own_op,
         "this ensemble's mean of probabilities is another one at each temperature; use a "
         "Distiller, or an ensemble that averages logits");
  }
  TapWatch watch(own_op, "teacher", teacher, taps, set);
  GivenAnswers given{.logits = Tensor::empty({set.size(), watch.classes()})};
  for (std::size_t i = 0; i < taps.size(); ++i) {
    given.taps[taps[i]] = Tensor::empty(watch.shapes()[i].with_front(set.size()));
  }
  const EvalMode eval_mode(teacher);
  const NoGrad no_grad;
  const std::vector<Index> all = first_numbers(set.size());
  for (std::span<const Index> rest = all; !rest.empty();) {
    const auto part = rest.first(std::min(rest.size(), at_once));
    const auto keep = [&](const std::string& what, const Tensor& answer, Tensor where) {
      detail::check_answer(own_op, what, answer, part);
      const Index width = where.size() / set.size();
      std::ranges::copy(answer.values(), where.data() + part.front() * width);
    };
    const Tensor images = make_batch(set, part).images;
    keep("the teacher's logits", watch.run([&] { return teacher(images); }), given.logits);
    const std::vector<Tensor> outputs = watch.take();
    for (std::size_t i = 0; i < taps.size(); ++i) {
      keep(fmt::format("the outputs of the teacher's \"{}\"", taps[i]), outputs[i],
           given.taps[taps[i]]);
    }
    rest = rest.subspan(part.size());
  }
  return given;
}

std::vector<EpochReport> distill_from_answers(const GivenAnswers& answers, Module& student,
                                              const Dataset& transfer_set,
                                              const Objective& objective,
                                              const TrainOptions& train_options,
                                              const DistillerOptions& how) {
  const auto lesson = detail::lesson_of("distill_from_answers", objective, how);
  return learn_from("distill_from_answers", answers, student, transfer_set, *lesson, train_options,
                    how.self_check);
}

std::vector<EpochReport> fit(Module& student, const Dataset& train, const TrainOptions& options,
                             const Objective& objective, const DistillerOptions& how) {
  for (const Term& term : objective.terms) {
    if (!term.uses_teacher && term.teacher_taps.empty()) continue;
    fail("fit", "the term \"{}\" asks for a teacher, and there is none: a Distiller has one",
         term.name);
  }
  const auto lesson = detail::lesson_of("fit", objective, how);
  if (lesson->uses_labels()) train.check_labelled("fit");
  Pupil pupil("fit", *lesson, student, train, options);
  pupil.prepare({}, how.self_check);
  return pupil.learn([](const Step&) { return detail::Answer{}; }, {}, nullptr);
}

}  // namespace limbeck
