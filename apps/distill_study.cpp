// distill_study: experiments that show what temperature, alpha and soft targets do.
#include <CLI/CLI.hpp>

#include "apps/common/program.h"
#include "apps/study/lab.h"
#include "core/ops/softmax.h"
#include "core/parallel.h"
#include "nn/model_spec.h"

using namespace limbeck;

namespace {

struct Study {
  const char* name;
  const char* what;
  void (*run)(Lab&);
};

constexpr Study studies[] = {
    {"temperature", "Students of several sizes at many temperatures, and on hard labels",
     study_temperature},
    {"alpha", "The weight between labels and teacher, with and without the factor T^2",
     study_alpha},
    {"noise", "Labels replaced at random: hard labels against soft targets", study_noise},
    {"few", "Few training images: hard labels against soft targets, and images without labels",
     study_few},
    {"omit", "Classes that the student never sees, and the bias that brings them back", study_omit},
    {"softness", "A teacher's probabilities as T rises, and which class who takes for which",
     study_softness},
    {"hinton2015", "The section on MNIST of the paper that began it, its figures beside ours",
     study_hinton2015},
    {"best", "The fewest errors that a 784-800-800-10 student makes, with all that is here",
     study_best},
};

void add_options(CLI::App& app, StudySettings& s, int& thread_count) {
  const auto add = [&app](const char* name, auto& variable, const char* help) {
    return app.add_option(name, variable, help);
  };
  add("--data", s.data, "Folder with MNIST's four files. Without it: synthetic digits")
      ->type_name("DIR");
  add("--out", s.out,
      "Folder for the results: tables as CSV and JSON, charts as SVG, and the runs that are done, "
      "which are not done again")
      ->type_name("DIR")
      ->capture_default_str();
  app.add_flag("--quick", s.quick, "A first look in two minutes: few images, few epochs");
  add("--seeds", s.seeds, "Repeat each run with N seeds, for mean and standard deviation")
      ->type_name("N")
      ->capture_default_str()
      ->check(at_least_1());
  add("--student", s.students, "The student, or several. Without it: the study's own")
      ->type_name("SPEC")
      ->check(valid_text(check_model_spec));
  add("--teacher", s.teacher, "The teacher, but for hinton2015, which has its own")
      ->type_name("SPEC")
      ->capture_default_str()
      ->check(valid_text(check_model_spec));
  add("--temperature", s.temperature, "T, where the study does not vary it")
      ->type_name("T")
      ->check(valid_number([](double t) { check_temperature("--temperature", t); }));
  add("--alpha", s.alpha, "Weight of the labels, where the study does not vary it")
      ->type_name("A")
      ->check(valid_number(
          [](double a) { DistillationOptions{.temperature = 1, .alpha = a}.check("--alpha"); }));
  add("--epochs", s.epochs, "Epochs of each student. Without it: the study's own")
      ->type_name("N")
      ->check(at_least_1());
  add("--teacher-epochs", s.teacher_epochs, "Epochs of the teacher, likewise")
      ->type_name("N")
      ->check(at_least_1());
  app.add_flag("--validation", s.validation,
               "Judge on the last sixth of the training images, held out, instead of the test set: "
               "for choosing a recipe");
  add("--threads", thread_count, "Threads")
      ->type_name("N")
      ->capture_default_str()
      ->check(at_least_1());
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Experiments on distillation. Each prints a table and what was found, and leaves them with a "
      "chart in the folder --out. One that was stopped goes on where it was.",
      "distill_study");
  app.require_subcommand(1);
  StudySettings settings;
  int thread_count = threads();
  for (const Study& study : studies) {
    CLI::App* const command = app.add_subcommand(study.name, study.what);
    add_options(*command, settings, thread_count);
    if (study.run != study_softness) continue;
    command->add_option("--image", settings.image, "A test image to ask about")->type_name("N");
    command->add_option("--digit", settings.digit, "Or all test images of a class")
        ->type_name("C")
        ->capture_default_str();
  }
  return run_program(app, argc, argv, [&] {
    set_threads(thread_count);
    for (const Study& study : studies) {
      if (!app.got_subcommand(study.name)) continue;
      Lab lab(study.name, settings);
      study.run(lab);
    }
  });
}
