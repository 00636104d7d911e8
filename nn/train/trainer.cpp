#include "nn/train/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <unordered_set>

#include "core/error.h"
#include "core/files/checksum.h"
#include "core/ops/arithmetic.h"
#include "nn/first_step.h"
#include "nn/train/epoch_means.h"
#include "nn/train/gradient_sums.h"
#include "nn/train/judge.h"
#include "nn/train/scopes.h"
#include "nn/train/team.h"
#include "nn/weights.h"
#include "optim/average.h"
#include "optim/constraint.h"

namespace limbeck {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// A training under way.
class Run {
 public:
  Run(Module& model, const Dataset& train, const TrainOptions& options, const detail::Task& task)
      : model_(model),
        train_(train),
        options_(options),
        task_(task),
        held_(detail::hold_out(train, options)),
        validation_(held_.validation ? &*held_.validation : options.validation),
        rng_(options.seed),
        loader_(train, detail::loader_options(options, held_.learned), rng_),
        accumulate_(std::min(options.accumulate, loader_.batches())),
        steps_a_pass_(steps_in(loader_.batches())),
        steps_(detail::steps_of(options.epochs, loader_.batches(), accumulate_)),
        schedule_(detail::make_schedule(steps_, options)),
        facts_(task.facts) {
    std::unordered_set<const detail::TensorBody*> seen;  // parts may share what they learn
    for (const auto& [name, module] : detail::learners(model, options)) {
      for (const Tensor& parameter : module->parameters()) {
        if (!seen.contains(&parameter.body())) parameters_.push_back(parameter);
      }
      for (const auto& [part, tensor] : named_state(*module)) {
        if (seen.insert(&tensor.body()).second) state_.push_back({name + part, tensor});
      }
      for (const auto& [part, rng] : module->named_generators()) {
        generators_.emplace_back(module == &model ? part : name + part, rng);
      }
    }
    optimizer_ = detail::make_optimizer(parameters_, options);
    if (options.weight_average != 0) average_.emplace(tensors_of(state_), options.weight_average);
    if (options.patience > 0) best_.emplace(state_);
    if (options.plateau) plateau_.emplace(*options.plateau);
    detail::check_judges(options, held_);
    if (const Ranks* const ranks = detail::ranks_of(options)) {
      team_.emplace(*ranks, state_, parameters_, options.synchronised_statistics);
      gradient_sums_.emplace(*ranks, optimizer_->moved());
    }
  }

  std::vector<EpochReport> run() {
    const detail::TrainMode train_mode(model_, options_.with);
    go_on();
    while (static_cast<Index>(at_.reports.size()) < options_.epochs && !at_.over) epoch();
    if (best_) {
      best_->put_back();
    } else if (average_) {
      average_->swap();  // the model is left with it
    }
    return at_.reports;
  }

 private:
  static std::vector<Tensor> tensors_of(const std::vector<NamedTensor>& named) {
    std::vector<Tensor> tensors;
    for (const NamedTensor& t : named) tensors.push_back(t.tensor);
    return tensors;
  }

  detail::Learner learner() {
    detail::Learner learner{.state = state_,
                            .optimizer = *optimizer_,
                            .average = average_ ? &*average_ : nullptr,
                            .generators = generators_};
    if (best_) learner.best = best_->copies();
    return learner;
  }

  void go_on() {
    if (options_.checkpoint.file.empty() && !team_) return;
    add_facts();
    if (team_) detail::agree(team_->ranks(), facts_of_rank());
    if (options_.checkpoint.file.empty()) return;
    if (auto position = detail::read_checkpoint(options_.checkpoint, facts_, learner(),
                                                detail::ranks_of(options_))) {
      at_ = std::move(*position);
      const auto epochs = static_cast<Index>(at_.reports.size());
      const bool judged = std::ranges::all_of(at_.reports, [this](const EpochReport& report) {
        return validation_ == nullptr || report.validation_errors;
      });
      if (epochs > options_.epochs || at_.batches > loader_.batches() || !judged ||
          (at_.over && epochs == 0)) {
        fail("checkpoint", "{}: its epoch {}, batch {} is none of this training",
             options_.checkpoint.file, epochs + 1, at_.batches);
      }
      if (optimizer_->steps() != epochs * steps_a_pass_ + steps_in(at_.batches)) {
        fail("checkpoint", "{}: {} steps are not those of its epochs and batches",
             options_.checkpoint.file, optimizer_->steps());
      }
      if (plateau_) plateau_->set_state(at_.plateau);
      loader_.skip_epochs(epochs);
    }
  }

  // Of what the numbers of this training are made, beside its loss.
  void add_facts() {
    facts_["network"] = detail::layers_of(model_);
    facts_["training images"] = train_.checksum();
    facts_["optimizer"] = optimizer_->describe();
    if (const auto of = optimizer_->describe_groups(); !of.empty()) facts_["parameter groups"] = of;
    const bool usual = !options_.schedule && !options_.schedule_of && !options_.plateau;
    facts_["schedule"] = usual ? "half a cosine"
                               : fmt::format("{:g}, {:g}, {:g}", schedule_(0),
                                             schedule_(steps_ / 2), schedule_(steps_ - 1));
    facts_.merge(detail::facts_of(options_));
  }

  // And what must be the same on all ranks at the start.
  detail::TrainingFacts facts_of_rank() const {
    detail::TrainingFacts facts = facts_;
    facts.merge(detail::facts_for_all(train_, options_));
    Checksum sum;
    for (const NamedTensor& part : state_) sum.add(part.tensor);
    facts["weights at the start"] = sum.str();
    return facts;
  }

  void epoch() {
    const auto start = Clock::now();
    const double before = at_.seconds;
    for (auto batch = loader_.begin(at_.batches); !(batch == loader_.end()); ++batch) {
      learn(*batch);
      at_.seconds = before + seconds_since(start);
      if (is_step_over() && (team_ ? team_->stops() : is_asked_to_stop())) stop();
    }
    std::string drifted;
    if (team_) {
      at_.seconds = team_->of_first(at_.seconds);
      std::vector<Tensor> changing = tensors_of(state_);
      std::ranges::copy(tensors_of(optimizer_->named_state()), std::back_inserter(changing));
      if (average_) std::ranges::copy(average_->averages(), std::back_inserter(changing));
      drifted = team_->align(changing);
    }
    EpochReport report{.epoch = epoch_under_way(),
                       .epochs = options_.epochs,
                       .lr = lr_of(optimizer_->steps() - 1),
                       .seconds = at_.seconds};
    at_.sums.write_to(report);
    detail::warn_of_guessing(report, train_.classes);
    if (!drifted.empty()) {
      report.warnings.push_back(fmt::format(
          "{} has come to other bits, as another kind of processor may; it now has those of rank 0",
          drifted));
    }
    {
      const detail::Averaged averaged(average_ ? &*average_ : nullptr);
      detail::judge(report, model_, options_, validation_, task_.teacher_decisions);
      detail::check_names(report);
      at_.over = is_over_after(report);
      if (plateau_) {
        plateau_->report(static_cast<double>(*report.validation_errors));
        at_.plateau = plateau_->state();
      }
      if (options_.on_epoch) options_.on_epoch(report);
      const bool stops = options_.stop_if && options_.stop_if(report);
      if (team_ ? team_->any(stops) : stops) at_.over = true;
    }
    at_.reports.push_back(std::move(report));
    at_.batches = 0, at_.seconds = 0, at_.sums = {};
    if (!options_.checkpoint.file.empty()) write_checkpoint();
  }

  // Keeps the weights if they are the best so far; whether patience has come to its end.
  bool is_over_after(const EpochReport& report) {
    if (!best_) return false;
    if (at_.reports.empty() ||
        *report.validation_errors < *best_of(at_.reports).validation_errors) {
      best_->keep();
      return false;
    }
    return report.epoch - best_of(at_.reports).epoch >= options_.patience;
  }

  void learn(const Batch& batch) {
    const Index step = optimizer_->steps();
    optimizer_->set_lr(lr_of(step));
    const double done =
        static_cast<double>(step) / static_cast<double>(std::max<Index>(steps_ - 1, 1));
    std::optional<BatchShare> share;
    if (team_) {
      share = team_->share_of(loader_.images_in_batch(at_.batches));
      team_->begin();
    }
    const BatchShareScope scope(share ? &*share : nullptr);
    const Tensor logits = task_.forward ? task_.forward(batch.images) : model_(batch.images);
    const Step at{
        .batch = batch, .logits = logits, .done = done, .epoch = epoch_under_way(), .step = step};
    const Loss loss =
        task_.in_parts
            ? task_.in_parts(at, [this, step](const Tensor& part) { return move_part(part, step); })
            : task_.loss(at);
    const Index images = loader_.images_in_batch(at_.batches++);
    detail::BatchValues values;
    if (team_) {
      if (step == 0) detail::check_first_step("train", loss.total(), optimizer_->moved());
      team_->check_terms(loss, at_.sums);
      team_->send(loss, batch.images.dim(0), *share, is_asked_to_stop());
      sum_gradients(loss.total());
      values = team_->receive();
      check_finite(values);
      if (is_step_over()) step_by_gradients();
    } else {
      values = detail::values_of(loss);
      check_finite(values);
      if (step == 0) detail::check_first_step("train", loss.total(), optimizer_->moved());
      move(loss.total());
    }
    if (is_step_over()) {
      if (options_.after_step) options_.after_step();
      if (average_) average_->update();
    }
    at_.sums.add(values, images);
    if (options_.on_batch) options_.on_batch(progress(values));
  }

  Progress progress(const detail::BatchValues& values) const {
    return {.epoch = epoch_under_way(),
            .epochs = options_.epochs,
            .batch = at_.batches,
            .batches = loader_.batches(),
            .loss = values.loss};
  }

  void check_finite(const detail::BatchValues& values) const {
    detail::check_finite(values, at_.batches, epoch_under_way(),
                         optimizer_->steps() == 0 ? std::nullopt : std::optional(options_.lr));
  }

  // The MovePart of a step, which counts as one all the same.
  bool move_part(const Tensor& part, Index step) {
    const bool finite = std::isfinite(part.item());
    if (team_ ? team_->any(!finite) : !finite) return false;
    if (step == 0) detail::check_first_step("train", part, optimizer_->moved());
    if (team_ || clips()) {
      optimizer_->zero_grad();
      team_ ? sum_gradients(part) : part.backward();
      step_by_gradients();
    } else {
      optimizer_->minimize(part);
    }
    optimizer_->set_steps(step);
    return true;
  }

  bool clips() const { return options_.clip_norm > 0 || options_.clip_value > 0; }

  void step_by_gradients() {
    if (options_.clip_value > 0) clip_grad_value(parameters_, options_.clip_value);
    if (options_.clip_norm > 0) {
      at_.sums.add_gradient_norm(clip_grad_norm(parameters_, options_.clip_norm));
    }
    optimizer_->step();
    optimizer_->zero_grad();
  }

  // The gradient of this batch; where several make a step, each adds its own.
  void add_gradient(const Tensor& loss, double weight) {
    const Index first = (at_.batches - 1) / accumulate_ * accumulate_;
    if (at_.batches == first + 1) optimizer_->zero_grad();
    const double share = weight * static_cast<double>(images_in(at_.batches - 1, at_.batches)) /
                         static_cast<double>(images_in(first, first + accumulate_));
    (share == 1 ? loss : loss * static_cast<real>(share)).backward();
  }

  // The same over all ranks: while backward goes on, if the batch is a step.
  void sum_gradients(const Tensor& loss) {
    const double weight = batch_share()->weight;
    if (accumulate_ == 1) {
      gradient_sums_->backward(loss * static_cast<real>(weight));
    } else {
      add_gradient(loss, weight);
      if (is_step_over()) gradient_sums_->sum();
    }
  }

  // The weights, by the gradient of this batch; where several make a step, after the last of them.
  void move(const Tensor& loss) {
    if (accumulate_ == 1 && !clips()) {
      optimizer_->minimize(loss);
    } else {
      add_gradient(loss, 1);
      if (is_step_over()) step_by_gradients();
    }
  }

  bool is_asked_to_stop() const { return options_.checkpoint.stop && options_.checkpoint.stop(); }

  double lr_of(Index step) const {
    return options_.lr * schedule_(step) * (plateau_ ? plateau_->factor() : 1);
  }
  Index epoch_under_way() const { return static_cast<Index>(at_.reports.size()) + 1; }
  // Steps of an epoch of which so many batches are over.
  Index steps_in(Index batches) const { return (batches + accumulate_ - 1) / accumulate_; }
  bool is_step_over() const {
    return at_.batches % accumulate_ == 0 || at_.batches == loader_.batches();
  }
  // Images of an epoch's batches [from, to).
  Index images_in(Index from, Index to) const {
    const auto before = [this](Index batch) {
      return std::min(std::min(batch, loader_.batches()) * options_.batch_size, loader_.images());
    };
    return before(to) - before(from);
  }

  void write_checkpoint() {
    if (team_ && !team_->ranks().first()) return;
    detail::write_checkpoint(options_.checkpoint, facts_, learner(), at_);
  }

  [[noreturn]] void stop() {
    if (!options_.checkpoint.file.empty()) write_checkpoint();
    if (team_) team_->ranks().barrier();  // till it is written
    throw Stopped("train", fmt::format("stopped after batch {} of epoch {}", at_.batches,
                                       at_.reports.size() + 1));
  }

  Module& model_;
  const Dataset& train_;
  const TrainOptions& options_;
  const detail::Task& task_;
  const detail::HeldOut held_;
  const Dataset* validation_;  // or none
  Rng rng_;
  DataLoader loader_;
  Index accumulate_;    // batches of a step
  Index steps_a_pass_;  // of an epoch
  Index steps_;         // of the whole training
  Schedule schedule_;
  std::vector<Tensor> parameters_;                        // of all that is trained,
  std::vector<NamedTensor> state_;                        // with their buffers,
  std::vector<std::pair<std::string, Rng*>> generators_;  // and what draws numbers there
  std::unique_ptr<Optimizer> optimizer_;
  std::optional<WeightAverage> average_;
  std::optional<Plateau> plateau_;
  std::optional<detail::KeptTensors> best_;  // weights of the best epoch, where that counts
  std::optional<detail::Team> team_;         // where there are several ranks
  std::optional<detail::GradientSums> gradient_sums_;
  detail::TrainingFacts facts_;
  detail::TrainingPosition at_;
};

}  // namespace

namespace detail {

std::vector<EpochReport> run_epochs(Module& model, const Dataset& train,
                                    const TrainOptions& options, const Task& task) {
  std::optional<Run> run;  // outlives an error: sums of it may be under way
  return together(ranks_of(options), [&] {
    check(options);
    return run.emplace(model, train, options, task).run();
  });
}

std::string layers_of(Module& model) {
  std::string text;
  for (const auto& [name, module] : model.named_modules()) {
    text += fmt::format("{}{}", text.empty() ? "" : ", ", module->describe());
  }
  return text;
}

std::string checksum_of(Module& model) {
  Checksum sum;
  for (const NamedTensor& part : named_state(model)) sum.add(part.tensor);
  return sum.str();
}

}  // namespace detail

}  // namespace limbeck
