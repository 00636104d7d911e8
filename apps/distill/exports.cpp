#include "apps/distill/exports.h"

#include <fmt/format.h>

#include "apps/common/calibration.h"
#include "apps/distill/settings.h"
#include "core/error.h"
#include "core/text.h"
#include "nn/export/c_header.h"
#include "nn/export/c_layers.h"
#include "nn/export/onnx.h"
#include "nn/train/evaluate.h"

namespace limbeck {

void try_exports(const DistillSettings& s, const Shape& image, Sequential& student) {
  const auto try_one = [](const char* option, const std::string& path, const auto& work) {
    if (path.empty()) return;
    try {
      work();
    } catch (const Error& error) {
      fail(option, "{}", error.what());
    }
  };
  try_one("--export-onnx", s.export_onnx, [&] {
    const Graph graph = record_graph(student, image);
    OnnxBuilder(graph).add_ops({});
  });
  const auto layers = [&] { static_cast<void>(c_layers(student, image)); };
  try_one("--export-c", s.export_c, layers);
  try_one("--export-c-int8", s.export_c_int8, layers);
}

std::string export_student(const DistillSettings& s, const Dataset& train, const Dataset& test,
                           const DistillReport& report, Sequential& student,
                           std::optional<QuantizedNetwork>& integers) {
  const Index errors = report.students.front().distilled.errors;
  const auto remarks = [&](const std::string& told) -> CRemarks {
    return {.network = s.student,
            .errors = fmt::format("{} of {} test images", told, thousands(test.size()))};
  };
  if (!s.export_onnx.empty()) export_onnx(student, train.image, s.export_onnx);
  if (!s.export_c.empty()) {
    export_c(student, train.image, s.export_c, remarks(fmt::format("{} errors", errors)));
  }
  if (s.export_c_int8.empty()) return "";
  const bool is_trained = integers.has_value();
  if (!is_trained) integers.emplace(quantize(student, calibration_images(train)));
  const Index after = is_trained ? report.integers.back().errors : count_errors(*integers, test);
  export_c_int8(*integers, s.export_c_int8,
                remarks(fmt::format("{} errors, in floats {},", after, errors)));
  return fmt::format("In {} bits the {} student makes {} errors, in floats {}.\n",
                     s.bits > 0 ? s.bits : 8, s.chains.mutual > 0 ? "first" : "distilled", after,
                     errors);
}

}  // namespace limbeck
