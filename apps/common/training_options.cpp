#include "apps/common/training_options.h"

#include <map>
#include <nlohmann/json.hpp>

#include "apps/common/augmentations.h"
#include "apps/common/program.h"
#include "core/error.h"
#include "optim/adam.h"
#include "optim/parameter_group.h"
#include "optim/rms_prop.h"
#include "optim/sgd.h"

namespace limbeck {
namespace {

using Parameters = std::vector<Tensor>;

// Optimizers with a weight decay, by name.
using MakeDecaying = std::unique_ptr<Optimizer> (*)(Parameters parameters, double lr,
                                                    double weight_decay);

template <class Made, class MadeOptions>
std::unique_ptr<Optimizer> make(Parameters parameters, MadeOptions options, double lr,
                                double weight_decay) {
  options.lr = lr;
  options.weight_decay = 0;
  if (weight_decay == 0) return std::make_unique<Made>(std::move(parameters), options);
  return std::make_unique<Made>(decay_matrices_only(parameters, weight_decay), options);
}

const std::map<std::string, MakeDecaying>& optimizers() {
  static const std::map<std::string, MakeDecaying> by_name = {
      {"adam", [](Parameters p, double lr,
                  double decay) { return make<Adam>(std::move(p), AdamOptions{}, lr, decay); }},
      {"adamw", [](Parameters p, double lr,
                   double decay) { return make<AdamW>(std::move(p), AdamWOptions{}, lr, decay); }},
      {"rmsprop",
       [](Parameters p, double lr, double decay) {
         return make<RmsProp>(std::move(p), RmsPropOptions{}, lr, decay);
       }},
      {"sgd", [](Parameters p, double lr, double decay) {
         return make<Sgd>(std::move(p), SgdOptions{.momentum = 0.9}, lr, decay);
       }}};
  return by_name;
}

// Schedules for a training of so many steps, by name.
using MakeSchedule = Schedule (*)(Index steps);

const std::map<std::string, MakeSchedule>& schedules() {
  static const std::map<std::string, MakeSchedule> by_name = {
      {"constant", [](Index) { return constant(); }},
      {"cosine", [](Index steps) { return cosine({.total = steps}); }},
      {"linear", [](Index steps) { return linear_decay({.total = steps}); }},
      {"one-cycle", [](Index steps) { return one_cycle({.total = steps}); }}};
  return by_name;
}

}  // namespace

void TrainingSettings::check() const {
  if (patience > 0 && validation_split == 0) {
    fail("--patience", "it needs images to judge by: give --validation-split too, 0.1 say");
  }
}

void TrainingSettings::apply(TrainOptions& options, bool on_labels) const {
  options.optimizer = [make = optimizers().at(optimizer), decay = weight_decay](
                          Parameters parameters, double lr) {
    return make(std::move(parameters), lr, decay);
  };
  if (schedule != "cosine") options.schedule_of = schedules().at(schedule);  // the usual one
  options.clip_norm = clip_norm;
  options.validation_split = validation_split;
  options.patience = patience;
  options.loader_threads = loader_threads();
  if (on_labels) options.label_smoothing = label_smoothing;
}

void TrainingSettings::add_to(nlohmann::ordered_json& options) const {
  options["optimizer"] = optimizer;
  options["weight_decay"] = weight_decay;
  options["schedule"] = schedule;
  options["clip_norm"] = clip_norm;
  options["label_smoothing"] = label_smoothing;
  options["validation_split"] = validation_split;
  options["patience"] = patience;
}

void add_options(Options& options, TrainingSettings& s) {
  const auto add = [&options](const char* name, auto& variable, const char* help) {
    return options.add(name, variable, help).show_default();
  };
  add("--optimizer", s.optimizer,
      "Of all networks: adam; adamw, whose decay passes by the division; rmsprop, Adam without its "
      "mean; sgd, with a momentum of 0.9, which wants a rate some ten to a hundred times as large")
      .type("NAME")
      .one_of(names_of(optimizers()));
  add("--weight-decay", s.weight_decay,
      "Its decay of the weights towards 0; biases, and the scales of normalisations, have none")
      .type("L")
      .check(not_negative());
  add("--schedule", s.schedule,
      "How the learning rate goes: from --lr to 0 along half a cosine, or linear; constant; "
      "one-cycle, up to --lr and down again, for rates that are too high to begin with")
      .type("NAME")
      .one_of(names_of(schedules()));
  add("--clip-norm", s.clip_norm,
      "Scale a step's gradient down to this length if it is longer; 0: never")
      .type("L")
      .check(not_negative());
  add("--label-smoothing", s.label_smoothing,
      "The part of each label that is shared by all classes, where networks learn from labels "
      "alone, the teacher among them: a teacher that is trained so teaches less")
      .type("E")
      .check(below_1());
  add("--validation-split", s.validation_split,
      "Hold this part of the training images back, at random, and judge each epoch by them; the "
      "test images are then looked at once, at the end")
      .type("P")
      .check(below_1());
  add("--patience", s.patience,
      "End a training after so many epochs without fewer errors on the held-back images, and keep "
      "the weights of its best epoch; 0: never")
      .type("N")
      .check(not_negative());
}

}  // namespace limbeck
