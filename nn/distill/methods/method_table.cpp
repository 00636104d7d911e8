#include "nn/distill/methods/method_table.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "core/error.h"
#include "nn/distill/methods/method_arguments.h"

namespace limbeck {
namespace {

constexpr const char* op = "objective";
constexpr std::string_view standard = "std:";

bool has_temperature(const MethodInfo& method) {
  return std::ranges::find(method.options, "T", &MethodOption::name) != method.options.end();
}

// Whether "T=2, beta=4" has this option.
bool says(const std::string& options, const std::string& name) {
  for (std::size_t at = 0; at < options.size(); ++at) {
    at = std::min(options.find_first_not_of(" ,", at), options.size());
    const std::size_t equals = std::min(options.find('=', at), options.size());
    const std::size_t last = options.find_last_not_of(' ', equals - 1);
    if (options.substr(at, last + 1 - at) == name) return true;
    at = std::min(options.find(',', at), options.size());
  }
  return false;
}

}  // namespace

namespace detail {

const NamedMethod* find_method(const std::string& name) {
  const auto& all = named_methods();
  const auto found =
      std::ranges::find_if(all, [&](const NamedMethod& m) { return m.info.name == name; });
  return found == all.end() ? nullptr : &*found;
}

std::string list_of_methods() {
  std::vector<std::string> names;
  for (const NamedMethod& method : named_methods()) names.push_back(method.info.name);
  return fmt::format("{}; and std:kd and so on, of standardised logits", fmt::join(names, ", "));
}

}  // namespace detail

std::string MethodInfo::options_text() const {
  std::string text;
  for (const MethodOption& option : options) {
    text += fmt::format("{}{}={}", text.empty() ? "" : ", ", option.name, option.usual);
  }
  if (taps) text += text.empty() ? "student=, teacher=" : ", student=, teacher=";
  return text.empty() ? "none" : text;
}

const std::vector<MethodInfo>& methods() {
  static const std::vector<MethodInfo> all = [] {
    std::vector<MethodInfo> infos;
    for (const detail::NamedMethod& method : detail::named_methods()) infos.push_back(method.info);
    return infos;
  }();
  return all;
}

const MethodInfo& method_info(const std::string& name) {
  const bool standardise = name.starts_with(standard);
  const detail::NamedMethod* const method =
      detail::find_method(standardise ? name.substr(standard.size()) : name);
  if (method == nullptr || (standardise && !method->info.standardises)) {
    fail(op, "no method is called \"{}\"; there are {}", name, detail::list_of_methods());
  }
  return method->info;
}

std::string usual_objective(const std::string& name, const std::string& options,
                            std::optional<double> alpha) {
  const MethodInfo& method = method_info(name);
  const bool standardise = name.starts_with(standard);
  if (alpha && (!method.alpha || standardise)) {
    fail(op, "{} has weights of its own, {}, and no alpha; an objective can have others", name,
         usual_objective(name));
  }
  if (alpha && !(*alpha >= 0 && *alpha <= 1)) {
    fail(op, "alpha, the weight of the labels, must be in [0, 1]; got {}", *alpha);
  }
  const auto call = [&](const std::string& said) {
    return said.empty() ? name : fmt::format("{}({})", name, said);
  };
  if (!method.alpha) return method.before + call(options);
  if (standardise) {
    const std::string t = has_temperature(method) && !says(options, "T") ? "T=2" : "";
    const std::string comma = t.empty() || options.empty() ? "" : ", ";
    return fmt::format("0.1 * labels + 9 * {}", call(t + comma + options));
  }
  const double share = alpha.value_or(*method.alpha);
  if (share == 1) return "labels";
  if (share == 0) return call(options);
  // Of 1 − 0.9 the last digits are rounding.
  return fmt::format("{} * labels + {:.12g} * {}", share, 1 - share, call(options));
}

}  // namespace limbeck
