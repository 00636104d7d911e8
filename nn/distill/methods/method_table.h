// Methods of distillation by name, and objectives as a text, as programs take them on a command
// line:
//
//   const Objective objective = objective_of("0.1 * labels + 0.9 * kd(T=4) + 3000 * sp",
//                                            {.student = &student, .teacher = &teacher,
//                                             .image = train.image});
//
// A text is a sum of products. A product has one method and any number of weights:
//
//   0.9, 1e-3                                 a number
//   warm_up(0.1), until(0.8), ramp_up(0.3)    one that changes in the course of a training
//   kd, kd(T=2), sp(student=2, teacher=4)     a method, with what is not as its table has it
//   std:kd, std:dkd(beta=4)                   the same on standardised logits
//
// T=8..1 is a temperature that goes from 8 to 1 by equal ratios. Methods on features compare a
// module of the student with one of the teacher, by their paths: those that the text names, or the
// context, or usual ones (usual_taps.h).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "nn/distill/methods/features.h"
#include "nn/distill/methods/usual_taps.h"

namespace limbeck {

// What can be said of a method: "beta=4".
struct MethodOption {
  std::string name;   // "beta"
  std::string usual;  // what it is if nothing is said: "8"
  std::string what;   // for people, a few words
};

// A method of the table.
struct MethodInfo {
  std::string name;                     // "dkd"
  std::string what;                     // for people, a line
  std::vector<MethodOption> options{};  // without student and teacher, which those on taps have
  // How it is used by itself, before its name: "labels + 1000 * ". Of a method that shares the
  // weight of 1 with the labels, empty.
  std::string before{};
  std::optional<double> alpha{};  // of one that shares: the labels' usual part
  bool standardises = false;      // whether there is std:NAME, too
  std::optional<TapKind> taps{};  // on features: which are usual

  // "T=4, alpha=1, beta=8".
  std::string options_text() const;
};

// All methods, in the order of the chapter.
const std::vector<MethodInfo>& methods();
// The one of this name, with "std:" before it or without. Error: there is none, with a list of
// those that there are.
const MethodInfo& method_info(const std::string& name);

// What a text does not say.
struct ObjectiveContext {
  Module* student = nullptr;  // for ema, and for usual taps; must outlive the objective
  Module* teacher = nullptr;  // for usual taps
  Shape image{};              // likewise: (C, H, W)
  TapPaths taps{};            // of methods whose text names none; empty: the usual ones
};

// The objective that a text means. Two terms of one name get numbers: at, at-2.
// Error: with the text and the place, counted from 1 in bytes, and what could stand there: a text
// of another form, a method or an option that is not there, a value that is none or out of range;
// taps that are needed and neither named nor to be found.
Objective objective_of(const std::string& text, const ObjectiveContext& context = {});

// That error alone, but for taps, for checking a text before there are networks. Gives the
// objective, whose taps are no modules' paths where the text names none.
Objective check_objective_text(const std::string& text);

// How a method is used by itself, as a text: with options "T=2, beta=4" of "dkd",
//   labels + warm_up(0.083) * dkd(T=2, beta=4)
// A method that shares takes α from here: "0.1 * labels + 0.9 * kd"; at 0 without labels, at 1
// labels alone. std:NAME of those has the weights 0.1 and 9 of its paper, and T = 2 unless the
// options say another.
// Error: no such method; α for one that does not share, or out of [0, 1].
std::string usual_objective(const std::string& name, const std::string& options = "",
                            std::optional<double> alpha = {});

}  // namespace limbeck
