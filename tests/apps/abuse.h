// A place for abuse: a small dataset, a shell, and rows of what is tried there.
#pragma once

#include <filesystem>

#include "data/synthetic_digits.h"
#include "tests/apps/mnist_files.h"
#include "tests/apps/run_program.h"
#include "tests/testing.h"

namespace limbeck::testing {

// A folder with a small dataset in "tiny", and a shell in it. The script may say
//   $distill   mnist_distill on that dataset, one epoch of small networks, and quiet
//   $apps      the folder of the programs
class Abuse {
 public:
  Abuse() {
    std::filesystem::create_directory(folder_.file("tiny"));
    write_mnist_files(folder_, synthetic_digits({.train = 300, .test = 100, .seed = 3}), "tiny/");
  }

  Finished run(const std::string& script) const {
    const std::string apps = std::filesystem::absolute(LIMBECK_BIN).string();
    return run_command({"bash", "-c",
                        "cd " + folder_.path() + "; apps=" + apps +
                            "; distill=\"$apps/mnist_distill --data tiny --teacher mlp:16 "
                            "--student mlp:8 --teacher-epochs 1 --epochs 1 --quiet\"; " +
                            script});
  }
  std::string read(const std::string& file) const { return read_all(folder_.file(file)); }
  bool has(const std::string& file) const { return std::filesystem::exists(folder_.file(file)); }
  const Folder& folder() const { return folder_; }
  // Files that a program left behind while it wrote others.
  int torsos() const {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
      count += entry.path().filename().string().starts_with(".limbeck");
    }
    return count;
  }

 private:
  Folder folder_;
};

struct Row {
  const char* script;
  int exit_code;
  const char* text;  // in what was said
};

inline void check_rows(const Abuse& abuse, std::initializer_list<Row> rows) {
  for (const Row& row : rows) {
    const std::string script = row.script;
    CAPTURE(script);
    const Finished run = abuse.run(row.script);
    CHECK_MESSAGE(run.exit_code == row.exit_code, run.err);
    CHECK_MESSAGE(contains(run.err, row.text), run.err);
  }
}

}  // namespace limbeck::testing
