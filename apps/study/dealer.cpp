#include "apps/study/dealer.h"

#include <fmt/format.h>

#include <algorithm>

#include "apps/common/stop_signal.h"
#include "nn/train/checkpoint.h"

namespace limbeck {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* op = "study";
// Between two words of a process on how far it is, and two looks whether a signal came.
constexpr double seconds_between_words = 0.5;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Messages are CBOR, as results may have bytes in them.
std::string packed(const Json& message) {
  std::string text;
  Json::to_cbor(message, text);
  return text;
}

// Results that a process must learn: [[task, result], …].
Json lessons(const std::vector<std::size_t>& tasks, const std::vector<Json>& results,
             std::set<std::size_t>& known) {
  Json all = Json::array();
  for (const std::size_t task : tasks) {
    if (known.insert(task).second) all.push_back({task, results[task]});
  }
  return all;
}

void learn(const std::vector<Task>& tasks, const Json& all) {
  for (const Json& lesson : all) tasks.at(lesson[0].get<std::size_t>()).learn(lesson[1]);
}

}  // namespace

void tell_failure(Crew& crew, const std::string& what) {
  crew.send(0, packed({{"failed", what}}));
}

std::vector<Json> Dealer::deal(const std::vector<Task>& tasks, const DealHooks& hooks,
                               const std::function<std::string(std::size_t)>& title_of) {
  ++deals_;
  if (!crew_.is_first()) return work(tasks);
  Deal deal{.tasks = tasks, .hooks = hooks, .title_of = title_of};
  look_what_is_there(deal);
  if (crew_.size() == 1) return alone(deal);
  for (int rank = 1; rank < crew_.size(); ++rank) deal.workers[rank];
  deal_ = &deal;
  do {
    deal_to_idle(deal);
    const auto mine = crew_.first_works() && deal.failure.empty() ? next(deal) : std::nullopt;
    if (mine) {
      work_as_first(deal, *mine);
    } else if (const auto message = crew_.receive(seconds_between_words)) {
      hear(deal, *message);
    }
    if (StopSignal::came()) throw Stopped(op, "stopped; the same command goes on from here");
    show(deal);
  } while (anybody_works(deal) || (deal.failure.empty() && next(deal)));
  deal_ = nullptr;
  end(deal);
  return std::move(deal.results);
}

void Dealer::look_what_is_there(Deal& deal) {
  const std::size_t count = deal.tasks.size();
  deal.states.assign(count, State::unneeded);
  deal.results.resize(count);
  deal.priorities.assign(count, 0);
  std::vector<bool> needed(count);
  for (std::size_t i = count; i-- > 0;) {
    const Task& task = deal.tasks[i];
    if (task.only_for_others && !needed[i]) continue;
    auto found = deal.hooks.find(i);
    deal.states[i] = found ? State::done : State::open;
    if (found) {
      deal.results[i] = std::move(*found);
      continue;
    }
    deal.priorities[i] += task.cost;
    for (const std::size_t before : task.after) {
      needed[before] = true;
      deal.priorities[before] = std::max(deal.priorities[before], deal.priorities[i]);
    }
  }
}

std::vector<Json> Dealer::alone(Deal& deal) {
  for (std::size_t i = 0; i < deal.tasks.size(); ++i) {
    const Task& task = deal.tasks[i];
    if (deal.states[i] == State::open) {
      deal.hooks.began(i);
      const auto start = Clock::now();
      mine_ = i;
      Json result;
      try {
        result = task.work();
      } catch (...) {
        mine_.reset();
        throw;
      }
      mine_.reset();
      finish(deal, i, std::move(result), seconds_since(start));
    }
    if (deal.states[i] == State::done && task.learn) task.learn(deal.results[i]);
  }
  return std::move(deal.results);
}

std::vector<Json> Dealer::work(const std::vector<Task>& tasks) {
  crew_.send(0, packed({{"ready", deals_}}));
  for (;;) {
    const auto message = crew_.receive(1);
    if (!message) continue;
    if (message->gone) throw Dismissed(op, message->text);
    const Json order = Json::from_cbor(message->text);
    if (order.contains("stop")) throw Dismissed(op, "the first process stops");
    learn(tasks, order.at("learn"));
    if (order.contains("results")) return order.at("results");
    const auto task = order.at("do").get<std::size_t>();
    const auto start = Clock::now();
    mine_ = task;
    Json answer;
    try {
      const Json result = tasks.at(task).work();
      if (tasks[task].learn) tasks[task].learn(result);
      answer = {{"result", result}, {"seconds", seconds_since(start)}};
    } catch (const std::exception& error) {
      answer = {{"failed", error.what()}};
    }
    mine_.reset();
    crew_.send(0, packed(answer));
  }
}

void Dealer::progress(double share) {
  if (crew_.size() == 1 || !mine_) return;
  share_ = share;
  if (deal_ != nullptr) {
    while (const auto message = crew_.receive(0)) hear(*deal_, *message);
    deal_to_idle(*deal_);
    show(*deal_);
  } else if (seconds_since(told_) > seconds_between_words) {
    told_ = Clock::now();
    crew_.send(0, packed({{"share", share}}));
  }
}

bool Dealer::anybody_works(const Deal& deal) const {
  return std::ranges::any_of(deal.workers,
                             [](const auto& w) { return !w.second.gone && w.second.task; });
}

std::optional<std::size_t> Dealer::next(const Deal& deal) const {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < deal.tasks.size(); ++i) {
    const bool ready = deal.states[i] == State::open &&
                       std::ranges::all_of(deal.tasks[i].after, [&](std::size_t before) {
                         return deal.states[before] == State::done;
                       });
    if (ready && (!best || deal.priorities[i] > deal.priorities[*best])) best = i;
  }
  return best;
}

void Dealer::deal_to_idle(Deal& deal) {
  for (auto& [rank, worker] : deal.workers) {
    if (worker.gone || !worker.idle || !deal.failure.empty()) continue;
    const auto task = next(deal);
    if (!task) return;
    give(deal, rank, *task);
  }
}

void Dealer::give(Deal& deal, int to, std::size_t task) {
  Worker& worker = deal.workers.at(to);
  deal.states[task] = State::dealt;
  worker.idle = false;
  worker.task = task;
  worker.share = 0;
  deal.hooks.began(task);
  crew_.send(to, packed({{"learn", lessons(deal.tasks[task].after, deal.results, worker.knows)},
                         {"do", task}}));
}

void Dealer::work_as_first(Deal& deal, std::size_t task) {
  deal.states[task] = State::dealt;
  deal.hooks.began(task);
  mine_ = task, share_ = 0;
  const auto start = Clock::now();
  try {
    for (const std::size_t before : deal.tasks[task].after) {
      deal.tasks[before].learn(deal.results[before]);
    }
    Json result = deal.tasks[task].work();
    mine_.reset();
    finish(deal, task, std::move(result), seconds_since(start));
  } catch (const std::exception& error) {
    mine_.reset();
    note_failure(deal, fmt::format("{}: {}", deal.title_of(task), error.what()));
  }
}

void Dealer::hear(Deal& deal, const Message& message) {
  Worker& worker = deal.workers.at(message.from);
  const Json said = message.gone ? Json::object() : Json::from_cbor(message.text);
  if (said.contains("share")) {
    worker.share = said.at("share").get<double>();
    return;
  }
  if (said.contains("ready")) {
    // A deal may be over before all have asked for work: what they asked is heard in the next.
    if (said.at("ready") != deals_) return;
    if (worker.task) fail(op, "{} asks for work that it has", crew_.name_of(message.from));
    worker.idle = true;
    return;
  }
  const std::optional<std::size_t> task = worker.task;
  worker.task.reset();
  worker.gone = message.gone;
  // A process that cannot go on at all says so between its runs, and is not idle then.
  worker.idle = !message.gone && task;
  if (said.contains("result") && task) {
    if (deal.tasks[*task].learn) worker.knows.insert(*task);
    finish(deal, *task, said.at("result"), said.at("seconds").get<double>());
  } else if (message.gone || said.contains("failed")) {
    if (StopSignal::came()) return;
    const std::string what = message.gone ? message.text : said.at("failed").get<std::string>();
    if (task && !message.gone) {
      return note_failure(deal, fmt::format("{}: {}", deal.title_of(*task), what));
    }
    note_failure(deal, fmt::format("{} {}{}{}", crew_.name_of(message.from),
                                   message.gone ? "" : "cannot go on: ", what,
                                   task ? fmt::format(" in the run \"{}\"", deal.title_of(*task))
                                        : " between two runs"));
  }
}

void Dealer::note_failure(Deal& deal, const std::string& why) {
  if (!deal.failure.empty()) return;
  deal.failure = why;
  if (anybody_works(deal)) deal.hooks.failed(why);
}

void Dealer::finish(Deal& deal, std::size_t task, Json result, double seconds) {
  deal.states[task] = State::done;
  deal.results[task] = std::move(result);
  deal.cost_done += deal.tasks[task].cost;
  deal.hooks.done(task, deal.results[task], seconds, standing(deal));
}

// All learn what any has done, so that they stay alike; what nobody needs later stays with who did
// it. After a failure they go.
void Dealer::end(Deal& deal) {
  std::vector<std::size_t> to_learn;
  Json results = Json::array();
  for (std::size_t i = 0; i < deal.tasks.size(); ++i) {
    const bool learned = deal.states[i] == State::done && deal.tasks[i].learn;
    if (learned) to_learn.push_back(i);
    results.push_back(learned ? Json() : deal.results[i]);
  }
  for (auto& [rank, worker] : deal.workers) {
    if (worker.gone) continue;
    crew_.send(rank, deal.failure.empty()
                         ? packed({{"learn", lessons(to_learn, deal.results, worker.knows)},
                                   {"results", results}})
                         : packed({{"stop", true}}));
  }
  if (!deal.failure.empty()) throw Error(op, deal.failure);
  for (const std::size_t i : to_learn) deal.tasks[i].learn(deal.results[i]);
}

Standing Dealer::standing(const Deal& deal) const {
  Standing all{.cost_done = deal.cost_done};
  for (std::size_t i = 0; i < deal.tasks.size(); ++i) {
    if (deal.states[i] == State::open) all.cost_left += deal.tasks[i].cost;
  }
  const auto add = [&](std::size_t task, double share) {
    ++all.at_work;
    all.cost_done += share * deal.tasks[task].cost;
    all.cost_left += (1 - share) * deal.tasks[task].cost;
  };
  for (const auto& [rank, worker] : deal.workers) {
    if (worker.task) add(*worker.task, worker.share);
  }
  if (mine_) add(*mine_, share_);
  return all;
}

void Dealer::show(const Deal& deal) {
  if (seconds_since(told_) < seconds_between_words / 5) return;
  told_ = Clock::now();
  deal.hooks.show(standing(deal));
}

}  // namespace limbeck
