// The distilled student as a file for other programs: --export-onnx, --export-c, --export-c-int8.
#pragma once

#include <optional>
#include <string>

#include "apps/common/distill_report.h"
#include "data/dataset.h"
#include "nn/export/quantized_network.h"
#include "nn/sequential.h"

namespace limbeck {

struct DistillSettings;

// That a student like this one can be written as the settings ask for, by all but writing it; what
// is learned changes no kind of layer. Error: in the option's name.
void try_exports(const DistillSettings& settings, const Shape& image, Sequential& student);

// Writes the student of the report's first pair. Its integers, where they are asked for and not
// there, become those that rounding it gives. Returns what is to be said of it, in a line.
std::string export_student(const DistillSettings& settings, const Dataset& train,
                           const Dataset& test, const DistillReport& report, Sequential& student,
                           std::optional<QuantizedNetwork>& integers);

}  // namespace limbeck
