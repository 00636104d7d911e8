// Every method of distillation beside the others: equal epochs, equal numbers of tries for their
// parameters, the same seeds, and what chance leaves of the differences.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <optional>

#include "apps/study/classroom.h"
#include "apps/study/interval_chart.h"
#include "core/error.h"
#include "nn/distill/methods/method_table.h"

namespace limbeck {
namespace {

constexpr std::size_t tries_each = 5;
constexpr std::uint64_t seed_of_tries = 1001;  // none of those that are judged

std::optional<double> usual_temperature(const std::string& name) {
  const MethodInfo& method = method_info(name);
  const auto found = std::ranges::find(method.options, "T", &MethodOption::name);
  if (found == method.options.end()) return {};
  // Where logits are standardised, usual_objective() has T = 2 for those that share with labels.
  if (name.starts_with("std:") && method.alpha) return 2;
  return std::atof(found->usual.c_str());
}

// The objectives that are tried for a method. The first is that of its paper; the others have
// another T, another weight or, where labels and method share the weight of 1, another α. Which of
// these depends on what the method has, so that a new one is tried likewise.
std::vector<std::string> tries_of(const std::string& name) {
  const MethodInfo& method = method_info(name);
  const std::string usual = usual_objective(name);
  const std::optional<double> t = usual_temperature(name);
  std::vector<std::string> tries = {usual};
  const auto with = [&](const char* option, std::initializer_list<double> values) {
    for (const double value : values) {
      tries.push_back(usual_objective(name, fmt::format("{}={:g}", option, value)));
    }
  };
  const auto weighted = [&](std::initializer_list<double> factors) {
    const std::size_t at = usual.rfind(name);
    for (const double factor : factors) {
      tries.push_back(fmt::format("{}{:g} * {}", usual.substr(0, at), factor, usual.substr(at)));
    }
  };
  if (name == "labels") {
    with("label_smoothing", {0.02, 0.05, 0.1, 0.2});
  } else if (name.starts_with("std:") && method.alpha && t) {
    with("T", {1, 4, 8, 16});
  } else if (method.alpha && !name.starts_with("std:")) {
    if (t) with("T", {*t / 4, *t / 2, 2 * *t});
    for (const double alpha : {0.5, 0.3, 0.1, 0.7, 0.9}) {
      if (tries.size() == tries_each) break;
      if (alpha != *method.alpha) tries.push_back(usual_objective(name, "", alpha));
    }
  } else if (t) {
    with("T", {*t / 2, 2 * *t});
    weighted({0.3, 3});
  } else {
    weighted({0.03, 0.1, 0.3, 3});
  }
  if (tries.size() != tries_each) fail("study", "{} has {} tries", name, tries.size());
  return tries;
}

// kd first, which the others are compared with.
std::vector<std::string> method_names(const StudySettings& settings) {
  std::vector<std::string> names = {"kd"};
  const auto add = [&](const std::string& name) {
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  };
  for (const std::string& name : settings.methods) add(name);
  if (!settings.methods.empty()) return names;
  add("labels");
  for (const MethodInfo& method : methods()) add(method.name);
  add("std:kd");
  return names;
}

// A method with what was chosen for it, and how it did.
struct Candidate {
  std::string name;
  std::string objective{};
  std::string chosen_with{};  // the student
  std::string refusal{};      // why it cannot be tried here; else empty
  AttemptResult outcome{};
  Estimate errors{}, to_kd{};

  std::string verdict() const { return name == "kd" ? "" : verdict_of(to_kd); }
};

// Sets the objective with the fewest errors on held-out images, the first among equals.
void choose(Classroom& room, const std::string& student, Index epochs, const Dataset& held,
            std::vector<Candidate>& candidates) {
  std::vector<Attempt> attempts;
  std::vector<Candidate*> tried;
  for (Candidate& candidate : candidates) {
    if (!candidate.objective.empty()) continue;  // chosen with a student before
    const std::vector<std::string> tries = tries_of(candidate.name);
    candidate.refusal = room.refusal({.student = student, .objective = tries.front()});
    if (!candidate.refusal.empty()) continue;
    for (const std::string& objective : tries) attempts.push_back({student, objective, epochs});
    tried.push_back(&candidate);
  }
  const std::vector<AttemptResult> outcomes = room.outcomes_of(attempts, seed_of_tries, 1, &held);
  for (std::size_t i = 0; i < tried.size(); ++i) {
    const auto begin = outcomes.begin() + static_cast<std::ptrdiff_t>(i * tries_each);
    const auto best = std::min_element(begin, begin + tries_each,
                                       [](const AttemptResult& a, const AttemptResult& b) {
                                         return a.errors.front() < b.errors.front();
                                       });
    tried[i]->objective = attempts[static_cast<std::size_t>(best - outcomes.begin())].objective;
    tried[i]->chosen_with = student;
  }
}

void judge(Classroom& room, const Sized& student, Index epochs,
           std::vector<Candidate>& candidates) {
  std::vector<Attempt> attempts;
  std::vector<Candidate*> judged;
  for (Candidate& candidate : candidates) {
    if (!candidate.objective.empty()) {  // the refusal may be of another student
      candidate.refusal = room.refusal({.student = student.spec, .objective = candidate.objective});
    }
    if (!candidate.refusal.empty()) continue;
    attempts.push_back({student.spec, candidate.objective, epochs});
    judged.push_back(&candidate);
  }
  const std::vector<AttemptResult> outcomes = room.outcomes_of(attempts, 1, student.seeds);
  for (std::size_t i = 0; i < judged.size(); ++i) {
    judged[i]->outcome = outcomes[i];
    judged[i]->errors = estimate_of(outcomes[i].errors);
    judged[i]->to_kd = paired_difference(outcomes[i].errors, outcomes.front().errors);
  }
}

std::string list_of(const std::vector<Candidate>& candidates, const std::string& verdict) {
  std::vector<std::string> names;
  for (const Candidate& c : candidates) {
    if (c.name == "kd" || !c.refusal.empty() || c.verdict() != verdict) continue;
    const bool tells = verdict == "fewer" || verdict == "more";
    names.push_back(tells ? fmt::format("{} ({})", c.name, signed_text_of(c.to_kd)) : c.name);
  }
  return names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "));
}

std::string found(const std::vector<Candidate>& candidates, Index seeds) {
  std::string text;
  if (seeds > 1) {
    const auto compared = std::ranges::count_if(
        candidates, [](const Candidate& c) { return c.name != "kd" && c.refusal.empty(); });
    text += fmt::format("Fewer errors than kd: {}.\nMore: {}.\n", list_of(candidates, "fewer"),
                        list_of(candidates, "more"));
    text += fmt::format("No difference to kd within the interval: {}.\n",
                        list_of(candidates, verdict_of({.half = 0})));
    const std::string alike = list_of(candidates, verdict_of({.mean = 1, .half = 0}));
    if (alike != "none") {
      text += fmt::format("The same difference with each seed, so no interval: {}.\n", alike);
    }
    if (compared > 1) {
      text += fmt::format(
          "Of {} differences, {:.1f} would lie outside of their intervals by chance alone.\n",
          compared, 0.05 * static_cast<double>(compared));
    } else if (compared == 1) {
      text +=
          "By chance alone the difference would lie outside of its interval once in 20 times.\n";
    }
  } else {
    text += "One seed tells nothing of chance: no interval, and no method is better by it.\n";
  }
  for (const Candidate& c : candidates) {
    if (!c.refusal.empty()) text += fmt::format("Not with this student: {}.\n", c.refusal);
  }
  return text;
}

// "mlp:30,30", or "mlp:30,30 (at: cnn-tiny)" where the first could not learn by one.
std::string chosen_with(const std::vector<Candidate>& candidates) {
  const auto kd = std::ranges::find(candidates, "kd", &Candidate::name);
  std::vector<std::string> others;
  for (const Candidate& c : candidates) {
    if (c.refusal.empty() && c.chosen_with != kd->chosen_with) {
      others.push_back(fmt::format("{}: {}", c.name, c.chosen_with));
    }
  }
  if (others.empty()) return kd->chosen_with;
  return fmt::format("{} ({})", kd->chosen_with, fmt::join(others, ", "));
}

void report(Lab& lab, Classroom& room, const std::string& teacher, const Sized& student,
            Index epochs, const Dataset& held, std::vector<Candidate> candidates) {
  std::ranges::stable_sort(candidates, {}, [](const Candidate& c) {
    return c.refusal.empty() ? c.errors.mean : std::numeric_limits<double>::infinity();
  });
  Table table;
  IntervalChart chart{
      .title = fmt::format("Errors of {} by what it learns from {}, less those of kd", student.spec,
                           teacher),
      .x_label = fmt::format("difference of errors, of {}, with its 95 % interval; {} seeds",
                             lab.test().size(), student.seeds),
      .reference = 0};
  for (const Candidate& c : candidates) {
    if (!c.refusal.empty()) continue;
    const bool kd = c.name == "kd";
    table.push_back({{"method", c.name},
                     {"learned", c.objective},
                     {"errors", c.errors.mean},
                     {"± 95 %", half_cell(c.errors)},
                     {"to kd", kd ? Row(nullptr) : Row(c.to_kd.mean)},
                     {"±", kd ? Row(nullptr) : half_cell(c.to_kd)},
                     {"ms a step", c.outcome.ms_a_step}});
    if (!kd) chart.rows.push_back({c.name, c.to_kd.mean, c.to_kd.half.value_or(0)});
  }
  const std::string name = fmt::format("methods-{}-of-{}", in_file(student.spec), in_file(teacher));
  if (!chart.rows.empty()) lab.write(name + ".svg", svg(chart));
  lab.report(name, table,
             fmt::format("{} from {}, which makes {} errors of {}: {} images, {} epochs, seeds 1 "
                         "to {}.\nParameters by {} tries each with {}, judged on {} other training "
                         "images.\n{}",
                         student.spec, teacher, room.teacher_errors(), lab.test().size(),
                         room.images().size(), epochs, student.seeds, tries_each,
                         chosen_with(candidates), held.size(), found(candidates, student.seeds)));
}

}  // namespace

void study_methods(Lab& lab) {
  const bool quick = lab.settings().quick;
  // A method's parameters are chosen with the first of these students that can learn by it.
  const std::vector<Sized> students = students_of(
      lab, quick ? std::vector<Sized>{{"mlp:30,30", 3}}
                 : std::vector<Sized>{{"mlp:30,30", 10}, {"cnn-tiny", 3}, {"mlp:800,800", 3}});
  const Index epochs = lab.epochs(6, 5);
  const TrainTest parts = held_out(lab.train());
  for (const std::string& spec :
       lab.teachers(quick ? std::vector<std::string>{"mlp:1200,1200"}
                          : std::vector<std::string>{"mlp:1200,1200", "cnn-large"})) {
    Training teacher = classroom_teacher(lab, parts.train);
    teacher.spec = spec;
    Classroom room(lab, teacher);
    std::vector<Candidate> candidates;
    for (const std::string& name : method_names(lab.settings()))
      candidates.push_back({.name = name});
    for (const Sized& student : students) {
      choose(room, student.spec, epochs, parts.test, candidates);
      judge(room, student, epochs, candidates);
      report(lab, room, spec, student, epochs, parts.test, candidates);
    }
  }
}

}  // namespace limbeck
