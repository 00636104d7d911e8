// distill_study: experiments that show what temperature, alpha and soft targets do.

#include <algorithm>

#include "apps/common/program.h"
#include "apps/common/say.h"
#include "apps/study/crew.h"
#include "apps/study/lab.h"
#include "apps/study/ranks_crew.h"
#include "core/error.h"
#include "core/ops/softmax.h"
#include "core/parallel.h"
#include "nn/distill/methods/method_table.h"
#include "nn/model_spec.h"

using namespace limbeck;

namespace {

// Which options a study has: none for what it varies itself.
struct Takes {
  bool temperature = true, alpha = true;
  bool students = false;  // several
};

struct Study {
  const char* name;
  const char* what;
  void (*run)(Lab&);
  Takes takes{};
};

constexpr Study studies[] = {
    {"temperature",
     "Students of several sizes at many temperatures, and on hard labels",
     study_temperature,
     {.temperature = false, .students = true}},
    {"alpha",
     "The weight between labels and teacher, with and without the factor T^2",
     study_alpha,
     {.temperature = false, .alpha = false}},
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
    {"methods",
     "Every method of distillation at equal epochs, with what chance leaves of it",
     study_methods,
     {.temperature = false, .alpha = false, .students = true}},
    {"standardised",
     "The best T by size of student, of logits as they are and standardised",
     study_standardised,
     {.temperature = false, .alpha = false, .students = true}},
    {"schedule",
     "T that rises, falls or stays",
     study_schedule,
     {.temperature = false, .students = true}},
    {"chain", "A student of a middle-sized student; and students of their likes, by generation",
     study_chain},
};

// How the work is shared out.
struct Shares {
  int jobs = 1;
  int threads = limbeck::threads();  // of each
  std::string threads_asked{};       // as --threads was given

  // If nobody says how many, the processors are shared out.
  int threads_each() const { return threads_asked.empty() ? std::max(1, threads / jobs) : threads; }
};

void add_options(Options& options, StudySettings& s, const Takes& takes, Shares& shares) {
  const auto add = [&options](const char* name, auto& variable, const char* help) {
    return options.add(name, variable, help);
  };
  add_options(options, s.data);
  add("--out", s.out,
      "Folder for the results: tables as CSV and JSON, charts as SVG, and the runs that are done, "
      "which are not done again")
      .type("DIR")
      .show_default();
  options.flag("--quick", s.quick, "A first look in two minutes: few images, few epochs");
  add("--seeds", s.seeds,
      "Repeat each run with N seeds, for mean and deviation or interval. Without it: the study's "
      "own, mostly 1")
      .type("N")
      .check(at_least_1());
  add("--student", s.students,
      takes.students ? "The student, or several. Without it: the study's own"
                     : "The student, one, but for hinton2015. Without it: the study's own")
      .type("SPEC")
      .check(check_model_spec);
  add("--teacher", s.teacher,
      "The teacher, but for hinton2015 and best, which have their own. Without it: mlp:1200,1200")
      .type("SPEC")
      .check(check_model_spec);
  if (takes.temperature) {
    add("--temperature", s.temperature, "T. Without it: the study's own")
        .type("T")
        .check(valid_number([](double t) { check_temperature("--temperature", t); }));
  }
  if (takes.alpha) {
    add("--alpha", s.alpha, "Weight of the labels. Without it: the study's own")
        .type("A")
        .check(valid_number(
            [](double a) { DistillationOptions{.temperature = 1, .alpha = a}.check("--alpha"); }));
  }
  add("--epochs", s.epochs, "Epochs of each student. Without it: the study's own")
      .type("N")
      .check(at_least_1());
  add("--teacher-epochs", s.teacher_epochs, "Epochs of the teacher, likewise")
      .type("N")
      .check(at_least_1());
  options.flag("--validation", s.validation,
               "Judge on the last sixth of the training images, held out, instead of the test set: "
               "for choosing a recipe");
  add("--jobs", shares.jobs,
      "Processes of this machine that do runs at the same time, each with the images in memory")
      .type("N")
      .show_default()
      .check(valid_number([](double n) {
        if (!(n >= 1 && n <= 1024)) fail("number", "must be from 1 to 1024; got {:g}", n);
      }));
  add("--threads", shares.threads, "Threads of each job. Without it the jobs share the processors")
      .type("N")
      .show_default()
      .check(at_least_1())
      .remember(shares.threads_asked);
}

void say_shares(int count, const char* what) {
  if (count == 1) return;
  say("{} {} of {} {} each\n", count, what, threads(), threads() == 1 ? "thread" : "threads");
}

void study_by_jobs(const Study& study, const StudySettings& settings, const Shares& shares) {
  set_threads(shares.threads_each());
  say_shares(shares.jobs, "jobs");
  with_jobs(shares.jobs, [&](Crew& crew) {
    Lab lab(study.name, settings, crew);
    study.run(lab);
  });
}

// Started by mpirun, where the ranks are the jobs.
void study_by_ranks(const Study& study, const StudySettings& settings, const Shares& shares) {
  if (shares.jobs > 1) fail("--jobs", "{} jobs of one rank; take more ranks instead", shares.jobs);
  try {
    const Ranks ranks;
    if (!shares.threads_asked.empty()) set_threads(shares.threads);
    if (ranks.first()) say_shares(ranks.size(), "ranks");
    with_ranks(ranks, [&](Crew& crew) {
      Lab lab(study.name, settings, crew);
      const auto sums = ranks.gather(lab.train().checksum() + " " + lab.test().checksum());
      for (int rank = 0; rank < ranks.size(); ++rank) {
        if (sums[static_cast<std::size_t>(rank)] != sums[0]) {
          fail("study", "{} has other images than {}", ranks.name_of(rank), ranks.name_of(0));
        }
      }
      study.run(lab);
    });
  } catch (const Dismissed&) {
    // Rank 0 says why.
  }
}

}  // namespace

int main(int argc, char** argv) {
  StudySettings settings;
  Shares shares;
  const Study* chosen = nullptr;
  const auto add_commands = [&](Options& options) {
    for (const Study& study : studies) {
      Options command = options.command(study.name, study.what, [&] { chosen = &study; });
      add_options(command, settings, study.takes, shares);
      if (study.run == study_methods) {
        command.add("--method", settings.methods, "Methods beside kd. Without it: all")
            .type("NAME")
            .check([](const std::string& name) { method_info(name); });
      }
      if (study.run != study_softness) continue;
      command.add("--image", settings.image, "A test image to ask about").type("N");
      command.add("--digit", settings.digit, "Or all test images of a class")
          .type("C")
          .show_default();
    }
    options.check([&] {
      if (chosen->takes.students || settings.students.size() <= 1) return;
      fail("arguments", "--student: {} is a study of one student; got {}", chosen->name,
           settings.students.size());
    });
  };
  return run_program(
      {.name = "distill_study",
       .description = "Experiments on distillation. Each prints a table and what was found, and "
                      "leaves them with a "
                      "chart in the folder --out. One that was stopped goes on where it was.",
       .add_options = add_commands,
       .work =
           [&] {
             if (detail::started_as() > 1) {
               study_by_ranks(*chosen, settings, shares);
             } else {
               study_by_jobs(*chosen, settings, shares);
             }
           }},
      argc, argv);
}
