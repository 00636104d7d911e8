#include "nn/distill/answers.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/gather.h"
#include "nn/train/evaluate.h"
#include "nn/train/judge.h"
#include "nn/train/trainer.h"

namespace limbeck::detail {
namespace {

constexpr const char* op = "Distiller";

Index members_of(const Ensemble* ensemble) {
  return ensemble == nullptr ? 1 : ensemble->size();
}

}  // namespace

void check_answer(const char* whose_op, const std::string& what, const Tensor& answer,
                  std::span<const Index> images) {
  const Index width = answer.size() / std::max<Index>(answer.dim(0), 1);
  const auto values = answer.values();
  const auto odd = std::ranges::find_if(values, [](real v) { return !std::isfinite(v); });
  if (odd == values.end()) return;
  fail(whose_op, "{} for image {} have {}: they must be finite", what,
       images[static_cast<std::size_t>((odd - values.begin()) / width)], *odd);
}

Answers::Size Answers::size_of(Module& teacher, const TapWatch& taps, const Dataset& set,
                               const TrainOptions& options) {
  const Index times = options.mix ? 0 : options.augment ? options.views : 1;
  Index width = taps.classes() * members_of(exactly<Ensemble>(teacher));
  for (const Shape& shape : taps.shapes()) width += shape.size();
  const Index rows = times * set.size();
  return {.rows = rows, .bytes = rows * width * static_cast<Index>(sizeof(real))};
}

Answers::Answers(Module& teacher, TapWatch& taps, const std::vector<std::string>& paths,
                 const Dataset& set, const TrainOptions& options, bool keeps)
    : set_(set),
      options_(options),
      teacher_(teacher),
      ensemble_(exactly<Ensemble>(teacher)),
      taps_(taps),
      paths_(paths) {
  if (!keeps) return;
  known_.assign(static_cast<std::size_t>(size_of(teacher, taps, set, options).rows), false);
  if (!known_.empty()) teacher_then_ = checksum_of(teacher);
  if (options.augment) return;
  std::vector<Index> all(known_.size());
  std::iota(all.begin(), all.end(), Index{0});
  for (std::span<const Index> rest = all; !rest.empty();) {
    const auto part = rest.first(std::min<std::size_t>(rest.size(), images_at_once));
    keep(answers_to(make_batch(set, part).images, part), part);
    rest = rest.subspan(part.size());
  }
}

std::vector<Tensor> Answers::answers_to(const Tensor& images, std::span<const Index> indices) {
  const NoGrad no_grad;
  std::vector<Tensor> answers = {taps_.run(
      [&] { return ensemble_ != nullptr ? ensemble_->member_logits(images) : teacher_(images); })};
  check_answer(op, "the teacher's logits", answers[0], indices);
  for (Tensor& output : taps_.take()) {
    check_answer(op, fmt::format("the outputs of the teacher's \"{}\"", paths_[answers.size() - 1]),
                 output, indices);
    answers.push_back(output.detach());
  }
  return answers;
}

void Answers::keep(const std::vector<Tensor>& answers, std::span<const Index> rows) {
  for (std::size_t a = 0; a < answers.size(); ++a) {
    const Tensor& answer = answers[a];
    if (kept_.size() == a) {
      const Shape one = answer.shape().without_front();
      kept_.push_back(Tensor::empty(one.with_front(static_cast<Index>(known_.size()))));
    }
    const Index width = answer.size() / answer.dim(0);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      std::copy_n(answer.data() + static_cast<Index>(i) * width, width,
                  kept_[a].data() + rows[i] * width);
    }
  }
  for (const Index row : rows) known_[static_cast<std::size_t>(row)] = true;
}

std::vector<Tensor> Answers::kept(const Batch& batch) {
  std::vector<Index> rows = batch.indices;
  for (Index& row : rows) row += batch.view * set_.size();
  const auto known = [this](Index row) { return known_[static_cast<std::size_t>(row)]; };
  if (!std::ranges::all_of(rows, known)) {
    std::vector<Tensor> answers = answers_to(batch.images, batch.indices);
    keep(answers, rows);
    return answers;
  }
  std::vector<Tensor> answers;
  for (const Tensor& all : kept_) answers.push_back(gather_rows(all, rows));
  return answers;
}

void Answers::catch_up(const Step& step) {
  Rng rng(options_.seed);
  DataLoader loader(set_, loader_options(options_, hold_out(set_, options_).learned), rng);
  for (Index epoch = 1; epoch <= std::min(step.epoch, options_.views); ++epoch) {
    for (const Batch& batch : loader) {
      if (epoch == step.epoch && batch.indices == step.batch.indices) return;
      kept(batch);
    }
  }
}

void Answers::ask(const Step& step) {
  const Batch& batch = step.batch;
  const bool begins = epoch_ == 0, keeps = !known_.empty();
  if (begins && keeps && step.step > 0 && options_.augment) catch_up(step);
  if (!begins && keeps && step.epoch != epoch_ && checksum_of(teacher_) != teacher_then_) {
    fail(op,
         "the teacher has changed since it gave the answers that are kept; with "
         "DistillerOptions::answers_limit = 0 it is asked about every batch");
  }
  epoch_ = step.epoch;
  std::vector<Tensor> answers =
      known_.empty() ? answers_to(batch.images, batch.indices) : kept(batch);
  logits_ = std::move(answers[0]);
  taps_of_batch_.assign(answers.begin() + 1, answers.end());
}

Tensor Answers::logits(double temperature) const {
  const NoGrad no_grad;
  return ensemble_ != nullptr ? ensemble_->average(logits_, temperature) : logits_;
}

}  // namespace limbeck::detail
