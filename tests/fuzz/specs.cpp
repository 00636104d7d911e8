// Texts that mean a network.
#include <algorithm>
#include <cctype>

#include "core/autograd.h"
#include "nn/model_spec.h"
#include "tests/fuzz/fuzz.h"

namespace limbeck::fuzz {
namespace {

// Whether all numbers in a text are below 100, or 10 in a list of layers, which can hand on larger
// and larger images: a network of others takes long.
bool is_small(const std::string& text) {
  const bool layers = text.starts_with("layers:");
  int digits = 0, numbers = 0;
  for (const char c : text) {
    digits = std::isdigit(static_cast<unsigned char>(c)) != 0 ? digits + 1 : 0;
    numbers += digits == 1 ? 1 : 0;
    if (digits > (layers ? 1 : 2)) return false;
  }
  return numbers < (layers ? 20 : 6);
}

}  // namespace

void run_spec(std::string_view bytes) {
  Choices choices(bytes);
  const Index size = choices.below(20), channels = 1 + choices.below(3);
  const Index classes = 1 + choices.below(12);
  const std::string spec = choices.rest();
  const std::string prefix = normalize_prefix;
  const std::string network = spec.starts_with(prefix) ? spec.substr(prefix.size()) : spec;
  const bool right = accepted([&] { check_model_spec(spec); });
  if (right && !is_small(network)) return;
  Rng rng(1);
  const NoGrad no_grad;
  Sequential model;
  const Shape image = {channels, size, size};
  const bool made = accepted([&] { model = make_model(spec, image, classes, {}, rng); });
  must(right || !made, "a network is made of a text that the check refuses");
  // What windows, groups, patches and the end of a list of layers ask of images is seen then only.
  const bool may_not_fit = size < 16 || network.starts_with("layers:") || network == "vit-tiny";
  must(made || !right || may_not_fit, "a text passes the check, and no network is made of it");
  if (!made) return;
  model.eval();
  must(model(Tensor::zeros({2, channels, size, size})).shape() == Shape{2, classes},
       "a network does not answer with its classes");
}

}  // namespace limbeck::fuzz
