#include "apps/study/classroom.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "nn/distill/methods/method_table.h"
#include "nn/train/evaluate.h"

namespace limbeck {
namespace {

// Kept answers take no more than about this; those of other taps are then asked for again.
constexpr Index taps_limit = Index{2} << 30;

std::vector<std::string> teacher_taps(const Objective& objective) {
  std::vector<std::string> paths;
  for (const Term& term : objective.terms) {
    paths.insert(paths.end(), term.teacher_taps.begin(), term.teacher_taps.end());
  }
  return paths;
}

bool asks_teacher(const Objective& objective) {
  return std::ranges::any_of(objective.terms, [](const Term& term) {
    return term.uses_teacher || !term.teacher_taps.empty();
  });
}

double seconds_of(const std::vector<EpochReport>& reports) {
  double seconds = 0;
  for (const EpochReport& report : reports) seconds += report.seconds;
  return seconds;
}

}  // namespace

std::vector<Sized> students_of(const Lab& lab, const std::vector<Sized>& own) {
  std::vector<Sized> students;
  for (const Sized& student : own) {
    if (lab.settings().students.empty()) {
      students.push_back({student.spec, lab.seeds(student.seeds)});
    }
  }
  for (const std::string& spec : lab.settings().students) {
    const auto known = std::ranges::find(own, spec, &Sized::spec);
    students.push_back({spec, lab.seeds(known != own.end() ? known->seeds : own.front().seeds)});
  }
  return students;
}

Training classroom_teacher(const Lab& lab, const Dataset& set) {
  Training teacher = lab.usual_teacher();
  teacher.epochs = lab.teacher_epochs(10, 5);
  teacher.set = &set;
  return teacher;
}

Classroom::Classroom(Lab& lab, const Training& teacher)
    : lab_(lab),
      training_(teacher),
      teacher_is_({{"name", "teacher"}, {"trained", lab.describe(teacher)}}),
      teacher_(lab.network("teacher", teacher)) {}

Index Classroom::teacher_errors() {
  return count_errors(teacher_, lab_.test());
}

Objective Classroom::objective_for(Sequential& student, const std::string& text) {
  return objective_of(text, {.student = &student, .teacher = &teacher_, .image = images().image});
}

std::string Classroom::refusal(const Attempt& attempt) {
  Sequential student = untrained({.spec = attempt.student, .set = &images()});
  try {
    static_cast<void>(objective_for(student, attempt.objective));
  } catch (const Error& error) {
    const std::string rule = error.rule();  // "TEXT", character 17: at: it compares …
    const std::size_t place = rule.rfind("\", character ");
    return place == std::string::npos ? rule : rule.substr(rule.find(": ", place) + 2);
  }
  return "";
}

const GivenAnswers& Classroom::answers(const std::vector<std::string>& taps) {
  std::vector<std::string> missing;
  for (const std::string& path : taps) {
    if (!answers_.taps.contains(path)) missing.push_back(path);
  }
  if (answers_.logits.defined() && missing.empty()) return answers_;
  GivenAnswers more = answers_of(teacher_, images(), missing);
  Index bytes = 0;
  for (const auto* part : {&answers_, &more}) {
    for (const auto& tap : part->taps) {
      bytes += tap.second.size() * static_cast<Index>(sizeof(real));
    }
  }
  if (bytes > taps_limit) {  // then only those that are asked for now
    std::erase_if(answers_.taps, [&](const auto& tap) {
      return std::ranges::find(taps, tap.first) == taps.end();
    });
  }
  answers_.logits = more.logits;
  answers_.taps.merge(more.taps);
  return answers_;
}

Json Classroom::learn(const Training& training, const std::string& text, const Dataset& judge) {
  double seconds = 0;
  Sequential student =
      lab_.trained(training, [&](Sequential& network, const TrainOptions& options) {
        const Objective objective = objective_for(network, text);
        seconds =
            seconds_of(distill_from_answers(answers(teacher_taps(objective)), network, images(),
                                            objective, options, {.self_check = false}));
      });
  const Index steps =
      training.epochs * ((images().size() + training.batch_size - 1) / training.batch_size);
  return {{"errors", count_errors(student, judge)},
          {"ms_a_step", 1000 * seconds / static_cast<double>(steps)}};
}

std::vector<AttemptResult> Classroom::outcomes_of(const std::vector<Attempt>& attempts,
                                                  std::uint64_t first, Index seeds,
                                                  const Dataset* chooses) {
  const Dataset& judge = chooses != nullptr ? *chooses : lab_.test();
  std::vector<Run> runs;
  for (std::uint64_t seed = first; seed < first + static_cast<std::uint64_t>(seeds); ++seed) {
    for (const Attempt& attempt : attempts) {
      const Training training{
          .spec = attempt.student, .seed = seed, .epochs = attempt.epochs, .set = &images()};
      Json more = {{"objective", attempt.objective},
                   {"judged_by", chooses != nullptr ? "held out" : "test"}};
      if (asks_teacher(check_objective_text(attempt.objective))) more["teacher"] = teacher_is_;
      runs.push_back({.what = lab_.describe(training, more),
                      .title = fmt::format("{}, {}, seed {}{}", attempt.student, attempt.objective,
                                           seed, chooses != nullptr ? ", held out" : ""),
                      .cost = cost_of(training),
                      .work = [this, training, text = attempt.objective, &judge] {
                        return learn(training, text, judge);
                      }});
    }
  }
  const std::vector<Json> results = lab_.run(runs);
  std::vector<AttemptResult> outcomes(attempts.size());
  for (std::size_t i = 0; i < results.size(); ++i) {
    AttemptResult& outcome = outcomes[i % attempts.size()];
    const double ms = number_in(results[i], "ms_a_step");
    outcome.ms_a_step = outcome.errors.empty() ? ms : std::min(ms, outcome.ms_a_step);
    outcome.errors.push_back(static_cast<double>(count_in(results[i], "errors")));
  }
  return outcomes;
}

Row half_cell(const Estimate& estimate) {
  return estimate.half ? Row(*estimate.half) : Row(nullptr);
}

}  // namespace limbeck
