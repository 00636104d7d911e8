// What the scripts of a report's page work on, as JSON.
#pragma once

#include "apps/report/report.h"

namespace limbeck::detail {

// Arrays are in base64, bytes or float32 (apps/report/base64.h), row-major.
//
//   run          DistillReport::json: options, teacher, student_hard, student_distilled, repeats
//   verdict      DistillReport::verdict
//   temperature  the input's
//   classes      C
//   class_names  C texts: their names, or their numbers
//   channels, height, width   D, H, W; D is 1 for grey, 3 for colours
//   confusion    teacher, hard, distilled: (C, C) counts, a row a label, a column an answer
//   mistaken     counts[m]: the number of images that the networks of the set m mistake and the
//                others do not; m = 1 for the teacher + 2 for hard + 4 for distilled.
//                most: of so many at most, for each m, the page has the image
//   images       those that the page has: index, label: plain lists; pixels (S, D, H, W), bytes;
//                logits: teacher, hard, distilled (S, C), float32
//   models       hard, distilled: bytes, and layers if the page has them, which are plain ones
//                (nn/export/plain_layers.h) and not too large: of each kind, from, in, out, and as
//                it applies weight, bias (float32), kernel, stride, padding, dilation (pairs),
//                groups
//   most_bytes   of a model that the page has
nlohmann::ordered_json page_data(const ReportInput& input);

}  // namespace limbeck::detail
