// mnist_distill: the main job, end to end. Trains a large teacher, a small student on hard labels
// and the same student from the teacher's soft targets, and shows what distillation bought.
#include <fmt/format.h>

#include <optional>

#include "apps/common/program.h"
#include "apps/common/ranks_work.h"
#include "apps/distill/run.h"
#include "core/inspect/debug.h"
#include "core/text.h"
#include "nn/model_spec.h"

using namespace limbeck;

namespace {

// For images of MNIST's size.
void list_models() {
  const Shape image{1, 28, 28};
  fmt::print("{:<17}{:>12}{:>16}  {}\n", "model", "parameters", "multiply-adds", "what it is");
  const auto row = [&](const std::string& spec, const std::string& what) {
    Rng rng(0);
    Sequential net = make_model(spec, image, 10, {}, rng);
    fmt::print("{:<17}{:>12}{:>16}  {}\n", spec, thousands(net.parameter_count()),
               thousands(multiply_adds(net, image)), what);
  };
  for (const Preset& preset : model_presets()) row(preset.name, preset.what);
  row("mlp:1200,1200", "the paper's teacher; any widths");
  row("mlp:800,800", "its student");
  row("cnn:32,64,512", "5×5 convolutions and a hidden layer; any widths");
  row("cnn:8,16,32", "a small one");
  fmt::print("{:<17}{:>12}{:>16}  {}\n", "layers: …", "", "",
             "any other, layer by layer: apps/README.md");
}

}  // namespace

int main(int argc, char** argv) {
  DistillSettings settings;
  const auto work = [&] {
    if (settings.list_models) {
      list_models();
    } else if (settings.method.list_methods) {
      list_methods();
    } else {
      std::optional<DetectAnomaly> detect_anomaly;
      if (settings.detect_anomaly) detect_anomaly.emplace();
      work_as_ranks([&](const Ranks& ranks) { run_distill(settings, ranks); });
    }
  };
  return run_program(
      {.name = "mnist_distill",
       .description =
           "Trains a large teacher, a small student on hard labels, and the same student from the "
           "teacher's answers at temperature T, and shows what distillation bought.",
       .add_options = [&](Options& options) { add_options(options, settings); },
       .work = work},
      argc, argv);
}
