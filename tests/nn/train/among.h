// For tests of several processes: those named "among ranks: …" are skipped by themselves and run in
// ranks of this program that others start.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "nn/train/ranks.h"
#include "tests/apps/mpirun.h"
#include "tests/testing.h"

namespace limbeck::testing {

// The program's own, made by the first test that asks.
inline const Ranks& ranks() {
  static const Ranks all;
  return all;
}

// This program as it runs the tests "among ranks: BEGINNING…", of several beginnings.
inline std::vector<std::string> command_for(const std::vector<std::string>& beginnings) {
  std::string filter = "-tc=";
  for (const std::string& words : beginnings) filter += "among ranks: " + words + "*,";
  filter.pop_back();
  return {std::filesystem::read_symlink("/proc/self/exe").string(), "--no-skip", filter};
}

// Does so by so many processes. Each beginning must be that of one test.
inline Finished among(int count, const std::vector<std::string>& beginnings,
                      const std::vector<std::string>& before = {}) {
  std::vector<std::string> counting = command_for(beginnings);
  counting.emplace_back("--count");
  REQUIRE(contains(run_command(counting).out, fmt::format("filters: {}\n", beginnings.size())));
  return run_as_ranks(count, command_for(beginnings), before);
}

// How many ranks have run all their tests, well or not. (Lines of several ranks may be mixed.)
inline int ranks_at_the_end(const Finished& run) {
  const std::string said = "test cases:";
  int count = 0;
  for (std::size_t at = run.out.find(said); at != std::string::npos;
       at = run.out.find(said, at + 1)) {
    ++count;
  }
  return count;
}

}  // namespace limbeck::testing
