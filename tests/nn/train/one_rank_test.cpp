// A program that nobody started as one of several, and who might have.
#include <cstdlib>

#include "nn/train/ranks.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

TEST_CASE("alone there is one rank, and a launcher that is not there is not waited for") {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK", "PMI_RANK"}) {
    unsetenv(name);
  }
  setenv("SLURM_STEP_NUM_TASKS", "3", 1);
  CHECK(detail::started_as() == 0);
  setenv("PMIX_RANK", "0", 1);
  CHECK(detail::started_as() == 3);
  setenv("OMPI_COMM_WORLD_SIZE", "2", 1);
  CHECK(detail::started_as() == 2);
  if (!detail::has_mpi())
    CHECK_THROWS_WITH_AS(Ranks(), doctest::Contains("make deps MPI=1"), Error);
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "SLURM_STEP_NUM_TASKS"}) {
    unsetenv(name);
  }
  const Ranks alone;
  CHECK(alone.size() == 1);
  CHECK(alone.first());
  CHECK(alone.name() == "rank 0 of 1");
  CHECK(alone.threads_each() >= 1);
  std::vector<double> values = {1, 2};
  alone.sum(std::span(values));
  alone.start_sum(std::span(values)).wait();
  CHECK(values == std::vector<double>{1, 2});
  CHECK(alone.gather("a") == std::vector<std::string>{"a"});
  CHECK(alone.give_up("a") == std::vector<std::string>{"a"});
  CHECK_THROWS_WITH_AS(alone.send(1, ""), "Ranks::send: no other rank is 1", Error);
  CHECK_THROWS_WITH_AS(alone.receive(), "Ranks::receive: there is no other rank", Error);
}
