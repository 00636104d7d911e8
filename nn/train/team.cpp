#include "nn/train/team.h"

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "core/error.h"
#include "core/files/checksum.h"
#include "core/version.h"
#include "data/data_loader.h"
#include "nn/train/train_options.h"

namespace limbeck::detail {

const Ranks* ranks_of(const TrainOptions& options) {
  return options.ranks != nullptr && options.ranks->size() > 1 ? options.ranks : nullptr;
}

std::string said_by_first(const Ranks& ranks, FunctionRef<std::string()> first) {
  std::string text, error;
  if (ranks.first()) {
    try {
      text = first();
    } catch (const std::exception& e) {
      error = e.what();
      if (error.find(": ") == std::string::npos) error = "first rank: " + error;
    }
  }
  ranks.broadcast(error);
  if (!error.empty()) {
    const std::size_t colon = error.find(": ");
    throw Error(error.substr(0, colon).c_str(), error.substr(colon + 2));
  }
  ranks.broadcast(text);
  return text;
}

Team::Team(const Ranks& ranks, const std::vector<NamedTensor>& state,
           const std::vector<Tensor>& parameters, bool synchronised)
    : ranks_(ranks), synchronised_(synchronised) {
  std::unordered_set<const TensorBody*> learned;
  for (const Tensor& parameter : parameters) learned.insert(&parameter.body());
  for (const NamedTensor& part : state) {
    if (!learned.contains(&part.tensor.body())) buffers_.push_back(part.tensor);
  }
}

TrainingFacts facts_for_all(const Dataset& train, const TrainOptions& options) {
  TrainingFacts facts = facts_of(options);
  facts["training images"] = train.checksum();
  facts["test images"] = options.test != nullptr ? options.test->checksum() : "none";
  facts["checkpoint"] = options.checkpoint.file.empty() ? "none" : "kept";
  facts["numbers"] = fmt::format("of {} bits", 8 * sizeof(real));
  facts["version"] = version();
  return facts;
}

// Each rank finds the same difference.
void agree(const Ranks& ranks, const TrainingFacts& facts) {
  std::string text;
  for (const auto& [name, value] : facts) text += fmt::format("{}\n{}\n", name, value);
  const std::vector<std::string> all = ranks.gather(text);
  const auto facts_in = [](const std::string& lines) {
    TrainingFacts found;
    for (std::size_t at = 0; at < lines.size();) {
      const std::size_t middle = lines.find('\n', at), end = lines.find('\n', middle + 1);
      found[lines.substr(at, middle - at)] = lines.substr(middle + 1, end - middle - 1);
      at = end + 1;
    }
    return found;
  };
  for (int rank = 1; rank < ranks.size(); ++rank) {
    const std::string& other = all[static_cast<std::size_t>(rank)];
    if (other == all[0]) continue;
    fail("train", "{} is not at the same training as {}: {}", ranks.name_of(rank), ranks.name_of(0),
         difference(facts_in(other), facts_in(all[0])));
  }
}

BatchShare Team::share_of(Index images) const {
  const BatchPart part = part_of_batch(images, ranks_.rank(), ranks_.size());
  BatchShare share{.first = part.begin, .rows = part.end - part.begin};
  share.weight = static_cast<double>(share.rows) / static_cast<double>(images);
  if (share.rows == 0) share = {.first = 0, .rows = 1, .counts = false, .weight = 0};
  if (synchronised_) share.sum = [this](std::span<double> values) { ranks_.sum(values); };
  return share;
}

void Team::check_terms(const Loss& loss, const EpochSums& before) const {
  if (before.images == 0) {
    agree(ranks_, {{"list of terms", names_of(loss.terms())}});
  } else {
    before.check(loss.terms());
  }
}

// Numbers: the loss; how many want to stop; the loss of each rank by itself, from which is seen
// whose is not finite; five of each term; what the buffers have moved by.
void Team::send(const Loss& loss, Index rows, const BatchShare& share, bool stop) {
  const auto ranks = static_cast<std::size_t>(ranks_.size());
  const double own = static_cast<double>(loss.total().item()), weight = share.weight;
  terms_ = loss.terms();
  numbers_.assign(2 + ranks + 5 * terms_.size(), 0);
  numbers_[0] = share.counts ? weight * own : 0;
  numbers_[1] = stop ? 1 : 0;
  numbers_[2 + static_cast<std::size_t>(ranks_.rank())] = own;
  for (std::size_t i = 0; i < terms_.size(); ++i) {
    const TermValue& term = terms_[i];
    double* const of_term = &numbers_[2 + ranks + 5 * i];
    const Index images = !share.counts ? 0 : term.images == TermValue::all ? rows : term.images;
    of_term[0] = images == 0 ? 0 : static_cast<double>(images) * term.value;
    of_term[1] = static_cast<double>(images);
    of_term[2] = ranks_.first() ? term.weight : 0;
    // Of independent rows of one gradient the squares of the lengths add up.
    if (term.measured && share.counts) {
      of_term[3] = weight * weight * term.gradient * term.gradient, of_term[4] = 1;
    }
  }
  for (std::size_t b = 0; b < buffers_.size(); ++b) {
    const Tensor &now = buffers_[b], &was = before_[b];
    for (std::size_t i = 0; i < now.values().size(); ++i) {
      const double moved =
          static_cast<double>(now.values()[i]) - static_cast<double>(was.values()[i]);
      numbers_.push_back(moved == 0 ? 0 : weight * moved);
    }
  }
  pending_ = ranks_.start_sum(std::span(numbers_));
}

BatchValues Team::receive() {
  pending_.wait();
  const auto ranks = static_cast<std::size_t>(ranks_.size());
  BatchValues values{.loss = numbers_[0], .terms = terms_};
  stops_ = stops_ || numbers_[1] > 0;  // a step may have several batches
  for (int rank = 0; rank < ranks_.size() && values.whose.empty(); ++rank) {
    const double loss = numbers_[2 + static_cast<std::size_t>(rank)];
    if (std::isfinite(loss)) continue;
    values.loss = loss;
    values.whose = ranks_.name_of(rank);
  }
  const double* next = &numbers_[2 + ranks];
  for (TermValue& term : values.terms) {
    term.images = static_cast<Index>(next[1]);
    term.value = next[0] / next[1];  // NaN of none
    term.weight = next[2];
    term.gradient = std::sqrt(next[3]);
    term.measured = next[4] > 0;
    next += 5;
  }
  for (std::size_t b = 0; b < buffers_.size(); ++b) {
    const std::span<real> was = before_[b].values();
    for (real& value : was) value = static_cast<real>(static_cast<double>(value) + *next++);
    if (!std::ranges::equal(was, std::as_const(buffers_[b]).values())) {
      std::ranges::copy(was, buffers_[b].values().begin());
    }
  }
  return values;
}

void Team::begin() {
  if (before_.empty()) {
    for (const Tensor& buffer : buffers_) before_.push_back(buffer.clone());
    return;
  }
  for (std::size_t b = 0; b < buffers_.size(); ++b) {
    std::ranges::copy(std::as_const(buffers_[b]).values(), before_[b].values().begin());
  }
}

std::string Team::align(const std::vector<Tensor>& tensors) const {
  Checksum sum;
  for (const Tensor& tensor : tensors) sum.add(tensor);
  const std::vector<std::string> sums = ranks_.gather(sum.str());
  const auto odd = std::ranges::find_if(sums, [&](const auto& s) { return s != sums[0]; });
  if (odd == sums.end()) return {};
  for (Tensor tensor : tensors) {
    ranks_.broadcast(std::as_writable_bytes(tensor.values()));
  }
  return ranks_.name_of(static_cast<int>(odd - sums.begin()));
}

double Team::of_first(double number) const {
  double sum = ranks_.first() ? number : 0;
  ranks_.sum(std::span(&sum, 1));
  return sum;
}

bool Team::any(bool yes) const {
  double sum = yes ? 1 : 0;
  ranks_.sum(std::span(&sum, 1));
  return sum > 0;
}

}  // namespace limbeck::detail
