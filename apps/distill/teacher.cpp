#include "apps/distill/teacher.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "apps/distill/settings.h"
#include "apps/distill/trials.h"
#include "core/error.h"
#include "core/ops/softmax.h"
#include "core/text.h"
#include "nn/import/onnx.h"
#include "nn/saved_model.h"
#include "nn/train/evaluate.h"
#include "nn/weights.h"

namespace limbeck {
namespace {

// Its errors on the test set, and what to look at where there are too many.
std::string first_impression(const Outcome& teacher) {
  return fmt::format("by itself it makes {} errors of {}{}", thousands(teacher.errors),
                     thousands(teacher.total),
                     2 * teacher.errors < teacher.total
                         ? ""
                         : "; if it should know better, it was trained on images of another form: "
                           "--teacher-input, --teacher-mean, --teacher-std");
}

GivenTeacher from_onnx(const DistillSettings& s, const Dataset& test, RunTools& tools) {
  const InputOptions input = s.teacher_input.options();
  s.teacher_input.check("--teacher-", s.teacher_onnx, test.image, input);
  const Shape image = laid_out(test.image, input.layout);
  OnnxNetwork network = read_onnx(s.teacher_onnx, {.image = image});
  if (!network.takes(image) || network.classes() != test.classes) {
    fail("--teacher-onnx", "{} answers {} to images {}; these are {}, of {} classes",
         s.teacher_onnx, network.answer(), network.image(), image, test.classes);
  }
  tools.say(fmt::format("\nteacher: {}: {}", s.teacher_onnx, network.about()));
  if (!s.save.empty()) tools.say("it stays in that file; --save keeps the networks trained here");
  GivenTeacher teacher{.network = prepared(Sequential(std::move(network)), input),
                       .outcome = {},
                       .input = input,
                       .saved = false};
  const Tensor logits = logits_of(teacher.network, test);
  if (!std::ranges::all_of(logits.values(), [](real z) { return std::isfinite(z); })) {
    fail("--teacher-onnx", "{}: its answers to the test images are not finite", s.teacher_onnx);
  }
  teacher.outcome = {.title = "teacher",
                     .spec = std::filesystem::path(s.teacher_onnx).filename().string(),
                     .parameters = teacher.network.parameter_count(),
                     .errors = count_errors(argmax_last(logits), test),
                     .total = test.size()};
  return teacher;
}

GivenTeacher from_weights(const DistillSettings& s, const Dataset& test, RunTools& tools) {
  SavedModel saved = load_model(s.teacher_weights, {.spec = s.teacher,
                                                    .image = test.image,
                                                    .classes = test.classes,
                                                    .input = s.teacher_input.options()});
  if (saved.info.image != test.image || saved.info.classes != test.classes) {
    fail("--teacher-weights", "{} is for images {} of {} classes; these are {} of {}",
         s.teacher_weights, saved.info.image, saved.info.classes, test.image, test.classes);
  }
  s.teacher_input.check("--teacher-", s.teacher_weights, test.image, saved.info.input);
  check_finite("--teacher-weights", saved.network);
  tools.say(fmt::format("\nteacher: {}, from {}", saved.info.spec, s.teacher_weights));
  if (const std::string match = saved.weights.str(); !match.empty()) tools.say(match);
  GivenTeacher teacher{.network = std::move(saved.network),
                       .outcome = {.title = "teacher", .spec = saved.info.spec},
                       .input = saved.info.input};
  teacher.outcome.parameters = teacher.network.parameter_count();
  teacher.outcome.errors = count_errors(teacher.network, test);
  teacher.outcome.total = test.size();
  return teacher;
}

}  // namespace

std::optional<GivenTeacher> given_teacher(const DistillSettings& s, const ImageSets& data,
                                          RunTools& tools) {
  if (s.teacher_onnx.empty() && s.teacher_weights.empty()) return std::nullopt;
  GivenTeacher teacher =
      s.teacher_onnx.empty() ? from_weights(s, data.test, tools) : from_onnx(s, data.test, tools);
  tools.say(first_impression(teacher.outcome));
  try_objectives(s, data.train, tools, &teacher.network, teacher.outcome.spec);
  return teacher;
}

}  // namespace limbeck
