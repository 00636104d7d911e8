#include "nn/distill/mutual_learning.h"

#include <cmath>
#include <unordered_set>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/arithmetic.h"
#include "core/ops/softmax.h"
#include "nn/distill/distillation_loss.h"
#include "nn/losses.h"
#include "nn/train/evaluate.h"

namespace limbeck {
namespace {

constexpr const char* in_mutual_learning = "MutualLearning";

// Of the first student a name is its own, of student k "errors-k".
std::string numbered(const char* name, std::size_t k) {
  return k == 0 ? name : fmt::format("{}-{}", name, k + 1);
}

// T² KL(mean of the others' probabilities ‖ softmax(z / T)).
Tensor loss_from_mean(const Tensor& z, std::span<const Tensor> others, double t) {
  Tensor sum;
  for (const Tensor& other : others) {
    const Tensor p = softmax(other.detach(), t);
    sum = sum.defined() ? sum + p : p;
  }
  const Tensor mean = sum * (1 / static_cast<double>(others.size()));
  return kl_div(log_softmax(z, t), mean) * (t * t);
}

}  // namespace

Tensor others_loss(const Tensor& z, std::span<const Tensor> others, const MutualOptions& options) {
  constexpr const char* own_op = "others_loss";
  const double t = options.temperature;
  check_temperature(own_op, t);
  if (others.empty()) fail(own_op, "there is nobody else to learn from");
  for (const Tensor& other : others) {
    if (z.shape().rank() == 2 && other.shape() == z.shape()) continue;
    fail(own_op, "all logits must be (N, C) and alike; got {} and {}", z.shape(), other.shape());
  }
  if (options.from_mean) return loss_from_mean(z, others, t);
  const std::vector<std::int32_t> no_labels(static_cast<std::size_t>(z.dim(0)), -1);
  Tensor sum;
  for (const Tensor& other : others) {
    const DistillationOptions soft{.temperature = t, .alpha = 0};
    const Tensor kl = distillation_loss(z, other.detach(), no_labels, soft).total;
    sum = sum.defined() ? sum + kl : kl;
  }
  return others.size() == 1 ? sum : sum * (1 / static_cast<double>(others.size()));
}

MutualLearning::MutualLearning(std::vector<Module*> students, const MutualOptions& options)
    : students_(std::move(students)), options_(options) {
  if (students_.size() < 2)
    fail(in_mutual_learning, "at least two students are needed; got {}", students_.size());
  for (const Module* const student : students_) {
    if (student == nullptr) fail(in_mutual_learning, "a student is null");
  }
  for (const double weight : {options.labels, options.others}) {
    if (!(weight >= 0) || !std::isfinite(weight)) {
      fail(in_mutual_learning, "a weight must be a number of at least 0; got {}", weight);
    }
  }
  if (options.labels == 0 && options.others == 0)
    fail(in_mutual_learning, "with two weights of 0 nobody learns");
  check_temperature(in_mutual_learning, options.temperature);
  for (std::size_t k = 0; k < students_.size(); ++k) {
    if (students_[k]->name().empty()) students_[k]->set_name(numbered("student", k));
  }
}

void MutualLearning::check_students() const {
  std::unordered_set<const detail::TensorBody*> all;
  std::map<std::string, std::size_t> known;  // checksum of layers and weights → student
  for (std::size_t k = 0; k < students_.size(); ++k) {
    Module& student = *students_[k];
    std::unordered_set<const detail::TensorBody*> own;
    for (const Tensor& parameter : student.parameters()) own.insert(&parameter.body());
    for (const auto* const body : own) {
      if (!all.insert(body).second) {
        fail(in_mutual_learning, "student {} shares parameters with one before it", k + 1);
      }
    }
    const auto [same, is_new] =
        known.emplace(detail::layers_of(student) + detail::checksum_of(student), k);
    if (is_new) continue;
    fail(in_mutual_learning,
         "students {} and {} have the same weights and would always say the same; make them with "
         "different seeds",
         same->second + 1, k + 1);
  }
}

TrainOptions MutualLearning::with_others(const TrainOptions& options) const {
  TrainOptions all = options;
  all.with.insert(all.with.begin(), students_.begin() + 1, students_.end());
  for (std::size_t k = 1; k < students_.size(); ++k) {
    const auto errors = [student = students_[k]](const Tensor&, const Dataset& data) {
      return static_cast<double>(count_errors(*student, data));
    };
    all.metrics.push_back({numbered("errors", k), errors});
  }
  return all;
}

detail::TrainingFacts MutualLearning::facts() const {
  detail::TrainingFacts facts = {
      {"loss", fmt::format("{:g} * labels + {:g} * others(T={:g}{}), mutually{}", options_.labels,
                           options_.others, options_.temperature,
                           options_.from_mean ? ", from their mean" : "",
                           options_.in_turn ? ", in turn" : "")}};
  for (std::size_t k = 1; k < students_.size(); ++k) {
    facts[numbered("student", k)] = detail::layers_of(*students_[k]);
  }
  return facts;
}

std::vector<Tensor> MutualLearning::answers(const Step& step) const {
  std::vector<Tensor> logits = {step.logits};
  for (std::size_t k = 1; k < students_.size(); ++k) {
    logits.push_back((*students_[k])(step.batch.images));
    if (logits[k].shape() == logits[0].shape()) continue;
    fail(in_mutual_learning,
         "all students must tell the same classes apart; the first gives {} and student {} {}",
         logits[0].shape(), k + 1, logits[k].shape());
  }
  return logits;
}

std::vector<Loss::Term> MutualLearning::terms_of(std::size_t k, const std::vector<Tensor>& logits,
                                                 const Step& step) const {
  std::vector<Loss::Term> terms;
  if (options_.labels > 0) {
    terms.push_back(
        {numbered("labels", k), options_.labels, cross_entropy(logits[k], step.batch.class_ids)});
  }
  if (options_.others == 0) return terms;
  std::vector<Tensor> others = logits;
  others.erase(others.begin() + static_cast<std::ptrdiff_t>(k));
  terms.push_back(
      {numbered("others", k), options_.others, others_loss(logits[k], others, options_)});
  return terms;
}

Loss MutualLearning::loss(const Step& step) const {
  const std::vector<Tensor> logits = answers(step);
  std::vector<Loss::Term> all;
  for (std::size_t k = 0; k < logits.size(); ++k) {
    for (Loss::Term& term : terms_of(k, logits, step)) all.push_back(std::move(term));
  }
  return Loss(std::move(all));
}

// The sum over all students, of which the last one's part alone is yet to be moved by. (Once one is
// not finite none moves any more, and the training refuses the sum. Its terms are all there, since
// of several ranks each sends as many.)
Loss MutualLearning::loss_in_turn(const Step& step, detail::MovePart move) const {
  std::vector<Tensor> logits = answers(step);
  Tensor total;
  std::vector<TermValue> values;
  bool finite = true;
  for (std::size_t k = 0; k < logits.size(); ++k) {
    const Loss own(terms_of(k, logits, step));
    values.insert(values.end(), own.terms().begin(), own.terms().end());
    total = total.defined() ? total + own.total() : own.total();
    if (!finite || k + 1 == logits.size()) continue;
    finite = move(own.total());
    if (finite) {
      const NoGrad no_grad;
      logits[k] = (*students_[k])(step.batch.images);
      total = total.detach();
    }
  }
  return Loss(std::move(total), std::move(values));
}

std::vector<EpochReport> MutualLearning::fit(const Dataset& train, const TrainOptions& options) {
  if (options_.labels > 0) {
    train.check_labelled(in_mutual_learning);
    if (options.mix) {
      fail(in_mutual_learning,
           "mixed images have no label to learn; with {{.labels = 0}} students need none");
    }
  }
  check_students();
  if (options_.in_turn && options.accumulate > 1) {
    fail(in_mutual_learning,
         "in turn each batch makes a step of each student; accumulate must be 1, and is {}",
         options.accumulate);
  }
  detail::Task task{.loss = [this](const Step& step) { return loss(step); }, .facts = facts()};
  if (options_.in_turn) {
    task.in_parts = [this](const Step& step, detail::MovePart move) {
      return loss_in_turn(step, move);
    };
  }
  return detail::run_epochs(*students_[0], train, with_others(options), task);
}

}  // namespace limbeck
