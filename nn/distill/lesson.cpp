#include "nn/distill/lesson.h"

#include <algorithm>

#include "nn/losses.h"

namespace limbeck::detail {
namespace {

// α · hard + (1 − α) · soft, and T in the course of the training.
class TwoNumberLesson : public Lesson {
 public:
  TwoNumberLesson(const DistillationOptions& options, TemperatureSchedule schedule)
      : options_(options), schedule_(std::move(schedule)) {}

  bool uses_labels() const override { return options_.alpha > 0; }
  bool asks_teacher() const override { return options_.alpha < 1; }

  TrainingFacts facts() const override {
    const auto t = [&](double done) { return schedule_ ? schedule_(done) : options_.temperature; };
    return {{"loss", "distillation_loss"},
            {"temperature", fmt::format("{:g}, {:g}, {:g}", t(0), t(0.5), t(1))},
            {"alpha", fmt::format("{}", options_.alpha)}};
  }

  Loss loss(const Step& step, const Answer& answer) const override {
    const std::vector<std::int32_t>& class_ids = step.batch.class_ids;
    if (!asks_teacher()) return {{"hard", 1, cross_entropy(step.logits, class_ids)}};
    DistillationOptions now = options_;
    if (schedule_) now.temperature = schedule_(step.done);
    const DistillationLoss loss =
        distillation_loss(step.logits, answer.teacher(now.temperature), class_ids, now);
    const Index labelled = std::ranges::count_if(class_ids, [](auto c) { return c >= 0; });
    return Loss(loss.total,
                {{.name = "hard", .weight = now.alpha, .value = loss.hard, .images = labelled},
                 {.name = "soft", .weight = 1 - now.alpha, .value = loss.soft}});
  }

 private:
  DistillationOptions options_;
  TemperatureSchedule schedule_;
};

}  // namespace

std::unique_ptr<Lesson> two_number_lesson(const char* op, const DistillationOptions& options,
                                          TemperatureSchedule schedule) {
  options.check(op);
  return std::make_unique<TwoNumberLesson>(options, std::move(schedule));
}

}  // namespace limbeck::detail
