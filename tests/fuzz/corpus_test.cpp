// The fuzzers' targets on what they found worth keeping, and on changes of it by chance.
#include <filesystem>

#include "core/random.h"
#include "tests/data/idx_files.h"
#include "tests/fuzz/fuzz.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// The files of a target's corpus, sorted: a finding then is the same one everywhere.
std::vector<std::string> corpus_of(const fuzz::Target& target) {
  std::vector<std::string> files;
  for (const auto& entry :
       std::filesystem::directory_iterator("tests/fuzz/corpus/" + target.name)) {
    files.push_back(entry.path().string());
  }
  std::ranges::sort(files);
  return files;
}

// One of the changes that a fuzzer makes.
Bytes changed(Bytes bytes, Rng& rng) {
  const auto place = [&] { return rng.below(static_cast<Index>(bytes.size() + 1)); };
  for (Index n = 1 + rng.below(3); n > 0; --n) {
    const auto at = static_cast<std::size_t>(place());
    const auto byte = static_cast<char>(rng.below(256));
    switch (rng.below(4)) {
      case 0:
        bytes.insert(at, 1, byte);
        break;
      case 1:
        bytes.erase(at, static_cast<std::size_t>(1 + rng.below(4)));
        break;
      case 2:
        bytes.insert(at, bytes.substr(static_cast<std::size_t>(place()), 8));
        break;
      default:
        if (at < bytes.size()) bytes[at] = byte;
    }
  }
  return bytes;
}

// Runs a target, and says what it found.
std::string finding_of(const fuzz::Target& target, const Bytes& bytes) {
  try {
    target.run(bytes);
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("readers hold on the corpus of the fuzzers, and on changes of it") {
  for (const fuzz::Target& target : fuzz::targets()) {
    CAPTURE(target.name);
    const std::vector<std::string> files = corpus_of(target);
    CHECK(files.size() >= 5);
    Rng rng(1);
    for (const std::string& file : files) {
      CAPTURE(file);
      const Bytes bytes = read_all(file);
      CHECK(finding_of(target, bytes) == "");
      for (int i = 0; i < 20; ++i) {
        const Bytes other = changed(bytes, rng);
        const std::string finding = finding_of(target, other);
        if (finding != "") std::ofstream("build/finding", std::ios::binary) << other;
        CHECK_MESSAGE(finding == "", "the bytes are in build/finding, change ", i);
      }
    }
  }
}

TEST_CASE("a target's finding is no Error, and comes through") {
  CHECK_THROWS_AS(fuzz::must(false, "what"), fuzz::Finding);
  CHECK_THROWS_AS(fuzz::accepted([] { fuzz::must(false, "what"); }), fuzz::Finding);
  CHECK_FALSE(fuzz::accepted([] { fail("op", "no"); }));
  CHECK(
      error_of([] { fuzz::target_of("x"); }).starts_with("fuzz: there is no target x; there are "));
}
