// What of the machine a process may use, and whether it can run what was compiled.
#include "core/processors.h"

#include <omp.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "core/kernels/processor_features.h"
#include "tests/data/idx_files.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// A folder of control groups, with a file where a test puts one.
class Groups {
 public:
  void put(const std::string& file, const std::string& text) {
    const std::filesystem::path path = folder_.file(file);
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  double quota(const std::string& groups) const {
    return detail::processor_quota(groups, folder_.path());
  }

 private:
  Folder folder_;
};

constexpr std::uint64_t bit(detail::Feature feature) {
  return std::uint64_t{1} << static_cast<unsigned>(feature);
}

std::string missing(std::uint64_t built, std::uint64_t present) {
  std::array<char, 1024> text{};
  const bool lacks = detail::explain_missing(built, present, text.data(), text.size());
  CHECK(lacks == (text[0] != 0));
  return text.data();
}

}  // namespace

TEST_CASE("a quota of control groups, version 2, is that of the group or of one around it") {
  Groups groups;
  CHECK(groups.quota("0::/") == 0);
  groups.put("cpu.max", "max 100000\n");
  CHECK(groups.quota("0::/") == 0);
  groups.put("cpu.max", "50000 100000\n");
  CHECK(groups.quota("0::/") == 0.5);
  CHECK(groups.quota("0::/of/the/host\n") == 0.5);  // a container that sees its own group only
  groups.put("cpu.max", "400000 100000\n");
  groups.put("a/cpu.max", "150000 100000\n");
  groups.put("a/b/cpu.max", "max 100000\n");
  CHECK(groups.quota("0::/a/b\n") == 1.5);
  CHECK(groups.quota("0::/c\n") == 4);
}

TEST_CASE("a quota of control groups, version 1, is in the folder of their controller") {
  Groups groups;
  groups.put("cpu,cpuacct/docker/1/cpu.cfs_quota_us", "200000\n");
  groups.put("cpu,cpuacct/docker/1/cpu.cfs_period_us", "100000\n");
  groups.put("cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
  groups.put("cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  CHECK(groups.quota("5:memory:/docker/1\n3:cpu,cpuacct:/docker/1\n0::/\n") == 2);
  CHECK(groups.quota("5:memory:/docker/1\n3:cpu,cpuacct:/other\n") == 0);
  CHECK(groups.quota("3:cpuset:/docker/1\n") == 0);
  CHECK(groups.quota("no such thing\n") == 0);
}

TEST_CASE("a process has a processor at least, and no more than it is bound to") {
  CHECK(available_processors() >= 1);
  CHECK(available_processors() <= omp_get_num_procs());
}

TEST_CASE("what a processor lacks is said with what to do, and nothing where it lacks nothing") {
  using enum detail::Feature;
  const std::uint64_t old = bit(bit_of__SSE3__) | bit(bit_of__SSSE3__) | bit(bit_of__SSE4_1__) |
                            bit(bit_of__SSE4_2__) | bit(bit_of__POPCNT__);
  const std::uint64_t recent = old | bit(bit_of__MOVBE__) | bit(bit_of__LZCNT__) |
                               bit(bit_of__BMI__) | bit(bit_of__BMI2__) | bit(bit_of__AVX__) |
                               bit(bit_of__F16C__) | bit(bit_of__FMA__) | bit(bit_of__AVX2__);
  const std::uint64_t newest = recent | bit(bit_of__AVX512F__) | bit(bit_of__AVX512VL__);
  CHECK(missing(newest, recent) ==
        "limbeck: this build is for processors that have avx512f avx512vl, and this one has not. "
        "Build it on this machine (make clean, make), or for all processors like this one: make "
        "LEVEL=v3\n");
  CHECK(contains(missing(recent, old), "bmi2 avx f16c fma avx2, and this one has not"));
  CHECK(contains(missing(recent, old), "make LEVEL=v2\n"));
  CHECK(contains(missing(old, 0), "make OPT=-O3\n"));
  CHECK(missing(old, newest) == "");
  CHECK(missing(0, 0) == "");

  std::array<char, 10> small{};
  CHECK(detail::explain_missing(newest, 0, small.data(), small.size()));
  CHECK(std::string(small.data()) == "limbeck: ");
}

TEST_CASE("this processor has what this library was compiled for, or it would not run here") {
  CHECK((detail::built_for & ~detail::processor_features()) == 0);
#ifdef __AVX2__
  CHECK((detail::built_for & bit(detail::Feature::bit_of__AVX2__)) != 0);
#endif
}
