// Classes left out of a student's training, and the bias that brings them back.
#pragma once

#include <vector>

#include "apps/study/lab.h"

namespace limbeck {

// What a student that never saw an image of `missing` classes makes of the test set. Left to
// itself, it hardly ever decides for them: in its training they were always wrong. But it knows
// them, from the teacher's soft targets for other classes; a constant added to their logits shows
// it (Hinton, Vinyals, Dean 2015, section 3).
struct Omission {
  std::vector<std::int32_t> missing;
  Index errors = 0, on_missing = 0;  // as it is; of them, on images of the missing classes
  double bias = 0;  // added to the missing classes' logits: the best for all images
  Index errors_with_bias = 0, on_missing_with_bias = 0;
};

// All classes of this many but these: {7, 8} of ten are 0 to 6 and 9. Error: fewer classes than
// they need.
std::vector<std::int32_t> all_but(const std::vector<std::int32_t>& kept, Index classes);

// Trains the student on what is left of the set by soft targets alone or with labels, as
// `training` says, and finds the bias on the test set.
Omission train_without(Lab& lab, const std::vector<std::int32_t>& missing,
                       const Training& training);

// How many images of a set are of these classes.
Index images_of(const std::vector<std::int32_t>& classes, const Dataset& set);
// The share of the test set's images of the missing classes that are read with the bias, "98.5 %",
// or words where there are none.
std::string share_read(const Omission& omission, const Dataset& test);

// For the file of runs, and back.
Json to_json(const Omission& omission);
Omission omission_from(const Json& json);

}  // namespace limbeck
