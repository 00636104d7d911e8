#include "apps/distill/normalise.h"

#include "apps/common/model_options.h"

namespace limbeck {
namespace {

void begin_so(std::string& spec) {
  if (!is_normalized(spec)) spec = normalize_prefix + spec;
}

}  // namespace

DistillSettings with_normalise(DistillSettings settings) {
  if (!settings.normalise) return settings;
  if (settings.trains_teacher()) begin_so(settings.teacher);
  for (std::string& assistant : settings.chains.assistants) begin_so(assistant);
  begin_so(settings.student);
  return settings;
}

}  // namespace limbeck
