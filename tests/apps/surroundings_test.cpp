// Programs in odd surroundings: an environment, limits, a disk and a terminal that are not as
// usual. What they compute is the same everywhere.
#include <unistd.h>

#include <regex>

#include "data/synthetic_digits.h"
#include "tests/apps/abuse.h"
#include "tests/apps/run_program.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// A run's JSON without times and sizes of memory.
std::string lasting(const std::string& json) {
  static const std::regex passing("\"([a-z_]*seconds|peak_resident_bytes)\": *[-+0-9.e]+");
  return std::regex_replace(json, passing, "");
}

// The JSON of a run of $distill after these words, --threads 1.
std::string result_in(const Abuse& abuse, const std::string& surroundings) {
  const Finished run =
      abuse.run("rm -f j; " + surroundings + " $distill --threads 1 --json \"$PWD/j\"");
  CHECK_MESSAGE(run.exit_code == 0, surroundings, ": ", run.err);
  return lasting(abuse.read("j"));
}

}  // namespace

TEST_CASE("the environment and its limits change no number") {
  const Abuse abuse;
  const std::string usual = result_in(abuse, "");
  REQUIRE(contains(usual, "schema_version"));
  for (const char* const surroundings :
       {"env -i ${OPENBLAS_CORETYPE:+OPENBLAS_CORETYPE=$OPENBLAS_CORETYPE}", "env -u HOME",
        "TMPDIR=/absent", "TZ=nonsense", "LC_ALL=C", "LANG=tr_TR.UTF-8", "OMP_NUM_THREADS=0",
        "OMP_NUM_THREADS=abc", "OMP_NUM_THREADS=-3", "OMP_NUM_THREADS=100000",
        "OPENBLAS_NUM_THREADS=0", "ulimit -s 128;", "ulimit -n 8;", "umask 077;"}) {
    CAPTURE(surroundings);
    CHECK(result_in(abuse, surroundings) == usual);
  }
}

TEST_CASE("a comma for the decimal point in the user's language is none in files and options") {
  const Abuse abuse;
  const bool made =
      abuse
          .run(
              "mkdir l && localedef -i de_DE -f UTF-8 l/de_DE.UTF-8 && "
              "test \"$(LOCPATH=$PWD/l LC_ALL=de_DE.UTF-8 bash -c 'printf %.1f 1,5')\" = 1,5")
          .exit_code == 0;
  if (!made) {
    MESSAGE("skipped: localedef does not make de_DE.UTF-8 here (Debian's package locales)");
    return;
  }
  const std::string german = "LOCPATH=$PWD/l LC_ALL=de_DE.UTF-8";
  CHECK(result_in(abuse, german) == result_in(abuse, ""));
  CHECK(abuse.run(german + " $distill --lr 0,5").exit_code == 2);
}

TEST_CASE("a program runs from anywhere, by any name, in a folder that is gone") {
  const Abuse abuse;
  const std::string usual = result_in(abuse, "");
  check_rows(
      abuse,
      {{"data=$PWD/tiny; cd / && ${distill/tiny/$data} --threads 1 --json $data/../k", 0, ""},
       {"ln -s $apps/mnist_distill name; (exec -a '' ./name --list-models)", 0, ""},
       {"(exec -a --help ./name --list-models)", 0, ""},
       {"data=$PWD/tiny; mkdir gone; cd gone; rmdir ../gone; ${distill/tiny/$data}", 0, ""},
       {"data=$PWD/tiny; mkdir gone; cd gone; rmdir ../gone; ${distill/tiny/$data} --json x", 1,
        "--json: x: cannot be written: No such file or directory"}});
  CHECK(contains(abuse.read("k"), "schema_version"));
}

TEST_CASE("odd names of files and folders are names like others") {
  const Abuse abuse;
  check_rows(abuse,
             {{"odd=$'a b\"c\\'d\\n%s{}*\\\\ü'; cp -r tiny \"$odd\"; set -- --json \"$odd.json\" "
               "--report \"$odd.html\" --save \"$odd.save\" --save-logits \"$odd.npy\" "
               "--checkpoint \"$odd.check\" --log-dir \"$odd.log\" --export-c \"$odd.h\" "
               "--export-c-int8 \"$odd.8.h\"; $apps/mnist_distill --data \"$odd\" --teacher mlp:16 "
               "--student mlp:8 --teacher-epochs 1 --epochs 1 --quiet \"$@\" && "
               "test -s \"$odd.json\" && test -s \"$odd.html\" && test -s \"$odd.npy\" && "
               "test -s \"$odd.8.h\" && test -s \"$odd.log/epochs.csv\" && gcc -fsyntax-only "
               "\"$odd.h\"",
               0, ""}});
}

TEST_CASE("data that are no files, or may not be read, are refused, and named") {
  const Abuse abuse;
  check_rows(abuse,
             {{"$apps/mnist_distill --data absent", 1, "absent: there is no such folder or file"},
              {"$apps/mnist_distill --data tiny/t10k-labels-idx1-ubyte", 1, "tiny/t10k-labels"},
              {"$apps/mnist_distill --data /dev/zero", 1, "/dev/zero: a single file is read if"},
              {"cp -r tiny d; f=d/train-images-idx3-ubyte; rm $f; mkdir $f; "
               "$apps/mnist_distill --data d",
               1, "its file of images is not"},
              {"rmdir $f d/train-images-idx3-ubyte; ln -s /dev/null d/train-images-idx3-ubyte; "
               "$apps/mnist_distill --data d",
               1, "too short for an IDX file"},
              {"ln -sf /dev/zero d/train-images-idx3-ubyte; $apps/mnist_distill --data d", 1,
               "not an IDX file of images"},
              {"$apps/mnist_predict /dev/zero x", 1, "it is a pipe or a device"},
              {"$apps/mnist_predict tiny x", 1, "tiny"}});
  if (geteuid() == 0) {
    MESSAGE("skipped: files that may not be read, which root may");
    return;
  }
  check_rows(abuse,
             {{"cp -r tiny e; chmod 0 e/train-images-idx3-ubyte; "
               "$apps/mnist_distill --data e",
               1, "Permission denied"},
              {"cp -r tiny f; chmod 0 f; $apps/mnist_distill --data f", 1, "Permission denied"}});
}

TEST_CASE("texts that mean no network are refused with the forms that there are") {
  const Abuse abuse;
  for (const char* const spec :
       {"mlp:999999999999", "mlp:1,,2", "cnn:", "cnn:1", "mlp:1e3", "mlp:８", "mlp:0", "mlp:-1",
        "mlp:1000001", "MLP:8", "mlp:8,", "mlp:,8", "mlp", "lenet5:", "лenet5", "$'mlp:\\xff'",
        "$'mlp:8\\n'", "';rm -rf x'"}) {
    CAPTURE(spec);
    const Finished run =
        abuse.run(std::string("$apps/mnist_distill --data tiny --student ") + spec);
    CHECK(run.exit_code == 2);
    CHECK_MESSAGE(contains(run.err, "--student: "), run.err);
  }
}

TEST_CASE("a disk that is full is said, and leaves the old files") {
  const Abuse abuse;
  if (abuse.run("mkdir disk && mount -t tmpfs -o size=300k none disk").exit_code != 0) {
    MESSAGE("skipped: no small disk can be mounted here");
    return;
  }
  const std::string full = "cannot be written: No space left on device";
  CHECK(abuse.run("echo old > disk/r.html; $distill --report disk/r.html").exit_code == 0);
  CHECK(contains(abuse.read("disk/r.html"), "</html>"));
  abuse.run("echo old > disk/old; head -c 1m /dev/zero > disk/filler");
  for (const char* const option : {"--json", "--report", "--save-logits", "--export-c"}) {
    CAPTURE(option);
    const Finished run = abuse.run(std::string("$distill ") + option + " disk/old");
    CHECK(run.exit_code == 1);
    CHECK_MESSAGE(contains(run.err, "disk/old: " + full), run.err);
    CHECK(abuse.read("disk/old") == "old\n");
  }
  abuse.run("mkdir disk/log disk/study");
  check_rows(abuse, {{"$distill --log-dir disk/log", 1, full.c_str()},
                     {"$apps/distill_study softness --quick --data tiny --threads 1 --teacher "
                      "mlp:8 --student mlp:8 --teacher-epochs 1 --epochs 1 --out disk/study",
                      1, full.c_str()}});
  CHECK(contains(abuse.run("$apps/digit_sheet --columns 1 --out disk/old").err, full));
  CHECK(abuse.read("disk/old") == "old\n");
  CHECK(abuse.run("ls -A disk | grep -c limbeck").out == "0\n");
  CHECK(abuse.run("umount disk").exit_code == 0);
}

TEST_CASE("a dumb or narrow terminal gets plain lines") {
  const Abuse abuse;
  if (abuse.run("script -qec true /dev/null < /dev/null").exit_code != 0) {
    MESSAGE("skipped: there is no command script, or no terminal that it could make");
    return;
  }
  const auto on_terminal = [&](const std::string& setting) {
    return abuse
        .run("distill=\"${distill% --quiet}\"; export distill; script -qec '" + setting +
             " $distill' /dev/null < /dev/null")
        .out;
  };
  CHECK(contains(on_terminal("export TERM=xterm; stty cols 100;"), "\x1b["));
  CHECK_FALSE(contains(on_terminal("export TERM=dumb; stty cols 100;"), "\x1b["));
  CHECK_FALSE(contains(on_terminal("export TERM=xterm; stty cols 40;"), "\x1b["));
}

TEST_CASE("every program says which Limbeck it is: the one that is installed") {
  const std::string install = read_all(".make/install.mk");
  const std::string begin = "VERSION := ";
  const std::size_t at = install.find(begin) + begin.size();
  const std::string expected = "limbeck " + install.substr(at, install.find('\n', at) - at) + "\n";
  for (const char* const program :
       {"mnist_distill", "mnist_predict", "distill_study", "digit_sheet", "figures", "bench",
        "bench_growth", "bench_sweep", "bench_ranks"}) {
    const Finished run = run_program(program, {"--version"});
    CHECK(run.exit_code == 0);
    CHECK(run.out == expected);
    CHECK(run.err.empty());
  }
}
