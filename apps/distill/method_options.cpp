#include "apps/distill/method_options.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/common/program.h"
#include "core/error.h"

namespace limbeck {
namespace {

// What `make` gives; its errors in the name of the option that it is about.
template <class Make>
auto in_name_of(const char* option, const Make& make) {
  try {
    return make();
  } catch (const Error& error) {
    fail(option, "{}", error.rule());
  }
}

}  // namespace

std::string MethodSettings::text() const {
  if (method.empty()) return objective;
  std::string said = temperature.empty() ? "" : "T=" + temperature;
  if (!method_options.empty()) said += (said.empty() ? "" : ", ") + method_options;
  return usual_objective(method, said,
                         alpha.empty() ? std::nullopt : std::optional(std::stod(alpha)));
}

TapPaths MethodSettings::tap_paths() const {
  TapPaths paths;
  for (std::size_t at = 0; at < taps.size();) {
    const std::size_t end = std::min(taps.find(',', at), taps.size());
    const std::string part = taps.substr(at, end - at);
    const std::size_t equals = std::min(part.find('='), part.size());
    const std::string side = part.substr(0, equals);
    if ((side != "student" && side != "teacher") || equals + 1 >= part.size()) {
      fail("--taps", "student=PATH, teacher=PATH or both with a comma are needed; got \"{}\"",
           taps);
    }
    (side == "student" ? paths.student : paths.teacher) = part.substr(equals + 1);
    at = end + 1;
  }
  return paths;
}

void MethodSettings::add_to(nlohmann::ordered_json& options) const {
  if (!given()) return;
  options["objective"] = text();
  if (!taps.empty()) options["taps"] = taps;
}

void MethodSettings::check(bool logits_alone) const {
  if (!method.empty() && !objective.empty()) {
    fail("--objective", "it says all that is learned; leave out --method {}", method);
  }
  if (!method_options.empty() && method.empty()) {
    fail("--method-options", "they need --method, whose they are");
  }
  if (!given()) {
    if (!taps.empty()) fail("--taps", "they need --method or --objective, with one on features");
    return;
  }
  if (!objective.empty()) {
    if (!temperature.empty()) fail("--temperature", "--objective says it of a method: kd(T=4)");
    if (!alpha.empty()) fail("--alpha", "--objective says weights: 0.1 * labels + 0.9 * kd");
  } else {
    const MethodInfo& info =
        in_name_of("--method", [&]() -> const MethodInfo& { return method_info(method); });
    if (!temperature.empty() &&
        std::ranges::find(info.options, "T", &MethodOption::name) == info.options.end()) {
      fail("--temperature", "{} has no T; its options: {}", method, info.options_text());
    }
    if (!alpha.empty()) static_cast<void>(in_name_of("--alpha", [&] { return text(); }));
  }
  const char* const option = !objective.empty()        ? "--objective"
                             : !method_options.empty() ? "--method-options"
                                                       : "--method";
  const Objective meant = in_name_of(option, [&] { return check_objective_text(text()); });
  static_cast<void>(tap_paths());
  const auto on_features = [](const Term& term) { return !term.teacher_taps.empty(); };
  const auto found = std::ranges::find_if(meant.terms, on_features);
  if (found == meant.terms.end()) {
    if (!taps.empty()) fail("--taps", "no method of \"{}\" looks at features", text());
  } else if (logits_alone) {
    fail("--teacher-logits", "{} looks at the teacher's features, and there are its logits alone",
         found->name);
  }
}

Objective MethodSettings::make(Module& student, Module* teacher, const Shape& image) const {
  return in_name_of(method.empty() ? "--objective" : "--method", [&] {
    return objective_of(
        text(), {.student = &student, .teacher = teacher, .image = image, .taps = tap_paths()});
  });
}

void add_options(Options& options, MethodSettings& s) {
  options
      .add("--method", s.method,
           "What the distilled student learns, by name: kd, dkd, rkd and so on, with the weights "
           "of its paper beside the labels; std:kd and so on with standardised logits. "
           "--list-methods prints all. Without it: by --temperature and --alpha")
      .type("NAME");
  options
      .add("--method-options", s.method_options,
           "Of that method, what shall not be as --list-methods has it: beta=4,T=2")
      .type("K=V,...");
  options
      .add("--objective", s.objective,
           "Or a sum of methods with weights: \"0.1*labels + 0.9*kd(T=4)\"; warm_up(0.1), "
           "until(0.8) and ramp_up(0.3) are weights that change in the course of the training")
      .type("SUM");
  options
      .add("--taps", s.taps,
           "Of methods on features: the modules that they compare, by their paths in the networks. "
           "Without it: stages that the method can compare")
      .type("student=PATH,teacher=PATH");
  options.flag("--list-methods", s.list_methods,
               "Print the methods with their options and usual weights, and stop");
}

std::optional<double> temperature_of(const Objective& objective) {
  for (const Term& term : objective.terms) {
    if (term.uses_teacher && term.temperature(0) != 1) return term.temperature(0);
  }
  return {};
}

void list_methods() {
  for (const MethodInfo& method : methods()) {
    fmt::print("{:<12}{}\n", method.name, method.what);
    fmt::print("{:<12}  options: {}\n", "", method.options_text());
    fmt::print("{:<12}  usual:   {}\n", "", usual_objective(method.name));
  }
  std::string names;
  for (const MethodInfo& method : methods()) {
    if (method.standardises) names += (names.empty() ? "std:" : ", std:") + method.name;
  }
  fmt::print("With standardised logits: {}; usual: {}\n", names, usual_objective("std:kd"));
}

}  // namespace limbeck
