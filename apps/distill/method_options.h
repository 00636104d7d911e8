// What the distilled student learns, as mnist_distill's command line says it: by a method of the
// library's table (nn/distill/methods/method_table.h), or by a sum of them.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "nn/distill/methods/method_table.h"

namespace limbeck {

class Options;
struct DistillSettings;

// Without method and objective: by T and alpha, as DistillSettings::distillation has them.
struct MethodSettings {
  std::string method, method_options, objective, taps;
  // What was said of them, as texts; empty: nothing.
  std::string temperature, alpha;
  bool list_methods = false;

  bool given() const { return !method.empty() || !objective.empty(); }
  // That objective as a text: of a method, what is usual with it.
  std::string text() const;
  // The modules that --taps names.
  TapPaths tap_paths() const;
  // Adds them to the program's options in JSON, where they are given.
  void add_to(nlohmann::ordered_json& options) const;
  // Error, in an option's name: two that do not go together, a method or an option of it that is
  // not there, T or alpha for one that has none, and, where only the teacher's logits are given, a
  // method that looks at its features.
  void check(bool logits_alone) const;
  // The objective for these networks; without a teacher, null. Error: taps that are needed and
  // neither named nor to be found.
  Objective make(Module& student, Module* teacher, const Shape& image) const;
};

void add_options(Options& options, MethodSettings& settings);

// The T that pictures of soft answers have: the first of a term that learns from some, or none.
std::optional<double> temperature_of(const Objective& objective);

// Prints the table of methods.
void list_methods();

}  // namespace limbeck
