// Ranks where the library is built without MPI: one of one.
#ifndef LIMBECK_MPI

#include "core/error.h"
#include "core/processors.h"
#include "nn/train/ranks.h"

namespace limbeck {

bool detail::has_mpi() {
  return false;
}

struct PendingSum::Request {};
PendingSum::PendingSum() = default;
PendingSum::PendingSum(PendingSum&&) noexcept = default;
PendingSum& PendingSum::operator=(PendingSum&&) noexcept = default;
PendingSum::~PendingSum() = default;
bool PendingSum::done() {
  return true;
}
void PendingSum::wait() {}

struct Ranks::Worlds {};

Ranks::Ranks() : threads_each_(available_processors()) {
  const int started = detail::started_as();
  if (started < 2) return;
  fail("Ranks",
       "the program was started as one of {}, and Limbeck was built without MPI; "
       "`make deps MPI=1` installs what it needs, and `make MPI=1` builds it",
       started);
}

Ranks::~Ranks() = default;
void Ranks::sum(std::span<float>) const {}
void Ranks::sum(std::span<double>) const {}
PendingSum Ranks::start_sum(std::span<float>) const {
  return {};
}
PendingSum Ranks::start_sum(std::span<double>) const {
  return {};
}
void Ranks::broadcast(std::span<std::byte>, int) const {}
void Ranks::broadcast(std::string&, int) const {}
std::vector<std::string> Ranks::gather(const std::string& text) const {
  return {text};
}
void Ranks::barrier() const {}
void Ranks::send(int to, const std::string&) const {
  fail("Ranks::send", "no other rank is {}", to);
}
std::pair<int, std::string> Ranks::receive(int) const {
  fail("Ranks::receive", "there is no other rank");
}
bool Ranks::has_message(int) const {
  return false;
}
std::vector<std::string> Ranks::give_up(const std::string& why) const {
  return {why};
}

}  // namespace limbeck

#endif
