#include "nn/train/checkpoint.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/files/file.h"
#include "core/files/json_check.h"
#include "core/files/safetensors.h"
#include "nn/train/team.h"
#include "optim/average.h"
#include "optim/optimizer.h"

namespace limbeck {
namespace {

using detail::EpochSums;
using detail::Learner;
using detail::TrainingFacts;
using detail::TrainingPosition;

using Json = nlohmann::json;

constexpr const char* op = "checkpoint";
constexpr const char* run_key = "run";
constexpr const char* facts_key = "training";
constexpr const char* position_key = "position";

// Everything that a learner keeps in tensors, under names of its own in the file.
std::vector<NamedTensor> tensors_of(const Learner& learner) {
  std::vector<NamedTensor> all;
  const auto add = [&all](const std::string& prefix, const std::vector<NamedTensor>& tensors) {
    for (const NamedTensor& t : tensors) all.push_back({prefix + t.name, t.tensor});
  };
  add("", learner.state);
  add("best.", learner.best);
  add("optimizer.", learner.optimizer.named_state());
  if (learner.average != nullptr) {
    for (const Tensor& average : learner.average->averages()) {
      all.push_back({fmt::format("average.{}", all.size()), average});
    }
  }
  return all;
}

template <class T>
Json to_json(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

template <class T>
std::optional<T> optional_of(const Json& json) {
  return json.is_null() ? std::nullopt : std::optional<T>(json.get<T>());
}

// NaN, of which JSON knows nothing, as null.
Json number(double x) {
  return std::isfinite(x) ? Json(x) : Json(nullptr);
}

double number_of(const Json& json) {
  return json.is_null() ? std::nan("") : json.get<double>();
}

// All counts of a file are read here.
Index count_of(const Json& json, const char* key) {
  const auto count = detail::json_count(json.at(key));
  if (!count) throw Json::other_error::create(500, fmt::format("{} is no count", key), nullptr);
  return *count;
}

// The same of one that may not be known.
std::optional<Index> known_count_of(const Json& json, const char* key) {
  return json.at(key).is_null() ? std::nullopt : std::optional(count_of(json, key));
}

// And of a sum of counts.
double sum_of_counts(const Json& json, const char* key) {
  return static_cast<double>(count_of(json, key));
}

// A generator's state. (A number too large for it would be converted, which is undefined.)
Rng::State state_of(const Json& json) {
  for (const Json& number : json) {
    if (!number.is_number_unsigned()) {
      throw Json::other_error::create(500, "a generator's state is no list of counts", nullptr);
    }
  }
  return json.get<Rng::State>();
}

// A list as JSON, and back, by what each element is.
template <class List, class ToJson>
Json list_json(const List& list, const ToJson& one) {
  Json json = Json::array();
  for (const auto& element : list) json.push_back(one(element));
  return json;
}

template <class T, class FromJson>
std::vector<T> list_of(const Json& json, const FromJson& one) {
  std::vector<T> list;
  for (const Json& element : json) list.push_back(one(element));
  return list;
}

Json to_json(const EpochReport& r) {
  const auto term = [](const TermValue& t) {
    return Json{{"name", t.name},
                {"weight", t.weight},
                {"value", number(t.value)},
                {"images", t.images},
                {"gradient", number(t.gradient)},
                {"measured", t.measured}};
  };
  const auto metric = [](const MetricValue& m) {
    return Json{{"name", m.name}, {"value", number(m.value)}};
  };
  return {{"epoch", r.epoch},
          {"epochs", r.epochs},
          {"loss", r.loss},
          {"terms", list_json(r.terms, term)},
          {"lr", r.lr},
          {"seconds", r.seconds},
          {"gradient_norm", to_json(r.gradient_norm)},
          {"errors", to_json(r.errors)},
          {"agreement", to_json(r.agreement)},
          {"validation_errors", to_json(r.validation_errors)},
          {"metrics", list_json(r.metrics, metric)},
          {"warnings", r.warnings}};
}

EpochReport report_of(const Json& json) {
  const auto term = [](const Json& t) -> TermValue {
    return {.name = t.at("name"),
            .weight = t.at("weight"),
            .value = number_of(t.at("value")),
            .images = count_of(t, "images"),
            .gradient = number_of(t.value("gradient", Json())),
            .measured = t.value("measured", false)};
  };
  const auto metric = [](const Json& m) -> MetricValue {
    return {m.at("name"), number_of(m.at("value"))};
  };
  return {.epoch = count_of(json, "epoch"),
          .epochs = count_of(json, "epochs"),
          .loss = json.at("loss"),
          .terms = list_of<TermValue>(json.at("terms"), term),
          .lr = json.at("lr"),
          .seconds = json.at("seconds"),
          .gradient_norm = optional_of<double>(json.at("gradient_norm")),
          .errors = known_count_of(json, "errors"),
          .agreement = optional_of<double>(json.at("agreement")),
          .validation_errors = known_count_of(json, "validation_errors"),
          .metrics = list_of<MetricValue>(json.at("metrics"), metric),
          .warnings = json.at("warnings")};
}

Json to_json(const EpochSums& sums) {
  const auto term = [](const EpochSums::Term& t) {
    return Json{{"name", t.name},     {"value", number(t.value)},         {"weight", t.weight},
                {"images", t.images}, {"gradients", number(t.gradients)}, {"measured", t.measured}};
  };
  return {{"images", sums.images},
          {"loss", sums.loss},
          {"norms", number(sums.norms)},
          {"steps", sums.steps},
          {"terms", list_json(sums.terms, term)}};
}

EpochSums sums_of(const Json& json) {
  const auto term = [](const Json& t) -> EpochSums::Term {
    return {t.at("name"),
            number_of(t.at("value")),
            t.at("weight"),
            sum_of_counts(t, "images"),
            number_of(t.value("gradients", Json(0.0))),
            t.contains("measured") ? sum_of_counts(t, "measured") : 0};
  };
  return {.images = sum_of_counts(json, "images"),
          .loss = json.at("loss"),
          .norms = number_of(json.at("norms")),
          .steps = sum_of_counts(json, "steps"),
          .terms = list_of<EpochSums::Term>(json.at("terms"), term)};
}

PlateauState plateau_of(const Json& json) {
  return {.factor = json.at("factor"),
          .best = optional_of<double>(json.at("best")),
          .waited = count_of(json, "waited")};
}

Json to_json(const Learner& learner, const TrainingPosition& position) {
  Json generators = Json::object();
  for (const auto& [name, rng] : learner.generators) generators[name] = rng->state();
  return {{"reports", list_json(position.reports, [](const EpochReport& r) { return to_json(r); })},
          {"batches", position.batches},
          {"sums", to_json(position.sums)},
          {"seconds", position.seconds},
          {"over", position.over},
          {"plateau",
           {{"factor", position.plateau.factor},
            {"best", to_json(position.plateau.best)},
            {"waited", position.plateau.waited}}},
          {"steps", learner.optimizer.steps()},
          {"average_steps", learner.average == nullptr ? 0 : learner.average->steps()},
          {"generators", generators}};
}

TrainingPosition position_of(const Json& json, const Learner& learner) {
  TrainingPosition position{.reports = list_of<EpochReport>(json.at("reports"), report_of),
                            .batches = count_of(json, "batches"),
                            .sums = sums_of(json.at("sums")),
                            .seconds = json.at("seconds"),
                            .over = json.at("over"),
                            .plateau = plateau_of(json.at("plateau"))};
  learner.optimizer.set_steps(count_of(json, "steps"));
  if (learner.average != nullptr) learner.average->set_steps(count_of(json, "average_steps"));
  for (const auto& [name, rng] : learner.generators) {
    rng->set_state(state_of(json.at("generators").at(name)));
  }
  return position;
}

// Puts the file's tensors, which are as many as the learner's and in their order, into them.
void fill(const std::string& path, const Learner& learner, const TensorFile& file) {
  std::vector<NamedTensor> places = tensors_of(learner);
  const auto same = [](const NamedTensor& a, const NamedTensor& b) {
    return a.name == b.name && a.tensor.shape() == b.tensor.shape();
  };
  if (!std::ranges::is_permutation(file.tensors, places, same)) {
    fail(op, "{}: its tensors are not those of this training", path);
  }
  for (NamedTensor& place : places) {
    const auto found = std::ranges::find(file.tensors, place.name, &NamedTensor::name);
    std::ranges::copy(found->tensor.values(), place.tensor.values().begin());
  }
}

// A text of a checkpoint's metadata, or an error.
Json metadata_of(const std::string& path, const TensorFile& file, const char* key) {
  const auto found = file.metadata.find(key);
  if (found == file.metadata.end()) fail(op, "{}: it is no checkpoint of a training", path);
  return Json::parse(found->second);
}

// Whether the training of a file is over, and this one is the same with more epochs.
bool is_extended(const TrainingFacts& there, const TrainingFacts& here, const Json& position) {
  const auto there_at = there.find("epochs"), here_at = here.find("epochs");
  if (there_at == there.end() || here_at == here.end()) return false;
  const auto done = static_cast<long long>(position.at("reports").size());
  return there_at->second == fmt::format("{}", done) && std::stoll(here_at->second) > done;
}

// Error: the file belongs to another training or run.
void check_same(const CheckpointOptions& options, TrainingFacts facts, const TensorFile& file,
                const Json& position) {
  auto there = metadata_of(options.file, file, facts_key).get<TrainingFacts>();
  if (is_extended(there, facts, position)) {
    for (const char* const changes : {"epochs", "schedule"}) {
      there.erase(changes);
      facts.erase(changes);
    }
  }
  auto run = metadata_of(options.file, file, run_key).get<TrainingFacts>();
  // Older files tell who worked on it, too, which changes the last bits at most.
  for (const char* const worker : {"threads", "ranks"}) {
    if (!options.run.contains(worker)) run.erase(worker);
  }
  for (const auto& [was, is] : {std::pair(there, facts), std::pair(run, options.run)}) {
    if (was == is) continue;
    fail(op, "{}: it belongs to another run: {}", options.file, detail::difference(was, is));
  }
}

// What `read` makes of JSON of that file, which may be any.
template <class Read>
auto reading(const std::string& path, const Read& read) {
  try {
    return read();
  } catch (const Json::exception& error) {
    fail(op, "{}: it is no checkpoint of a training: {}", path, error.what());
  }
}

Index epochs_in(const Json& position) {
  return static_cast<Index>(position.at("reports").size());
}

// What `read` makes of the position in the file; none if there is no file.
template <class Read>
auto position_in(const CheckpointOptions& options, const Read& read) {
  using Result = std::optional<decltype(read(Json()))>;
  if (options.file.empty() || !std::filesystem::exists(options.file)) return Result();
  return reading(options.file, [&] {
    return Result(read(metadata_of(options.file, read_safetensors(options.file), position_key)));
  });
}

}  // namespace

Index epochs_done(const CheckpointOptions& options) {
  return position_in(options, [](const Json& at) { return epochs_in(at); }).value_or(0);
}

bool is_over(const CheckpointOptions& options, Index epochs) {
  return position_in(
             options,
             [&](const Json& at) { return epochs_in(at) >= epochs || at.at("over").get<bool>(); })
      .value_or(false);
}

namespace detail {

std::string difference(const TrainingFacts& there, const TrainingFacts& here) {
  const auto value = [](const auto& options, const std::string& name) {
    const auto found = options.find(name);
    return found == options.end() ? "nothing" : found->second;
  };
  std::string text;
  const auto compare = [&](const std::string& name) {
    if (value(there, name) == value(here, name)) return;
    const std::string was = value(there, name), is = value(here, name);
    constexpr std::size_t readable = 60;
    text += text.empty() ? "" : ", ";
    text += was.size() > readable || is.size() > readable
                ? fmt::format("{} differs", name)
                : fmt::format("{} is {} there and {} here", name, was, is);
  };
  for (const auto& entry : here) compare(entry.first);
  for (const auto& entry : there) {
    if (!here.contains(entry.first)) compare(entry.first);
  }
  return text;
}

void write_checkpoint(const CheckpointOptions& options, const TrainingFacts& facts,
                      const Learner& learner, const TrainingPosition& position) {
  write_safetensors(options.file,
                    {.tensors = tensors_of(learner),
                     .metadata = {{run_key, Json(options.run).dump()},
                                  {facts_key, Json(facts).dump()},
                                  {position_key, to_json(learner, position).dump()}}},
                    StoredAs::own);
}

std::optional<TrainingPosition> read_checkpoint(const CheckpointOptions& options,
                                                const TrainingFacts& facts, const Learner& learner,
                                                const Ranks* ranks) {
  const auto read = [&] {  // the tensors; gives the position
    if (!std::filesystem::exists(options.file)) return std::string();
    return reading(options.file, [&] {
      const TensorFile file = read_safetensors(options.file);
      const Json position = metadata_of(options.file, file, position_key);
      check_same(options, facts, file, position);
      fill(options.file, learner, file);
      return position.dump();
    });
  };
  const std::string text = ranks != nullptr ? said_by_first(*ranks, read) : read();
  if (text.empty()) return std::nullopt;
  for (NamedTensor& place : ranks != nullptr ? tensors_of(learner) : std::vector<NamedTensor>()) {
    ranks->broadcast(std::as_writable_bytes(place.tensor.values()));
  }
  return reading(options.file,
                 [&] { return std::optional(position_of(Json::parse(text), learner)); });
}

}  // namespace detail
}  // namespace limbeck
