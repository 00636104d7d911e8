#include "apps/common/augmentations.h"

#include <algorithm>
#include <map>

#include "core/error.h"
#include "core/parallel.h"
#include "data/crop.h"
#include "data/distortion.h"

namespace limbeck {
namespace {

const std::map<std::string, Augmentation>& by_name() {
  static const std::map<std::string, Augmentation> all = {{"none", {}},
                                                          {"shift", random_shift(2)},
                                                          {"distort", distorted_mnist()},
                                                          {"flip", random_flip()},
                                                          {"crop", random_crop()},
                                                          {"cutout", cutout()}};
  return all;
}

}  // namespace

Augmentation augmentation_of(const std::string& names) {
  Augmentation all;
  for (std::size_t at = 0; at <= names.size();) {
    const std::size_t end = std::min(names.find('+', at), names.size());
    const std::string name = names.substr(at, end - at);
    const auto found = by_name().find(name);
    if (found == by_name().end() || (name == "none" && names != name)) {
      std::string known;
      for (const auto& entry : by_name()) known += (known.empty() ? "" : ", ") + entry.first;
      fail("augmentation", "{} is none of {}, nor some of these with + between", names, known);
    }
    all = all ? both(all, found->second) : found->second;
    at = end + 1;
  }
  return all;
}

int loader_threads() {
  return std::max(threads() / 2, 1);
}

}  // namespace limbeck
