#include "apps/distill/trials.h"

#include <limits>

#include "apps/common/memory.h"
#include "apps/distill/exports.h"
#include "apps/distill/settings.h"
#include "core/autograd.h"
#include "core/error.h"
#include "core/random.h"
#include "core/storage.h"
#include "nn/distill/taps.h"
#include "nn/export/fake_quantized.h"

namespace limbeck {
namespace {

// Training needs a network's weights four times: with their gradients and Adam's two moments.
template <class Work>
void try_work(const char* option, const std::string& spec, const Work& work) {
  const Index available = available_bytes();
  const MemoryLimit limit(available == 0 ? std::numeric_limits<std::size_t>::max()
                                         : static_cast<std::size_t>(available / 4));
  try {
    work();
  } catch (const MemoryLimit::Exceeded&) {
    fail(option, "training {} needs more memory than there is, {}", spec, file_size(available));
  } catch (const Error& error) {
    fail(option, "{}", error.what());
  }
}

void try_network(const char* option, const std::string& spec, const RunTools& tools) {
  const WithoutValues shapes_alone;
  try_work(option, spec, [&] { static_cast<void>(tools.make(spec, 0, 0)); });
}

// One image through the student in integers, which also tells of sums that are too large.
void try_integers(const DistillSettings& s, const Dataset& train, Sequential& student) {
  try_work("--bits", s.student, [&] {
    const std::vector<Index> first = {0};
    const Tensor image = make_batch(train, first).images;
    FakeQuantized integers(student, image, {.bits = s.bits});
    integers.eval();
    const NoGrad no_grad;
    static_cast<void>(integers(image));
  });
}

void try_objective(const DistillSettings& s, const Dataset& train, Module& student,
                   Module* teacher) {
  const Objective objective = s.method.make(student, teacher, train.image);
  for (const Term& term : objective.terms) {
    if (s.bits > 0 && !term.student_taps.empty()) {
      fail("--bits", "{} looks into the student, and in integers it has no modules; leave it out",
           term.name);
    }
    static_cast<void>(TapWatch("--taps", "student", student, term.student_taps, train));
    if (teacher == nullptr) continue;
    static_cast<void>(TapWatch("--taps", "teacher", *teacher, term.teacher_taps, train));
  }
}

}  // namespace

void try_networks(const DistillSettings& s, const Dataset& train, const RunTools& tools) {
  if (s.trains_teacher()) try_network("--teacher", s.teacher, tools);
  for (const std::string& spec : s.chains.assistants) try_network("--assistant", spec, tools);
  try_network("--student", s.student, tools);
  Sequential student = tools.make(s.student, 0, 1);
  if (s.bits > 0) try_integers(s, train, student);
  try_exports(s, train.image, student);
  if (!s.method.given()) return;
  if (!s.teacher_logits.empty()) return try_objectives(s, train, tools, nullptr, "");
  if (!s.trains_teacher()) return;
  Sequential teacher = tools.make(s.teacher, s.teacher_dropout, 0);
  try_objectives(s, train, tools, &teacher, s.teacher);
}

void try_objectives(const DistillSettings& s, const Dataset& train, const RunTools& tools,
                    Module* teacher, const std::string& teacher_spec) {
  if (!s.method.given()) return;
  std::vector<Sequential> learners = networks_between(s, teacher_spec, tools);
  learners.push_back(tools.make(s.student, 0, 1));
  for (Sequential& learner : learners) {
    try_objective(s, train, learner, teacher);
    teacher = &learner;
  }
}

void try_trainings(const DistillSettings& s, const Dataset& train, const RunTools& tools) {
  const auto try_one = [&](const char* option, TrainOptions options) {
    options.label_smoothing = 0;  // of labels alone, which need no trying
    try {
      check_training(train, options);
    } catch (const Error& error) {
      fail(option, "{}", error.what());
    }
  };
  if (s.trains_teacher()) try_one("--teacher-epochs", tools.options_of(true, true));
  try_one("--epochs", tools.options_of(false, false));
  if (s.bits > 0) try_one("--bits-epochs", options_with_bits(s, tools));
}

TrainOptions options_with_bits(const DistillSettings& s, const RunTools& tools) {
  TrainOptions options = tools.options_of(false, false);
  options.epochs = s.bits_epochs;
  options.lr = s.rate_with_bits();
  return options;
}

}  // namespace limbeck
