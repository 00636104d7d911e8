// What programs do under abuse: a row a case, with the exit code, what is said, and what is left on
// the disk.
#include <unistd.h>

#include "data/synthetic_digits.h"
#include "nn/model_spec.h"
#include "nn/saved_model.h"
#include "tests/apps/abuse.h"
#include "tests/apps/run_program.h"

using namespace limbeck;
using namespace limbeck::testing;

TEST_CASE("an empty value is refused, for every option that takes one") {
  const Abuse abuse;
  const char* const text = "the value is empty";
  for (const char* const option : {"--repeats",
                                   "--lr",
                                   "--temperature",
                                   "--alpha",
                                   "--epochs",
                                   "--teacher-epochs",
                                   "--batch-size",
                                   "--threads",
                                   "--seed",
                                   "--train-size",
                                   "--teacher-dropout",
                                   "--data",
                                   "--json",
                                   "--save",
                                   "--report",
                                   "--checkpoint",
                                   "--teacher-weights",
                                   "--teacher-logits",
                                   "--log-dir",
                                   "--export-c",
                                   "--resume"}) {
    CAPTURE(option);
    const Finished run = abuse.run(std::string("$apps/mnist_distill ") + option + " ''");
    CHECK(run.exit_code == 2);
    CHECK_MESSAGE(contains(run.err, text), run.err);
  }
  check_rows(abuse, {{"$apps/mnist_predict m x --index ''", 2, text},
                     {"$apps/digit_sheet --columns ''", 2, text},
                     {"$apps/distill_study noise --seeds ''", 2, text}});
}

TEST_CASE("a number beyond its type, or none, is refused and not wrapped") {
  const Abuse abuse;
  check_rows(
      abuse,
      {{"$distill --seed -1", 2, "--seed: must be at least 0; got -1"},
       {"$distill --seed 18446744073709551616", 2, "must be at most 9223372036854775807"},
       {"$distill --epochs 99999999999999999999", 2, "must be at most 1000000000000000"},
       {"$distill --batch-size 9223372036854775807", 2, "must be at most 1000000000000000"},
       {"$distill --threads 1.5", 2, "must be a whole number; got 1.5"},
       {"$distill --repeats 1e2", 2, "must be a whole number; got 1e2"},
       {"$distill --lr inf", 2, "must be finite"},
       {"$distill --temperature 1e-300", 2, "--temperature"},
       {"$distill --temperature 1e300", 2, "--temperature"},
       {"$apps/mnist_predict m x --temperature 1e-300", 2, "--temperature"},
       {"$apps/digit_sheet --columns 614891469123651721", 2, "must be at most 10000"},
       {"$apps/digit_sheet --shift nan", 2, "must be from 0 to 1000; got nan"},
       {"$apps/digit_sheet --columns 1 --difficulty 100", 1, "must be from 0 to 10; got 100"},
       {"$apps/distill_study softness --image -5", 2, "must be at least 0; got -5"},
       {"$apps/distill_study noise --seeds 99999999999999999999", 2, "must be at most"}});
}

TEST_CASE("what cannot succeed is refused before the first step") {
  const Abuse abuse;
  const std::string long_name(253, 'n');
  check_rows(
      abuse,
      {{"$apps/mnist_distill --data tiny --student cnn:1,1,1,1,1,1", 1,
        "--student: cnn: 5 poolings leave nothing"},
       {"$apps/mnist_distill --data tiny --student mlp:1000000,1000000", 1,
        "--student: training mlp:1000000,1000000 needs more memory than there is"},
       {"$apps/mnist_distill --data tiny --teacher mlp:1000000,1000000", 1, "--teacher: training"},
       {"ln -s loop loop; $distill --json loop", 1, "Too many levels of symbolic links"},
       {"ln -s absent/x dangling; $distill --report dangling", 1, "No such file"},
       {"$distill --json tiny", 1, "tiny: cannot be written: Is a directory"},
       {"$distill --json x --report x", 1, "--report: x is what --json names too"},
       {"$distill --export-c n.h --export-c-int8 ./n.h", 1, "names too"}});
  const Finished run =
      abuse.run("$distill --json " + long_name);  // as long as names can be, nearly
  CHECK_MESSAGE(run.exit_code == 0, run.err);
  CHECK(abuse.has(long_name));
  CHECK(contains(abuse.run("$distill --json " + long_name + "xyz").err, "File name too long"));
  CHECK(abuse.torsos() == 0);
}

TEST_CASE("output that nobody takes costs no training") {
  const Abuse abuse;
  check_rows(abuse, {{"${distill% --quiet} --json a 2>/dev/full", 0, ""},
                     {"${distill% --quiet} --json b 2>&-", 0, ""},
                     {"$apps/mnist_predict nofile x 2>&-", 1, ""},
                     {"$distill --json c >/dev/full", 1, "the results cannot be printed: No space"},
                     {"$distill --json d >&-", 1, "the results cannot be printed"},
                     {"$apps/mnist_distill --list-models >/dev/full", 1, "cannot be printed"},
                     {"$apps/mnist_distill --help >/dev/full", 1, "cannot be printed"},
                     {"set -o pipefail; $distill --json e --report r.html | (exec <&-; sleep 2)", 1,
                      "the results cannot be printed: Broken pipe"}});
  for (const char* const file : {"a", "b", "c", "d", "e"}) {
    CAPTURE(file);
    CHECK(contains(abuse.read(file), "\"schema_version\""));
  }
  CHECK(contains(abuse.read("r.html"), "</html>"));
}

TEST_CASE("a link is followed, a mode is kept, and an old file stays until the new one is whole") {
  const Abuse abuse;
  abuse.folder().write("target", "old");
  CHECK(abuse.run("chmod 600 target; ln -s target link; $distill --json link").exit_code == 0);
  CHECK(contains(abuse.read("target"), "schema_version"));
  CHECK(contains(abuse.run("test -L link && stat -c %a target").out, "600"));
  abuse.folder().write("old.json", "old");
  abuse.folder().write("old.html", "old");
  check_rows(abuse, {{"(ulimit -f 1; $distill --report old.html)", 1,
                      "old.html: cannot be written: File too large"}});
  CHECK(abuse.read("old.html") == "old");
  CHECK(abuse.torsos() == 0);
  CHECK(abuse.run("cp -r tiny $'t\\xff'; $distill --data $'t\\xff' --json odd").exit_code == 2);
  CHECK(abuse.run("${distill/tiny/$'t\\xff'} --json odd").exit_code == 0);
  CHECK(contains(abuse.read("odd"), "schema_version"));
}

TEST_CASE("devices and pipes are written to, and not replaced") {
  const Abuse abuse;
  check_rows(abuse, {{"mkfifo p; cat p > copy & $distill --json p; wait; test -p p", 0, ""}});
  CHECK(contains(abuse.read("copy"), "schema_version"));
  if (geteuid() != 0) {
    MESSAGE("skipped: devices, which only root makes");
    return;
  }
  if (abuse.run("mknod null c 1 3 && echo > null").exit_code != 0) {
    MESSAGE("skipped: no device can be made here");
    return;
  }
  check_rows(abuse, {{"$distill --report null --json null; test -c null", 0, ""},
                     {"mknod full c 1 7; $distill --report full", 1, "full: cannot be written"},
                     {"test -c full", 0, ""},
                     {"$apps/digit_sheet --columns 1 --out full", 1, "full: cannot be written"},
                     {"test -c full", 0, ""}});
}

TEST_CASE("a folder that another run keeps its files in is refused, until that run has ended") {
  const Abuse abuse;
  for (const char* const option : {"--save", "--checkpoint", "--log-dir"}) {
    CAPTURE(option);
    const std::string folder = std::string("in") + option;
    const Finished second =
        abuse.run("mkdir " + folder + "; flock -o " + folder + " sleep 20 & sleep 0.3; $distill " +
                  option + " " + folder + "; code=$?; kill %1; exit $code");
    CHECK(second.exit_code == 1);
    CHECK(contains(second.err, folder + " is in use by another run"));
    CHECK(std::filesystem::is_empty(abuse.folder().file(folder)));
    CHECK(abuse.run("$distill " + std::string(option) + " " + folder).exit_code == 0);
  }
  // Folders are made, also for files that go into them.
  CHECK(abuse.run("$distill --save new/a --json new/a/j --log-dir new/b").exit_code == 0);
  CHECK(abuse.has("new/a/j"));
  CHECK(abuse.has("new/b/epochs.csv"));
  CHECK(abuse.run("mkdir one; $distill --save one --checkpoint one --log-dir one").exit_code == 0);
}

TEST_CASE("a NaN of the teacher is named, and never becomes a student's weights") {
  const Abuse abuse;
  Tensor logits = Tensor::zeros({300, 10});
  logits.values()[1234] = NAN;
  std::string npy = "\x93NUMPY";
  npy += '\1';
  npy += '\0';
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (300, 10), }";
  header.resize(118 - 1, ' ');
  header += '\n';
  npy += static_cast<char>(header.size());
  npy += '\0';
  npy += header;
  for (const real v : std::as_const(logits).values()) {
    const auto f = static_cast<float>(v);
    npy.append(reinterpret_cast<const char*>(&f), sizeof f);
  }
  abuse.folder().write("nan.npy", npy);
  check_rows(abuse, {{"$distill --teacher-logits nan.npy --save sv", 1,
                      "the teacher's logits for image 123 have nan: they must be finite"}});
  Rng rng(1);
  Sequential teacher = make_model("mlp:4", {1, 28, 28}, 10, {}, rng);
  teacher.parameters()[2].values()[7] = INFINITY;
  save_model(teacher, abuse.folder().file("inf.safetensors"),
             {.spec = "mlp:4", .image = {1, 28, 28}, .classes = 10, .more = {}});
  check_rows(abuse,
             {{"$distill --teacher-weights inf.safetensors", 1,
               "--teacher-weights: 3.weight has an element that is not finite, inf"},
              {"$apps/mnist_predict inf.safetensors --data tiny --index 0", 1,
               "the network's answer is not finite"},
              {"$distill --teacher-logits nan.npy --json nan.npy", 1,
               "--json: nan.npy is what --teacher-logits names too"},
              {"$distill --json tiny/t10k-labels-idx1-ubyte", 1, "is what --data names too"}});
  CHECK(abuse.read("nan.npy") == npy);
}

TEST_CASE("threads that the system does not give are not waited for") {
  const Abuse abuse;
  check_rows(abuse,
             {{"OMP_THREAD_LIMIT=1 OMP_NUM_THREADS=4 timeout 60 $distill --batch-size 300", 0, ""},
              {"OMP_DYNAMIC=true timeout 60 $distill --batch-size 300 --threads 4", 0, ""},
              {"(ulimit -v 1000000; OMP_NUM_THREADS=2 timeout 60 $distill --threads 16)", 1,
               "threads: 16 need 2048 MB of address space for OpenBLAS"}});
}

TEST_CASE("words that are none of the program's, and files that are no files, are told so") {
  const Abuse abuse;
  check_rows(
      abuse,
      {{"$apps/distill_study foo", 2, "foo is none of temperature, alpha, noise"},
       {"$apps/mnist_distill --epoch 1", 2,
        "error: --epoch 1 is not known here; there is --epochs\nTry: mnist_distill --help"},
       {"$apps/mnist_distill --epoch=1", 2, "--epoch=1 is not known here; there is --epochs\n"},
       {"$apps/mnist_distill --te 1", 2, "--te 1 is not known here\n"},
       {"$apps/distill_study noise --seed 1 x", 2,
        "--seed 1 x is not known here; there is --seeds"},
       {"$apps/mnist_distill foo", 2, "foo is not known here\n"},
       {"$apps/mnist_predict <(cat tiny/t10k-labels-idx1-ubyte) x", 1, "it is a pipe or a device"},
       {"ln -s loop loop; $apps/mnist_distill --data loop", 1, "loop"},
       {"ln -s loop2 loop2; $apps/mnist_predict loop2 x", 1, "Too many levels"}});
}
