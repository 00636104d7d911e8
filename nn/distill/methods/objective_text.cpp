// An objective from its text, by the table of methods.
#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <set>

#include "core/autograd.h"
#include "core/error.h"
#include "nn/distill/distiller.h"
#include "nn/distill/methods/ema.h"
#include "nn/distill/methods/method_arguments.h"
#include "nn/distill/methods/standardise.h"
#include "nn/sequential.h"

namespace limbeck {
namespace {

using detail::Arguments;
using detail::fail_at;
using detail::NamedMethod;
using detail::TextPlace;

constexpr const char* op = "objective";
constexpr std::string_view standard = "std:";

// All of the text as a number, if it is a finite one.
std::optional<double> number_of(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(number)) return {};
  return number;
}

// The weights that change in the course of a training, by name.
using MakeWeight = Varying (*)(double share);
const std::map<std::string, MakeWeight>& schedules() {
  static const std::map<std::string, MakeWeight> by_name = {
      {"warm_up", warm_up}, {"until", until}, {"ramp_up", ramp_up}};
  return by_name;
}

// Tries a term on two images of three classes: errors of options are then told before a training.
// One with modules has to be prepared first, for the networks that there are.
void try_out(const Term& term) {
  if (!term.modules.empty()) return;
  const NoGrad no_grad;
  const std::vector<Tensor> taps = {Tensor::from({2, 1, 1, 2}, {1, 2, 3, 1})};
  Batch batch;
  batch.class_ids = {0, 2};
  batch.indices = {0, 1};
  static_cast<void>(term.value({.batch = batch,
                                .student = Tensor::from({2, 3}, {0, 1, 2, 1, 0, 0}),
                                .teacher = Tensor::from({2, 3}, {2, 0, 1, 0, 1, 0}),
                                .done = 0,
                                .epoch = 1,
                                .student_taps = taps,
                                .teacher_taps = taps}));
}

class TextReader {
 public:
  TextReader(const std::string& text, const ObjectiveContext& context)
      : text_(text), context_(context) {}

  // product {+ product}
  Objective read() {
    Objective sum = product();
    while (take('+')) sum = std::move(sum) + product();
    if (skip() < text_.size()) wrong(at_, fmt::format("no '{}' is expected here", text_[at_]));
    std::map<std::string, int> count;
    for (Term& term : sum.terms) {
      const int n = ++count[term.name];
      if (n > 1) term.name += fmt::format("-{}", n);
    }
    return sum;
  }

 private:
  [[noreturn]] void wrong(std::size_t at, const std::string& rule) const {
    fail_at({text_, at}, rule);
  }

  // To what is not a space; where that is.
  std::size_t skip() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
    return at_;
  }
  bool take(char c) {
    if (skip() == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c, const char* after) {
    if (!take(c)) wrong(at_, fmt::format("a '{}' is missing after {}", c, after));
  }
  // What stands before one of these, without spaces around it.
  std::string word_before(std::string_view ends) {
    const std::size_t begin = skip();
    at_ = std::min(text_.find_first_of(ends, at_), text_.size());
    std::string word = text_.substr(begin, at_ - begin);
    while (!word.empty() && std::isspace(static_cast<unsigned char>(word.back())) != 0) {
      word.pop_back();
    }
    return word;
  }

  // factor {* factor}, of which one is a method
  Objective product() {
    const std::size_t begin = skip();
    Varying weight = 1;
    std::optional<Objective> learned;
    do {
      const std::size_t at = skip();
      // A '+' may be that of 1e+3.
      const bool digits =
          at < text_.size() && (std::isdigit(static_cast<unsigned char>(text_[at])) != 0 ||
                                text_[at] == '.' || text_[at] == '-');
      if (digits) {
        weight = weight * number();
        continue;
      }
      const std::string name = word_before("()*+=, \t\n");
      if (name.empty()) wrong(at, "a number or a method is missing here");
      if (const auto found = schedules().find(name); found != schedules().end()) {
        weight = weight * share(found->second, name);
      } else if (learned) {
        wrong(at, "a product has one method; join two by +");
      } else {
        learned = method(name, at);
      }
    } while (take('*'));
    if (!learned) wrong(begin, "a weight needs a method: 0.9 * kd");
    return weight * std::move(*learned);
  }

  double number() {
    const std::size_t at = skip();
    double value = 0;
    const auto [end, error] =
        std::from_chars(text_.data() + at, text_.data() + text_.size(), value);
    if (error != std::errc{} || !std::isfinite(value)) wrong(at, "this is no number");
    at_ = static_cast<std::size_t>(end - text_.data());
    return value;
  }

  Varying share(MakeWeight make, const std::string& name) {
    expect('(', name.c_str());
    const std::size_t at = skip();
    const double of_training = number();
    expect(')', "the share of the training");
    return tell_place<Varying>(at, name, [&] { return make(of_training); });
  }

  // What `make` gives; its errors with the place, in the name of what the text has there.
  template <class Made, class Make>
  Made tell_place(std::size_t at, const std::string& name, const Make& make) const {
    try {
      return make();
    } catch (const Error& error) {
      if (std::string_view(error.what()).starts_with(op)) throw;
      wrong(at, fmt::format("{}: {}", name, error.rule()));
    }
  }

  // NAME or std:NAME, of which the name has been read, with its options.
  Objective method(const std::string& full_name, std::size_t at) {
    const bool standardise = full_name.starts_with(standard);
    const std::string name = standardise ? full_name.substr(standard.size()) : full_name;
    const NamedMethod* const named = detail::find_method(name);
    if (named == nullptr) {
      wrong(at, fmt::format("no method is called \"{}\"; there are {}", name,
                            detail::list_of_methods()));
    }
    if (standardise && !named->info.standardises) {
      wrong(at,
            fmt::format("{} is not a function of both models' logits, to be standardised", name));
    }
    Arguments arguments = options_of(named->info, at);
    if (named->info.taps) arguments.taps = taps_of(named->info, arguments, at);
    arguments.student = context_.student;
    if (name == "ema" && context_.student == nullptr) wrong(at, "ema needs the student");
    return tell_place<Objective>(at, name, [&] {
      Objective made = named->make(arguments);
      for (Term& term : made.terms) {
        if (standardise) term = standardised(std::move(term));
        try_out(term);
      }
      return made;
    });
  }

  // ( option = value {, option = value} ), or nothing
  Arguments options_of(const MethodInfo& method, std::size_t at) {
    Arguments arguments;
    for (const MethodOption& option : method.options) {
      arguments.values[option.name] = {option.usual, {text_, at}};
    }
    if (!take('(') || take(')')) return arguments;
    std::set<std::string> said;
    do {
      const std::size_t begin = skip();
      const std::string name = word_before("=,()");
      const bool tap = method.taps && (name == "student" || name == "teacher");
      if (!tap && !arguments.values.contains(name)) {
        wrong(begin, fmt::format("{} has no option \"{}\"; it has {}", method.name, name,
                                 method.options_text()));
      }
      if (!said.insert(name).second) wrong(begin, fmt::format("{} is said twice", name));
      expect('=', name.c_str());
      const std::size_t place = skip();
      arguments.values[name] = {word_before(",()"), {text_, place}};
      if (arguments.values[name].text.empty()) wrong(place, fmt::format("{} has no value", name));
    } while (take(','));
    expect(')', "the options");
    return arguments;
  }

  // By the text, else by the context, else the usual ones.
  TapPaths taps_of(const MethodInfo& method, const Arguments& said, std::size_t at) const {
    TapPaths taps = context_.taps;
    const auto of = [&](const char* side, std::string& path) {
      if (const auto found = said.values.find(side); found != said.values.end()) {
        path = found->second.text;
      }
    };
    of("student", taps.student);
    of("teacher", taps.teacher);
    if (!taps.student.empty() && !taps.teacher.empty()) return taps;
    if (context_.student == nullptr || context_.teacher == nullptr) {
      wrong(at, fmt::format("{0} compares modules of two networks: {0}(student=…, teacher=…)",
                            method.name));
    }
    const TapPaths usual = tell_place<TapPaths>(at, method.name, [&] {
      return usual_taps(method.name, *method.taps, *context_.student, *context_.teacher,
                        context_.image);
    });
    if (taps.student.empty()) taps.student = usual.student;
    if (taps.teacher.empty()) taps.teacher = usual.teacher;
    return taps;
  }

  const std::string& text_;
  const ObjectiveContext& context_;
  std::size_t at_ = 0;
};

}  // namespace

namespace detail {

void fail_at(const TextPlace& place, const std::string& rule) {
  fail(op, "\"{}\", character {}: {}", place.text, place.at + 1, rule);
}

double Arguments::number(const std::string& option) const {
  const auto& [text, place] = values.at(option);
  const auto number = number_of(text);
  if (!number) fail_at(place, fmt::format("{} is a number; got \"{}\"", option, text));
  return *number;
}

Index Arguments::whole(const std::string& option) const {
  const double value = number(option);
  const auto& [text, place] = values.at(option);
  if (value != std::floor(value) || std::abs(value) > 1e9) {
    fail_at(place, fmt::format("{} is a whole number; got \"{}\"", option, text));
  }
  return static_cast<Index>(value);
}

bool Arguments::yes(const std::string& option) const {
  return one_of<bool>(option, {{"yes", true}, {"no", false}});
}

Varying Arguments::temperature(const std::string& option) const {
  const auto& [text, place] = values.at(option);
  const std::size_t dots = text.find("..");
  if (dots == std::string::npos) return number(option);
  const auto from = number_of(std::string_view(text).substr(0, dots));
  const auto to = number_of(std::string_view(text).substr(dots + 2));
  if (!from || !to) {
    fail_at(place, fmt::format("{} is a number, or two as in 8..1; got \"{}\"", option, text));
  }
  return anneal_temperature(*from, *to);
}

}  // namespace detail

Objective objective_of(const std::string& text, const ObjectiveContext& context) {
  return TextReader(text, context).read();
}

Objective check_objective_text(const std::string& text) {
  static Sequential nobody;
  return objective_of(text, {.student = &nobody, .taps = {.student = "?", .teacher = "?"}});
}

}  // namespace limbeck
