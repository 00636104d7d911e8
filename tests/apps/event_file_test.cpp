// Event files, read back by a reader of the tests' own.
#include "apps/common/event_file.h"

#include <cstdlib>
#include <ctime>

#include "tests/apps/event_reader.h"

using namespace limbeck;
using namespace limbeck::testing;

TEST_CASE("CRC-32C has its published value, and that of a division bit by bit") {
  CHECK(crc32c("123456789") == 0xE3069283);
  CHECK(crc32c("") == 0);
  // RFC 3720, B.4: 32 bytes of zeros, of ones, and 0 … 31; the bytes of its CRCs read backwards.
  CHECK(crc32c(Bytes(32, '\0')) == 0x8A9136AA);
  CHECK(crc32c(Bytes(32, '\xFF')) == 0x62A8AB43);
  Bytes rising;
  for (char c = 0; c < 32; ++c) rising += c;
  CHECK(crc32c(rising) == 0x46DD794E);
  Rng rng(1);
  Bytes random;
  for (int i = 0; i < 500; ++i) {
    random += static_cast<char>(rng.next());
    REQUIRE(crc32c(random) == plain_crc32c(random));
  }
}

TEST_CASE("an event file has a version, then a record a step, with its time and its scalars") {
  const Folder folder;
  EventFile events(folder.file("run"), 0);
  const std::vector<Step> none = steps_of(read_all(event_file_in(folder.file("run"))));
  CHECK(none.empty());  // and yet there is a file, which TensorBoard can find
  const double before = static_cast<double>(std::time(nullptr));
  events.add(1, std::vector<Scalar>{{"loss", 0.5}, {"errors", 123456}});
  events.add(300, std::vector<Scalar>{{"loss", -0.1}});
  events.add(Index{1} << 40, std::vector<Scalar>{});
  // Read while the writer lives: every step is on the disk at once.
  const std::vector<Step> steps = steps_of(read_all(event_file_in(folder.file("run"))));
  REQUIRE(steps.size() == 3);
  CHECK(steps[0].step == 1);
  CHECK(steps[0].scalars == std::map<std::string, float>{{"loss", 0.5f}, {"errors", 123456.0f}});
  CHECK(steps[1].step == 300);
  CHECK(steps[1].scalars == std::map<std::string, float>{{"loss", -0.1f}});
  CHECK(steps[2].step == Index{1} << 40);
  CHECK(steps[2].scalars.empty());
  for (const Step& step : steps) {
    CHECK(step.wall_time >= before);
    CHECK(step.wall_time <= before + 60);
  }
}

TEST_CASE("an event file that is opened again goes on after the last step asked for") {
  const Folder folder;
  const std::string run = folder.file("run");
  EventFile first(run, 0);
  for (Index step = 5; step <= 9; ++step) first.add(step, std::vector<Scalar>{{"x", 1}});
  const std::string file = event_file_in(run);

  EventFile second(run, 7);
  CHECK(event_file_in(run) == file);
  CHECK(numbers_of(steps_of(read_all(file))) == std::vector<Index>{5, 6, 7});
  second.add(8, std::vector<Scalar>{{"x", 2}});
  const std::vector<Step> steps = steps_of(read_all(file));
  CHECK(numbers_of(steps) == std::vector<Index>{5, 6, 7, 8});
  CHECK(steps.back().scalars.at("x") == 2);

  SUBCASE("without a record that was broken off, wherever") {
    const Bytes whole = read_all(file);
    const std::size_t last = 16 + records_of(whole).back().size();
    for (std::size_t gone = 1; gone < last; ++gone) {
      std::ofstream(file, std::ios::binary) << whole.substr(0, whole.size() - gone);
      EventFile third(run, 100);
      REQUIRE(read_all(file) == whole.substr(0, whole.size() - last));
    }
  }
  SUBCASE("anew where it has no whole record") {
    std::ofstream(file, std::ios::binary) << "brok";
    EventFile third(run, 100);
    third.add(101, std::vector<Scalar>{});
    CHECK(numbers_of(steps_of(read_all(event_file_in(run)))) == std::vector<Index>{101});
  }
  SUBCASE("and at 0 a new one takes its place") {
    EventFile third(run, 0);
    CHECK(steps_of(read_all(event_file_in(run))).empty());
  }
}

TEST_CASE("TensorBoard reads the event files") {
  if (std::system("python3 -c 'import tensorboard' > /dev/null 2>&1") != 0) {
    MESSAGE("skipped: python3 has no tensorboard");
    return;
  }
  const Folder folder;
  EventFile events(folder.file("run"), 0);
  for (Index step = 1; step <= 3; ++step) {
    events.add(step, std::vector<Scalar>{{"loss", 0.5 * static_cast<double>(step)}});
  }
  const std::string script = folder.write("read.py", R"(
import sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
log = EventAccumulator(sys.argv[1])
log.Reload()
print([(e.step, e.value) for e in log.Scalars("loss")], file=open(sys.argv[2], "w"))
)");
  const std::string command =
      "python3 " + script + " " + folder.file("run") + " " + folder.file("out");
  REQUIRE(std::system((command + " 2> /dev/null").c_str()) == 0);
  CHECK(read_all(folder.file("out")) == "[(1, 0.5), (2, 1.0), (3, 1.5)]\n");
}
