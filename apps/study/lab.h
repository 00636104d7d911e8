// Lab: what the studies share. Data, teachers, students, and where their results go.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/common/class_names.h"
#include "apps/common/data_options.h"
#include "apps/common/training_log.h"
#include "apps/study/crew.h"
#include "apps/study/dealer.h"
#include "apps/study/runs.h"
#include "apps/study/table.h"
#include "core/files/file.h"
#include "core/function_ref.h"
#include "data/dataset.h"
#include "nn/distill/distillation_loss.h"
#include "nn/sequential.h"
#include "nn/train/trainer.h"

namespace limbeck {

// What the program was asked for. Where a number is 0 the study takes its own.
struct StudySettings {
  DataSettings data{};
  std::string out = "study";          // folder for results
  std::string teacher;                // empty: the study's own
  std::vector<std::string> students;  // empty: the study's own
  std::vector<std::string> methods;   // for `methods`, beside kd; empty: all
  double temperature = 0;
  double alpha = -1;  // below 0: the study's own
  Index seeds = 0;
  Index epochs = 0, teacher_epochs = 0;
  bool quick = false;       // a first look: few images, few epochs
  bool validation = false;  // judged on images held out of the training set, not on the test set
  Index image = -1;         // for `softness`: a test image; below 0: the mean of a class
  Index digit = 2;          // that class
};

struct NamedTraining;

// A training of a network on a set, from hard labels, or from a teacher's logits for it.
struct Training {
  std::string spec;
  std::uint64_t seed = 1;  // of weights and order
  Index epochs = 1;
  Index batch_size = 128;
  const Dataset* set = nullptr;
  // The teacher's logits for the set, (N, C), asked for when training begins; none: hard labels.
  std::function<Tensor()> teacher{};
  Json teacher_is{};  // whose they are
  // A network of Lab::network that it asks for, which is there when it begins; none: none.
  std::shared_ptr<const NamedTraining> needs{};
  DistillationOptions distillation{};
  double dropout = 0;
  std::string augment = "none";  // apps/common/augmentations.h
  Index views = 0;               // TrainOptions::views
  double max_row_norm = 0;       // of weights, after every step; 0: no limit
};

// One of a network that a study keeps.
struct NamedTraining {
  std::string name;
  Training training;
};

// A training that a study compares with others: what people call it, and what its description does
// not tell, which labels the set has, say, or whose answers they are.
struct Case {
  std::string title;
  Training training;
  Json more = Json::object();
  // Makes the network; none: Lab::train_network does.
  std::function<Sequential(const Training&)> train{};
};

// A network of this kind with its first weights.
Sequential untrained(const Training& training);
// About how long a training takes: images seen × multiply-adds for each.
double cost_of(const Training& training);
// The last sixth of a training set to be judged by instead of a test set or, where the images are
// sorted by class, every sixth image; and the others.
TrainTest held_out(const Dataset& train);

// A trained teacher's answers.
struct TeacherAnswers {
  Tensor train;  // (N, C): logits for the training images, as they are
  Tensor test;
  Index errors = 0;  // on the test images
};

// Every process of the crew has a lab and goes through the study: what trains something is done by
// one of them, and then known to all. The first alone has files and a voice.
class Lab {
 public:
  // Loads the data and makes the folder. Error: data or folder that are not as they should be.
  Lab(const std::string& study, const StudySettings& settings, Crew& crew);

  const StudySettings& settings() const { return settings_; }
  const Dataset& train() const { return data_.train; }
  const Dataset& test() const { return data_.test; }
  const ClassNames& class_names() const { return data_.class_names; }
  // `full` or, with --quick, `quick`; but what was asked for, if it was.
  Index epochs(Index full, Index quick) const;
  Index teacher_epochs(Index full, Index quick) const;
  std::vector<std::string> students(std::vector<std::string> own) const;
  double temperature(double own) const;
  double alpha(double own) const;
  Index seeds(Index own) const;
  std::vector<std::string> teachers(std::vector<std::string> own) const;

  // A network that `fit` trains with these options, which show how far it is.
  Sequential trained(const Training& training,
                     FunctionRef<void(Sequential&, const TrainOptions&)> fit);
  Sequential train_network(const Training& training);
  // The errors of each case's network on the test images, over the seeds asked for.
  std::vector<Spread> errors_of(const std::vector<Case>& cases);
  // A student of a teacher that is asked about every image as augmentation changes it; left with a
  // moving average of its weights.
  Sequential distil_anew(Module& teacher, const Training& training, double weight_average);
  // A network trained in this way on this set, which `name` describes. Its weights are kept in the
  // folder: a study that starts again has it at once. Error: asked for by a run that does not name
  // it as needed.
  Sequential network(const std::string& name, const Training& training);
  // The answers of such a network.
  const TeacherAnswers& teacher(const std::string& name, const Training& training);
  // The default one, of mlp:1200,1200 or what was asked for: dropout 0.3, shifted images.
  Training usual_teacher() const;
  const TeacherAnswers& teacher() { return teacher("teacher", usual_teacher()); }

  // The same training by soft targets of a teacher, if no other the default one.
  Training taught(Training student, const DistillationOptions& how);
  Training taught(Training student, const DistillationOptions& how, const std::string& name,
                  const Training& teacher);

  // What identifies a run of a network.
  Json describe(const Training& training, const Json& more = Json::object()) const;
  // What a run of this training needs before it: the network of that.
  std::vector<Run> needs_of(const Training& training);
  // The results of all runs, those in the study's file taken from there.
  std::vector<Json> run(const std::vector<Run>& runs);

  // Prints the table and writes NAME.csv and NAME.json, with what was found, into the folder.
  void report(const std::string& name, const Table& table, const std::string& found);
  void write(const std::string& file, const std::string& content);

 private:
  // What the first process reads and writes in the folder; nobody else does meanwhile.
  struct Files {
    Files(const std::string& folder, const std::string& study);
    FolderLock lock;
    RunFile runs, networks;
  };

  std::string path(const std::string& file) const { return settings_.out + "/" + file; }
  std::string state_file(const Json& network) const;
  // The training of a network that is kept.
  Run network_run(const std::string& name, const Training& training);
  std::optional<Json> find(const Run& run) const;
  void add(const Run& run, const Json& result);

  std::string study_;
  StudySettings settings_;
  Dealer dealer_;
  TrainingLog log_;
  ImageSets data_;
  std::optional<Files> files_;
  // By the network's description.
  std::map<std::string, Tensor> states_;  // all that training changes, as one row
  std::map<std::string, TeacherAnswers> answers_;
};

// The studies. Each trains what it needs, prints what it found and leaves its files.
void study_temperature(Lab& lab);
void study_alpha(Lab& lab);
void study_noise(Lab& lab);
void study_few(Lab& lab);
void study_omit(Lab& lab);
void study_softness(Lab& lab);
void study_hinton2015(Lab& lab);
void study_best(Lab& lab);
void study_methods(Lab& lab);
void study_standardised(Lab& lab);
void study_schedule(Lab& lab);
void study_chain(Lab& lab);

}  // namespace limbeck
