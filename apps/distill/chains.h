// What may stand between teacher and student, and students that have no teacher, as mnist_distill's
// command line asks for them.
//
//   --assistant A B   teacher → A → B → student    teacher assistants (nn/distill/methods/chains.h)
//   --generations N   teacher → N networks like it, one from another → student    born again
//   --mutual N        N students that teach one another (nn/distill/mutual_learning.h)
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "apps/common/distill_report.h"
#include "core/files/safetensors.h"
#include "nn/distill/mutual_learning.h"
#include "nn/sequential.h"

namespace limbeck {

class Options;
struct DistillSettings;
struct ImageSets;

// Which of them, if any.
struct ChainSettings {
  std::vector<std::string> assistants;  // specs, from the teacher's pupil to the student's teacher
  Index generations = 0;                // 0: none
  Index mutual = 0;                     // students; 0: the student has a teacher

  // The trainings from the teacher's to the student's, both with them; 0 where nothing is between.
  Index steps() const;
  // Adds them to the program's options in JSON, where they are given.
  void add_to(nlohmann::ordered_json& options, const DistillSettings& settings) const;
  // Error, in an option's name: two of them, or one with other settings that it does not go with.
  void check(const DistillSettings& settings) const;
};

void add_options(Options& options, ChainSettings& settings);

// What students with --mutual learn: by T and alpha where they are said, else as the paper has it.
MutualOptions mutual_options(const DistillSettings& settings);

// How a run makes, trains and keeps a network, for its chains.
class RunTools {
 public:
  // The training itself, given the options with which it is followed and kept.
  using Work = std::function<std::vector<EpochReport>(const TrainOptions&)>;

  virtual ~RunTools() = default;

  virtual Sequential make(const std::string& spec, double dropout, std::uint64_t stream) const = 0;
  // The options of the teacher's training or of a student's, on labels or not, by the run's seed.
  virtual TrainOptions options_of(bool teacher, bool on_labels) const = 0;
  // Does the work, with a log, a checkpoint and a clock.
  virtual Outcome train(const std::string& title, const std::string& file, const std::string& spec,
                        std::optional<double> temperature, Module& model, TrainOptions options,
                        const Work& work) = 0;
  virtual void keep(const std::string& file, Sequential& network, const Outcome& outcome,
                    const Metadata& more) const = 0;
  // Of what is trained next: the how manieth step of the chain it is; 0: none.
  virtual void set_step(Index number) = 0;
  virtual void say(const std::string& line) = 0;  // to who follows the run
};

// The networks between teacher and student, untrained, in order. Those like the teacher have its
// dropout, too.
std::vector<Sequential> networks_between(const DistillSettings& settings,
                                         const std::string& teacher_spec, const RunTools& tools);

// The same trained, each by the one before it, and kept. Into the report: how each did, and
// generations together.
std::vector<Sequential> train_between(const DistillSettings& settings, const ImageSets& data,
                                      Sequential& teacher, RunTools& tools, DistillReport& report);

// Students that taught one another, of the same kind, and how each did.
struct Cohort {
  std::vector<Sequential> students;
  std::vector<Outcome> outcomes;
};

// Trains them. The first begins with the weights of that repeat's student on labels.
Cohort train_mutually(const DistillSettings& settings, const ImageSets& data, Index repeat,
                      RunTools& tools);

}  // namespace limbeck
