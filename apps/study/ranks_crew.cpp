#include "apps/study/ranks_crew.h"

#include <chrono>
#include <exception>
#include <thread>

#include "apps/study/dealer.h"

namespace limbeck {
namespace {

class RanksCrew : public Crew {
 public:
  explicit RanksCrew(const Ranks& ranks) : ranks_(ranks) {}
  int rank() const override { return ranks_.rank(); }
  int size() const override { return ranks_.size(); }
  bool first_works() const override { return true; }
  std::string name_of(int rank) const override { return ranks_.name_of(rank); }
  void send(int to, const std::string& text) override { ranks_.send(to, text); }
  // (MPI has no waiting for a time, and its waiting without one keeps a processor busy.)
  std::optional<Message> receive(double seconds) override {
    using Clock = std::chrono::steady_clock;
    const auto end = Clock::now() + std::chrono::duration<double>(seconds);
    while (!ranks_.has_message()) {
      if (Clock::now() >= end) return {};
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    auto [from, text] = ranks_.receive();
    return Message{from, std::move(text)};
  }

 private:
  const Ranks& ranks_;
};

}  // namespace

void with_ranks(const Ranks& ranks, FunctionRef<void(Crew&)> work) {
  RanksCrew crew(ranks);
  try {
    work(crew);
  } catch (const std::exception& error) {
    ranks.give_up(error.what());  // comes back if all do
    if (ranks.first()) throw;
    throw Dismissed("study", error.what());
  }
}

}  // namespace limbeck
