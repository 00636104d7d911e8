#include "apps/distill/chains.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/common/program.h"
#include "apps/distill/settings.h"
#include "core/error.h"
#include "nn/distill/distiller.h"
#include "nn/distill/ensemble.h"
#include "nn/distill/methods/chains.h"
#include "nn/distill/methods/labels.h"
#include "nn/distill/mutual_learning.h"
#include "nn/model_spec.h"
#include "nn/train/evaluate.h"

namespace limbeck {
namespace {

// Generators of the run's seed that are none of the teacher's or a student's of a repeat.
constexpr std::uint64_t between_stream = 0x626574776565;
constexpr std::uint64_t mutual_stream = 0x6d757475616c;

// Of networks that are all there at once.
TextCheck few(const char* option) {
  return valid_number([option](double count) {
    constexpr int most = 100;
    if (!(count >= 1 && count <= most)) {
      fail(option, "there may be 1 to {} of them; got {:g}", most, count);
    }
  });
}

// T and alpha as the terms of a student by these two numbers are called.
Objective two_numbers(const DistillationOptions& o) {
  Term hard = o.alpha * labels(), soft = (1 - o.alpha) * kd({.temperature = o.temperature});
  hard.name = "hard", soft.name = "soft";
  if (o.alpha == 0) return soft;
  return o.alpha == 1 ? Objective(hard) : hard + soft;
}

// What a network between teacher and student learns: as the student, but generations of the
// paper's, if nothing else is said.
Objective objective_between(const DistillSettings& s, Module& learner, Module& teacher,
                            const Shape& image) {
  if (s.method.given()) return s.method.make(learner, &teacher, image);
  return two_numbers(s.chains.generations > 0 ? DistillationOptions{.temperature = 1, .alpha = 0}
                                              : s.distillation);
}

std::string text_of(const MutualOptions& how) {
  return fmt::format("{:g} * labels + {:g} * others(T={:g})", how.labels, how.others,
                     how.temperature);
}

std::vector<Module*> pointers(std::vector<Sequential>& networks) {
  std::vector<Module*> all;
  for (Sequential& network : networks) all.push_back(&network);
  return all;
}

// "assistant-1" → "assistant 1"
std::string title_of(std::string step) {
  std::ranges::replace(step, '-', ' ');
  return step;
}

// The trainings between teacher and student.
std::vector<ChainStep> steps_of(const DistillSettings& s, const Shape& image, Sequential& teacher,
                                std::vector<Sequential>& networks, const TrainOptions& options) {
  std::vector<ChainStep> steps;
  if (s.chains.generations > 0) {
    steps = born_again(teacher, pointers(networks), options);
  } else {
    std::vector<Module*> learners = pointers(networks);
    learners.push_back(nullptr);  // the student, of whom there may be several: they come later
    steps = assistants(teacher, learners, labels(), options);
    steps.pop_back();
  }
  for (ChainStep& step : steps) {
    step.objective = objective_between(s, *step.student, *step.from, image);
  }
  return steps;
}

// The mean of the generations' probabilities.
Outcome together(std::vector<Sequential>& networks, const std::vector<Outcome>& outcomes,
                 const Dataset& test, Sequential& teacher) {
  Ensemble ensemble(pointers(networks), {.averaging = Averaging::probabilities});
  const auto decisions = predict(ensemble, test);
  return {.title = "generations together",
          .spec = fmt::format("{} of them", networks.size()),
          .parameters = static_cast<Index>(networks.size()) * outcomes.front().parameters,
          .errors = count_errors(decisions, test),
          .total = test.size(),
          .agreement = agreement(decisions, predict(teacher, test))};
}

}  // namespace

MutualOptions mutual_options(const DistillSettings& s) {
  MutualOptions how;
  if (!s.method.temperature.empty()) how.temperature = s.distillation.temperature;
  if (!s.method.alpha.empty()) {
    how.labels = s.distillation.alpha, how.others = 1 - s.distillation.alpha;
  }
  return how;
}

Index ChainSettings::steps() const {
  const Index between = static_cast<Index>(assistants.size()) + generations;
  return between == 0 ? 0 : between + 2;
}

void ChainSettings::add_to(nlohmann::ordered_json& options, const DistillSettings& s) const {
  if (!assistants.empty()) options["assistants"] = assistants;
  if (generations > 0) options["generations"] = generations;
  if (mutual > 0) {
    options["mutual"] = mutual;
    const MutualOptions how = mutual_options(s);
    options["objective"] = text_of(how);
    options["temperature"] = how.temperature;
    if (s.method.alpha.empty()) options["alpha"] = nullptr;
  }
}

void ChainSettings::check(const DistillSettings& s) const {
  const char* const option = !assistants.empty() ? "--assistant"
                             : generations > 0   ? "--generations"
                                                 : "--mutual";
  if ((assistants.empty() ? 0 : 1) + (generations > 0 ? 1 : 0) + (mutual > 0 ? 1 : 0) > 1) {
    fail(option, "of --assistant, --generations and --mutual one alone: each says who teaches");
  }
  if (steps() == 0 && mutual == 0) return;
  if (!s.teacher_logits.empty()) {
    fail("--teacher-logits", "{} needs a teacher to ask; --teacher-weights takes one from a file",
         option);
  }
  if (generations > 0 && !s.teacher_onnx.empty()) {
    fail(option,
         "networks like a teacher from an ONNX file cannot be made; --assistant names them");
  }
  if (mutual > 0 && s.method.given()) {
    fail(option,
         "students that teach one another learn from labels and from each other, not by "
         "--method or --objective");
  }
  if (mutual > 0 && s.bits > 0) {
    fail(option, "--bits is for a student that has a teacher to learn from");
  }
  if (mutual > 0 && mutual_options(s).others == 0) {
    fail("--alpha", "at 1 students with {} learn from labels alone, and not from one another",
         option);
  }
  if (mutual == 1) fail(option, "at least two students are needed to teach one another");
}

void add_options(Options& options, ChainSettings& s) {
  options
      .add("--assistant", s.assistants,
           "A network, or several, of sizes between teacher and student: the first learns from the "
           "teacher, each other one from the one before, the student from the last, all by the "
           "same objective. For a teacher that is very much larger than the student")
      .type("SPEC")
      .check(check_model_spec);
  options
      .add("--generations", s.generations,
           "Let the teacher be born again so many times: each generation is a new network like it "
           "and learns from the one before, by its answers at T = 1 alone or by --method or "
           "--objective; the student learns from the last. The answer of all together is told, too")
      .type("N")
      .check(few("--generations"));
  options
      .add(
          "--mutual", s.mutual,
          "In place of the distilled student, so many students that learn the labels and from one "
          "another, at T = 1 or --temperature, with weight 1 for both or --alpha's; the teacher is "
          "there to compare with")
      .type("N")
      .check(few("--mutual"));
}

std::vector<Sequential> networks_between(const DistillSettings& s, const std::string& teacher_spec,
                                         const RunTools& tools) {
  std::vector<Sequential> networks;
  for (const std::string& spec : s.chains.assistants) {
    networks.push_back(tools.make(spec, 0, between_stream + networks.size()));
  }
  // A teacher from a file has no dropout.
  const double dropout = s.trains_teacher() ? s.teacher_dropout : 0;
  for (Index i = 0; i < s.chains.generations; ++i) {
    networks.push_back(tools.make(teacher_spec, dropout, between_stream + networks.size()));
  }
  return networks;
}

std::vector<Sequential> train_between(const DistillSettings& s, const ImageSets& data,
                                      Sequential& teacher, RunTools& tools, DistillReport& report) {
  std::vector<Sequential> networks = networks_between(s, report.teacher->spec, tools);
  if (networks.empty()) return networks;
  const bool again = s.chains.generations > 0;
  const auto steps =
      steps_of(s, data.train.image, teacher, networks, tools.options_of(again, false));
  const auto decisions = predict(teacher, data.test);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const ChainStep& step = steps[i];
    tools.set_step(static_cast<Index>(i) + 2);
    const std::string from = i == 0 ? "teacher" : title_of(steps[i - 1].name);
    Outcome outcome = tools.train(
        title_of(step.name), step.name, again ? report.teacher->spec : s.chains.assistants[i],
        temperature_of(step.objective), networks[i], step.options, [&](const TrainOptions& o) {
          tools.say(fmt::format("  it learns {} from {}", step.objective.str(), from));
          return Distiller(*step.from, *step.student, step.objective).fit(data.train, o);
        });
    outcome.agreement = agreement(predict(networks[i], data.test), decisions);
    tools.keep(step.name, networks[i], outcome,
               {{"objective", step.objective.str()}, {"learned_from", from}});
    report.steps.push_back(std::move(outcome));
  }
  if (again) report.together = together(networks, report.steps, data.test, teacher);
  return networks;
}

Cohort train_mutually(const DistillSettings& s, const ImageSets& data, Index repeat,
                      RunTools& tools) {
  const MutualOptions how = mutual_options(s);
  Cohort cohort;
  for (Index k = 0; k < s.chains.mutual; ++k) {
    const auto stream = static_cast<std::uint64_t>(repeat * s.chains.mutual + k);
    cohort.students.push_back(tools.make(
        s.student, 0, k == 0 ? static_cast<std::uint64_t>(repeat) + 1 : mutual_stream + stream));
  }
  const auto name = [&](const std::string& of) {
    return repeat == 0 ? of : fmt::format("{}-{}", of, repeat + 1);
  };
  TrainOptions options = tools.options_of(false, false);
  options.seed += static_cast<std::uint64_t>(repeat);
  Sequential& first = cohort.students.front();
  cohort.outcomes.push_back(
      tools.train("student, mutual 1", name("student-mutual"), s.student, how.temperature, first,
                  options, [&](const TrainOptions& o) {
                    tools.say(fmt::format("  {} students learn {} from one another",
                                          s.chains.mutual, text_of(how)));
                    return MutualLearning(pointers(cohort.students), how).fit(data.train, o);
                  }));
  for (std::size_t k = 1; k < cohort.students.size(); ++k) {
    Outcome outcome{.title = fmt::format("student, mutual {}", k + 1),
                    .spec = s.student,
                    .parameters = cohort.students[k].parameter_count(),
                    .errors = count_errors(cohort.students[k], data.test),
                    .total = data.test.size()};
    cohort.outcomes.push_back(std::move(outcome));
  }
  const double together = cohort.outcomes.front().seconds;
  for (Outcome& outcome : cohort.outcomes) {
    outcome.seconds = together / static_cast<double>(s.chains.mutual);
  }
  for (std::size_t k = 0; k < cohort.students.size(); ++k) {
    tools.keep(name(fmt::format("student-mutual-{}", k + 1)), cohort.students[k],
               cohort.outcomes[k], {{"objective", text_of(how)}});
  }
  return cohort;
}

}  // namespace limbeck
