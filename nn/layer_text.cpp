#include "nn/layer_text.h"

#include <cctype>
#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>

#include "core/error.h"
#include "nn/image_shape.h"
#include "nn/layer_forms.h"
#include "nn/residual.h"

namespace limbeck {
namespace {

using Form = detail::LayerForm;
using Kind = detail::LayerKind;
using Numbers = detail::LayerNumbers;
using Place = detail::LayerPlace;
using Step = LayerText::Step;
using detail::layer_forms;

constexpr std::string_view start = "layers:";
constexpr double largest = 1'000'000;  // beyond it a number is a slip of the finger
constexpr int deepest = 8;             // residuals within one another

[[noreturn]] void refuse(const std::string& text, std::size_t at, const std::string& why) {
  fail("model", "\"{}\": at character {}: {}", text, at + 1, why);
}

std::string known_forms() {
  std::string list;
  for (const auto& [name, form] : layer_forms())
    list += (list.empty() ? "" : ", ") + std::string(form.text);
  return list;
}

// --- reading ---

bool is_word(char c) {
  const auto u = static_cast<unsigned char>(c);
  return (u < 128 && std::isalnum(u) != 0) || c == '.' || c == '-' || c == '_';
}

class Reader {
 public:
  explicit Reader(const std::string& text) : text_(text), at_(start.size()) {}

  // Layers with commas between, up to the end or to a closing parenthesis. `kind`: what reaches
  // them, and then what they give.
  std::vector<Step> list(Kind& kind, int depth) {
    std::vector<Step> steps;
    while (true) {
      steps.push_back(step(kind, depth));
      skip_spaces();
      if (at_ == text_.size() || text_[at_] != ',') return steps;
      ++at_;
    }
  }
  bool at_end() const { return at_ == text_.size(); }
  std::size_t place() const { return at_; }

 private:
  Step step(Kind& kind, int depth) {
    Step step{.name = word()};
    step.at = at_ - step.name.size();
    if (step.name.empty()) refuse(text_, at_, "a layer is missing; there are " + known_forms());
    const auto found = layer_forms().find(step.name);
    if (found == layer_forms().end()) {
      refuse(text_, step.at,
             fmt::format("there is no layer \"{}\"; there are {}", step.name, known_forms()));
    }
    const Form& form = found->second;
    if (form.takes != Kind::any && form.takes != kind) {
      refuse(text_, step.at,
             kind == Kind::image
                 ? fmt::format("{} takes features, and images reach it; put flatten or globalpool "
                               "before it",
                               step.name)
                 : fmt::format("{} takes images, and after flatten, globalpool or linear there are "
                               "none",
                               step.name));
    }
    if (form.add == nullptr) {
      read_residual(step, kind, depth);
    } else {
      read_words(step, form);
    }
    step.text = text_.substr(step.at, text_.find_last_not_of(' ', at_ - 1) + 1 - step.at);
    if (form.gives != Kind::any) kind = form.gives;
    return step;
  }

  void read_residual(Step& step, Kind& kind, int depth) {
    if (depth == deepest) refuse(text_, step.at, "residuals within residuals end at a depth of 8");
    skip_spaces();
    if (at_end() || text_[at_] != '(') refuse(text_, at_, "residual wants (LAYERS) after it");
    ++at_;
    const Kind before = kind;
    step.inner = list(kind, depth + 1);
    if (at_end() || text_[at_] != ')') refuse(text_, at_, "a comma or ) is missing");
    ++at_;
    if (kind != before) refuse(text_, step.at, "what is in a residual must keep the shape");
  }

  // Numbers, then words of which all but nobias have a number.
  void read_words(Step& step, const Form& form) {
    while (true) {
      skip_spaces();
      const std::size_t at = at_;
      const std::string next = word();
      if (next.empty()) break;
      if (const auto value = number_of(next)) {
        if (!step.keys.empty() || step.numbers.size() == form.most) {
          refuse(text_, at, fmt::format("{} is one number too many in {}", next, form.text));
        }
        check_number(form.numbers, *value, next, at);
        step.numbers.push_back(*value);
        continue;
      }
      read_key(step, form, next, at);
    }
    if (step.numbers.size() < form.least) {
      refuse(text_, step.at, fmt::format("a number is missing in {}", form.text));
    }
  }

  void read_key(Step& step, const Form& form, const std::string& name, std::size_t at) {
    const std::string keys = fmt::format(" {} ", form.keys);
    if (keys.find(" " + name + " ") == std::string::npos) {
      refuse(text_, at,
             fmt::format("\"{}\" is not known here, or a comma is missing before it; the layer is "
                         "{}",
                         name, form.text));
    }
    double value = 1;
    if (name != "nobias") {
      skip_spaces();
      const std::size_t place = at_;
      const std::string next = word();
      const auto read = number_of(next);
      if (!read) refuse(text_, place, fmt::format("{} wants a number after it", name));
      check_number(name == "pad" ? Numbers::from_0 : Numbers::from_1, *read, next, place);
      value = *read;
    }
    if (!step.keys.emplace(name, value).second) {
      refuse(text_, at, fmt::format("{} is said twice", name));
    }
  }

  void check_number(Numbers kind, double value, const std::string& word, std::size_t at) const {
    if (kind == Numbers::all) return;
    if (kind == Numbers::below_1) {
      if (value >= 0 && value < 1) return;
      refuse(text_, at, fmt::format("{} is not from 0 to below 1", word));
    }
    const int least = kind == Numbers::from_0 ? 0 : 1;
    if (value >= least && value <= largest && value == std::floor(value)) return;
    refuse(text_, at, fmt::format("{} is not a whole number from {} to {}", word, least, largest));
  }

  // None: it is no finite number, or one with an exponent.
  static std::optional<double> number_of(const std::string& word) {
    double value = 0;
    const auto [end, error] =
        std::from_chars(word.data(), word.data() + word.size(), value, std::chars_format::fixed);
    const bool all = error == std::errc{} && end == word.data() + word.size();
    return all && std::isfinite(value) ? std::optional(value) : std::nullopt;
  }

  void skip_spaces() {
    while (at_ < text_.size() &&
           std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos)
      ++at_;
  }
  std::string word() {
    skip_spaces();
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  const std::string& text_;
  std::size_t at_;
};

// --- making ---

void add_steps(const std::string& text, const std::vector<Step>& steps, const Place& place) {
  for (const Step& step : steps) {
    const Shape before = place.shape;
    const auto refuse_step = [&](const std::string& why) {
      refuse(text, step.at, fmt::format("{}, which {} reaches: {}", step.text, before, why));
    };
    if (!step.inner.empty()) {
      Sequential inner;
      add_steps(text, step.inner, {inner, place.shape, place.classes, place.rng});
      if (place.shape != before) refuse_step(fmt::format("it makes {} of that", place.shape));
      place.net.add(Residual(std::move(inner)));
      continue;
    }
    try {
      layer_forms().find(step.name)->second.add(step, place);
    } catch (const Error& error) {
      refuse_step(error.rule());
    }
  }
}

}  // namespace

LayerText::LayerText(const std::string& text) : text_(text) {
  Reader reader(text_);
  Kind kind = Kind::image;
  steps_ = reader.list(kind, 0);
  if (!reader.at_end()) {
    refuse(text_, reader.place(),
           fmt::format("\"{}\" has no meaning here; between layers there are commas",
                       text_.substr(reader.place())));
  }
  if (kind != Kind::features) {
    refuse(text_, text_.size(), "the network ends in images; end it with flatten, linear");
  }
}

Sequential LayerText::build(const Shape& image, Index classes, Rng& rng) const {
  check_image("model", image);
  Sequential net;
  Shape shape = image;
  add_steps(text_, steps_, {net, shape, classes, rng});
  if (shape != Shape{classes}) {
    refuse(text_, text_.size(),
           fmt::format("the network gives {} numbers, and there are {} classes; end it with linear",
                       shape.size(), classes));
  }
  return net;
}

}  // namespace limbeck
