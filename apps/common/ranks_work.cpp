#include "apps/common/ranks_work.h"

#include <algorithm>
#include <cstdio>

namespace limbeck {
namespace {

void silence(std::FILE* stream) {
  std::fflush(stream);
  if (std::freopen("/dev/null", "w", stream) == nullptr) std::fclose(stream);
}

}  // namespace

void work_as_ranks(FunctionRef<void(const Ranks& ranks)> work) {
  const Ranks ranks;
  if (!ranks.first()) silence(stdout);
  try {
    work(ranks);
  } catch (const std::exception& error) {
    const std::vector<std::string> reasons = ranks.give_up(error.what());
    const bool alike = std::ranges::count(reasons, reasons[0]) == ranks.size();
    if (alike && !ranks.first()) silence(stderr);
    throw;
  }
}

}  // namespace limbeck
