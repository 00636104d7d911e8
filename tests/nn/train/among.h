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

// The tests "among ranks: BEGINNING…", of several beginnings, by so many processes.
inline Finished among(int count, const std::vector<std::string>& beginnings,
                      const std::vector<std::string>& before = {}) {
  std::string filter = "-tc=";
  for (const std::string& words : beginnings) filter += "among ranks: " + words + "*,";
  filter.pop_back();
  const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
  return run_as_ranks(count, {self, "--no-skip", filter}, before);
}

// How many ranks say at their end that they ran so many tests.
inline int ranks_with(const Finished& run, std::size_t tests) {
  const std::string before = "test cases:";
  int count = 0;
  for (std::size_t at = run.out.find(before); at != std::string::npos;
       at = run.out.find(before, at + 1)) {
    count += std::stoul(run.out.substr(at + before.size(), 20)) == tests ? 1 : 0;
  }
  return count;
}

}  // namespace limbeck::testing
