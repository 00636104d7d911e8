// A network on a whole set: its errors, and which classes it takes for which.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "apps/common/class_names.h"
#include "data/dataset.h"
#include "nn/saved_model.h"

namespace limbeck {

// What came of it.
struct Judgement {
  Index total = 0, errors = 0;
  std::vector<std::vector<Index>> confusion{};  // confusion_matrix (nn/train/evaluate.h)
  double seconds = 0;                           // that all answers took
};

// Asks about every image. Error: an answer that is not finite, or that of confusion_matrix.
Judgement judge(SavedModel& model, const Dataset& data);

// The errors and, of the ten classes with most, for what they are taken; `set` is what the images
// are called: "test images".
std::string judgement_text(const Judgement& judgement, const std::string& set,
                           const ClassNames& names);

// "total", "errors", "accuracy", "seconds", "confusion", and with names "class_names".
nlohmann::ordered_json judgement_json(const Judgement& judgement, const ClassNames& names);

}  // namespace limbeck
