#include "nn/models.h"

#include <charconv>

#include "core/error.h"
#include "nn/dropout.h"
#include "nn/linear.h"

namespace limbeck {
namespace {

constexpr Index widest = 1'000'000;  // beyond it a width is a slip of the finger

[[noreturn]] void refuse(const std::string& spec, const std::string& why) {
  fail("model",
       "\"{}\" {}; a model is mlp:WIDTH,WIDTH,… with the hidden layers' widths, "
       "as in mlp:800,800",
       spec, why);
}

// The hidden layers' widths in "mlp:800,800".
std::vector<Index> parse_widths(const std::string& spec) {
  const std::string prefix = "mlp:";
  if (!spec.starts_with(prefix)) refuse(spec, "is not known");
  const std::string list = spec.substr(prefix.size());
  std::vector<Index> widths;
  const char* at = list.data();
  const char* const end = at + list.size();
  while (at != end) {
    Index width = 0;
    const auto [next, error] = std::from_chars(at, end, width);
    if (error != std::errc{} || width < 1 || width > widest) {
      refuse(spec, fmt::format("has a width that is not a number from 1 to {}", widest));
    }
    widths.push_back(width);
    at = next;
    if (at == end) break;
    if (*at != ',' || at + 1 == end) refuse(spec, "is not a list of numbers with commas between");
    ++at;
  }
  return widths;
}

}  // namespace

Sequential mlp(const std::vector<Index>& widths, const MlpOptions& options, Rng& rng) {
  if (widths.size() < 2) {
    fail("mlp", "at least the widths of input and output are needed; got {}", widths.size());
  }
  Sequential net(Flatten());
  if (options.input_dropout > 0) net.add(Dropout({.p = options.input_dropout}, rng));
  for (std::size_t i = 0; i + 1 < widths.size(); ++i) {
    net.add(Linear({.in = widths[i], .out = widths[i + 1]}, rng));
    const bool hidden = i + 2 < widths.size();
    if (hidden) net.add(ReLU());
    if (hidden && options.dropout > 0) net.add(Dropout({.p = options.dropout}, rng));
  }
  return net;
}

Sequential make_model(const std::string& spec, const Shape& image, Index classes,
                      const MlpOptions& options, Rng& rng) {
  std::vector<Index> widths = {image.size()};
  for (Index width : parse_widths(spec)) widths.push_back(width);
  widths.push_back(classes);
  return mlp(widths, options, rng);
}

void check_model_spec(const std::string& spec) {
  static_cast<void>(parse_widths(spec));
}

}  // namespace limbeck
