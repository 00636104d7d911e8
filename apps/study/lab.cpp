#include "apps/study/lab.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <numeric>

#include "apps/common/augmentations.h"
#include "apps/common/json_text.h"
#include "apps/common/model_options.h"
#include "core/error.h"
#include "core/files/file.h"
#include "core/files/npy.h"
#include "core/ops/reduce.h"
#include "nn/distill/distiller.h"
#include "nn/model_spec.h"
#include "nn/train/evaluate.h"
#include "optim/constraint.h"

namespace limbeck {
namespace {

ImageSets load(const StudySettings& s) {
  constexpr Index quick_train = 10'000, quick_test = 4000;
  ImageSets data = load(s.data);
  if (s.validation) {
    TrainTest parts = held_out(data.train);
    data.train = std::move(parts.train), data.test = std::move(parts.test);
  }
  if (s.quick) {
    Rng rng(1);
    data.train = data.train.sample(std::min(quick_train, data.train.size()), rng);
    data.test = data.test.sample(std::min(quick_test, data.test.size()), rng);
  }
  return data;
}

std::string made_folder(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) fail("--out", "{} cannot be made: {}", folder, error.message());
  return folder;
}

// All that training changes in a network.
std::vector<NamedTensor> state(Sequential& network) {
  std::vector<NamedTensor> all = network.named_parameters();
  for (const NamedTensor& buffer : network.named_buffers()) all.push_back(buffer);
  return all;
}

// Such a row as bytes, and back: so it goes to other processes.
Json bytes_of(const Tensor& row) {
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(row.data());
  return Json::binary(std::vector<std::uint8_t>(
      bytes, bytes + static_cast<std::size_t>(row.size()) * sizeof(real)));
}

Tensor row_of(const Json& bytes) {
  const auto& from = bytes.get_binary();
  Tensor row = Tensor::zeros({static_cast<Index>(from.size() / sizeof(real))});
  std::memcpy(row.data(), from.data(), from.size());
  return row;
}

// The same as one row of numbers, and back.
Tensor state_of(Sequential& network) {
  std::vector<real> values;
  for (const NamedTensor& part : state(network)) {
    const auto more = part.tensor.values();
    values.insert(values.end(), more.begin(), more.end());
  }
  return Tensor::from({static_cast<Index>(values.size())}, values);
}

void set_state(Sequential& network, const Tensor& values) {
  const real* from = values.data();
  Index size = 0;
  for (const NamedTensor& part : state(network)) size += part.tensor.size();
  if (size != values.size()) {
    fail("study", "a network of {} numbers was kept as {}", size, values.size());
  }
  for (NamedTensor& part : state(network)) {
    std::copy_n(from, part.tensor.size(), part.tensor.data());
    from += part.tensor.size();
  }
}

}  // namespace

Sequential untrained(const Training& training) {
  Rng rng(training.seed);
  return make_model(training.spec, training.set->image, training.set->classes,
                    model_options(training.spec, *training.set, training.dropout), rng);
}

double cost_of(const Training& t) {
  Sequential network = untrained(t);
  return static_cast<double>(t.epochs * t.set->size()) *
         static_cast<double>(multiply_adds(network, t.set->image));
}

TrainTest held_out(const Dataset& train) {
  std::vector<Index> all(static_cast<std::size_t>(train.size()));
  std::iota(all.begin(), all.end(), Index{0});
  if (std::ranges::is_sorted(train.class_ids)) {
    std::stable_partition(all.begin(), all.end(), [](Index i) { return i % 6 != 5; });
  }
  const std::size_t kept = all.size() - all.size() / 6;
  return {.train = train.select(std::span(all).first(kept)),
          .test = train.select(std::span(all).subspan(kept))};
}

Lab::Files::Files(const std::string& folder, const std::string& study)
    : lock("--out", made_folder(folder)),
      runs(folder + "/" + study + ".runs.jsonl"),
      networks(folder + "/networks.runs.jsonl") {}

Lab::Lab(const std::string& study, const StudySettings& settings, Crew& crew)
    : study_(study),
      settings_(settings),
      dealer_(crew),
      log_(!crew.is_first()),
      data_(load(settings)) {
  if (crew.is_first()) files_.emplace(settings.out, study);
  log_.say(fmt::format("{}: {}, {} images to learn from, {} to be judged by", study,
                       settings.data.name(), data_.train.size(), data_.test.size()));
  for (const std::string& note : data_.notes) log_.say(note);
}

Index Lab::epochs(Index full, Index quick) const {
  if (settings_.epochs > 0) return settings_.epochs;
  return settings_.quick ? quick : full;
}

Index Lab::teacher_epochs(Index full, Index quick) const {
  if (settings_.teacher_epochs > 0) return settings_.teacher_epochs;
  return settings_.quick ? quick : full;
}

std::vector<std::string> Lab::students(std::vector<std::string> own) const {
  return settings_.students.empty() ? own : settings_.students;
}

double Lab::temperature(double own) const {
  return settings_.temperature > 0 ? settings_.temperature : own;
}

double Lab::alpha(double own) const {
  return settings_.alpha >= 0 ? settings_.alpha : own;
}

Index Lab::seeds(Index own) const {
  return settings_.seeds > 0 ? settings_.seeds : own;
}

std::vector<std::string> Lab::teachers(std::vector<std::string> own) const {
  return settings_.teacher.empty() ? own : std::vector{settings_.teacher};
}

Training Lab::usual_teacher() const {
  return {.spec = teachers({"mlp:1200,1200"}).front(),
          .epochs = teacher_epochs(20, 8),
          .set = &data_.train,
          .dropout = 0.3,
          .augment = "shift"};
}

Sequential Lab::trained(const Training& training,
                        FunctionRef<void(Sequential&, const TrainOptions&)> fit) {
  Sequential network = untrained(training);
  TrainOptions options{.epochs = training.epochs,
                       .batch_size = training.batch_size,
                       .augment = augmentation_of(training.augment),
                       .views = training.views,
                       .loader_threads = loader_threads(),
                       .seed = training.seed};
  if (training.max_row_norm > 0) {
    options.after_step = [&] {
      for (const Tensor& weight : network.parameters()) {
        if (weight.shape().rank() == 2) constrain_row_norm(weight, training.max_row_norm);
      }
    };
  }
  const bool alone = dealer_.crew().size() == 1;
  if (alone) {
    log_.follow(options);
    options.on_epoch = {};
  } else {
    options.on_batch = [&](const Progress& p) {
      dealer_.progress(static_cast<double>((p.epoch - 1) * p.batches + p.batch) /
                       static_cast<double>(p.epochs * p.batches));
    };
  }
  fit(network, options);
  if (alone) log_.clear_bar();
  return network;
}

Sequential Lab::train_network(const Training& training) {
  return trained(training, [&](Sequential& network, const TrainOptions& options) {
    if (training.teacher) {
      distill_from_logits(training.teacher(), network, *training.set, training.distillation,
                          options);
    } else {
      train_classifier(network, *training.set, options);
    }
  });
}

Sequential Lab::distil_anew(Module& teacher, const Training& training, double weight_average) {
  return trained(training, [&](Sequential& student, const TrainOptions& options) {
    TrainOptions averaged = options;
    averaged.weight_average = weight_average;
    Distiller(teacher, student, training.distillation).fit(*training.set, averaged);
  });
}

std::vector<Spread> Lab::errors_of(const std::vector<Case>& cases) {
  std::vector<Run> runs;
  const Index seed_count = seeds(1);
  for (const Case& c : cases) {
    for (Index seed = 1; seed <= seed_count; ++seed) {
      Training training = c.training;
      training.seed = static_cast<std::uint64_t>(seed);
      runs.push_back({.what = describe(training, c.more),
                      .title = fmt::format("{}, seed {}", c.title, seed),
                      .cost = cost_of(training),
                      .work = [this, training, train = c.train]() -> Json {
                        Sequential network = train ? train(training) : train_network(training);
                        return {{"errors", count_errors(network, test())}};
                      },
                      .needs = needs_of(training)});
    }
  }
  const std::vector<Json> results = run(runs);
  std::vector<Spread> spreads;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    std::vector<double> errors;
    for (std::size_t k = 0; k < static_cast<std::size_t>(seed_count); ++k) {
      const std::size_t at = i * static_cast<std::size_t>(seed_count) + k;
      errors.push_back(static_cast<double>(count_in(results.at(at), "errors")));
    }
    spreads.push_back(spread_of(errors));
  }
  return spreads;
}

Training Lab::taught(Training student, const DistillationOptions& how) {
  return taught(std::move(student), how, "teacher", usual_teacher());
}

Training Lab::taught(Training student, const DistillationOptions& how, const std::string& name,
                     const Training& by) {
  student.distillation = how;
  student.teacher = [this, name, by] { return teacher(name, by).train; };
  student.teacher_is = {{"name", name}, {"trained", describe(by)}};
  student.needs = std::make_shared<const NamedTraining>(NamedTraining{name, by});
  return student;
}

Json Lab::describe(const Training& t, const Json& more) const {
  Json what = {{"data", settings_.data.path.empty() ? "synthetic" : settings_.data.path},
               {"validation", settings_.validation},
               {"images", t.set->size()},
               {"test_images", data_.test.size()},
               {"model", t.spec},
               {"seed", t.seed},
               {"epochs", t.epochs},
               {"batch_size", t.batch_size},
               {"dropout", t.dropout},
               {"augment", t.augment},
               {"views", t.views},
               {"max_row_norm", t.max_row_norm}};
  if (t.teacher) {
    what["temperature"] = t.distillation.temperature;
    what["alpha"] = t.distillation.alpha;
    what["teacher"] = t.teacher_is;
  }
  settings_.data.add_to(what);
  what.update(more);
  return what;
}

Sequential Lab::network(const std::string& name, const Training& training) {
  Json what = describe(training);
  what["network"] = name;
  const std::string key = json_text(what);
  if (!states_.contains(key)) {
    if (dealer_.at_work()) fail("study", "a run asks for the network {}: it must name it", name);
    run({network_run(name, training)});
  }
  Sequential network = untrained(training);
  set_state(network, states_.at(key));
  return network;
}

Run Lab::network_run(const std::string& name, const Training& training) {
  Json what = describe(training);
  what["network"] = name;
  return {
      .what = what,
      .title = fmt::format("{}: {}, {} epochs", name, training.spec, training.epochs),
      .cost = cost_of(training),
      .work = [this, training]() -> Json {
        Sequential network = train_network(training);
        return {{"errors", count_errors(network, test())}, {"state", bytes_of(state_of(network))}};
      },
      .needs = needs_of(training),
      .learn =
          [this, key = json_text(what)](const Json& result) {
            states_.insert_or_assign(key, row_of(result.at("state")));
          }};
}

std::vector<Run> Lab::needs_of(const Training& training) {
  if (!training.needs) return {};
  return {network_run(training.needs->name, training.needs->training)};
}

std::string Lab::state_file(const Json& network) const {
  return path("network-" + short_name(json_text(network)) + ".npy");
}

std::optional<Json> Lab::find(const Run& run) const {
  const RunFile& file = run.learn ? files_->networks : files_->runs;
  const Json* const found = file.find(run.what);
  if (found == nullptr) return {};
  Json result = *found;
  if (run.learn) result["state"] = bytes_of(read_npy(state_file(run.what)));
  return result;
}

void Lab::add(const Run& run, const Json& result) {
  if (!run.learn) return files_->runs.add(run.what, result);
  write_npy(state_file(run.what), row_of(result.at("state")));
  files_->networks.add(run.what, {{"errors", result.at("errors")}});
}

std::vector<Json> Lab::run(const std::vector<Run>& runs) {
  const RunStore store{.find = [this](const Run& run) { return find(run); },
                       .add = [this](const Run& run, const Json& result) { add(run, result); }};
  const bool alone = dealer_.crew().size() == 1;
  const RunVoice voice{.say =
                           [this, alone](const std::string& line) {
                             if (!alone) log_.clear_bar();
                             log_.say(line);
                           },
                       .show = alone ? std::function<void(const std::string&)>{}
                                     : [this](const std::string& line) { log_.draw_over(line); }};
  return results_of(runs, store, voice, dealer_);
}

const TeacherAnswers& Lab::teacher(const std::string& name, const Training& training) {
  const std::string what = name + json_text(describe(training));
  if (const auto found = answers_.find(what); found != answers_.end()) return found->second;
  Sequential teacher = network(name, training);
  TeacherAnswers answers{.train = logits_of(teacher, train()), .test = logits_of(teacher, test())};
  answers.errors = count_errors(argmax_last(answers.test), test());
  return answers_.emplace(what, answers).first->second;
}

void Lab::report(const std::string& name, const Table& table, const std::string& found) {
  if (!files_) return;
  write(name + ".csv", csv_of(table));
  const Json all = {{"study", study_},
                    {"data", settings_.data.path.empty() ? "synthetic" : settings_.data.path},
                    {"validation", settings_.validation},
                    {"quick", settings_.quick},
                    {"rows", table},
                    {"found", found}};
  write(name + ".json", json_text(all, 2) + "\n");
  fmt::print("{}\n{}\n", text_of(table), found);  // files first: the reader may have gone
}

void Lab::write(const std::string& file, const std::string& content) {
  if (files_) write_file("study", path(file), content);
}

}  // namespace limbeck
