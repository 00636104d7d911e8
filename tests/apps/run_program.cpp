#include "tests/apps/run_program.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "tests/data/idx_files.h"

namespace limbeck::testing {
namespace {

// On a processor that OpenBLAS does not know, every program says so (core/kernels/blas_core.h):
// what a test looks at is what else it says, unless it asked for that.
std::string heard_of(std::string err, const std::vector<std::string>& words) {
  const bool asked = std::ranges::any_of(
      words, [](const std::string& word) { return word.starts_with("OPENBLAS_CORETYPE="); });
  const std::size_t begin = err.find("limbeck: OpenBLAS takes ");
  if (!asked && begin != std::string::npos) err.erase(begin, err.find('\n', begin) + 1 - begin);
  return err;
}

}  // namespace

Finished run_program(const std::string& name, const std::vector<std::string>& arguments) {
  std::vector<std::string> words = {std::filesystem::absolute(LIMBECK_BIN).string() + "/" + name};
  words.insert(words.end(), arguments.begin(), arguments.end());
  const Finished run = run_command(words);
  if (run.exit_code == 127) FAIL(run.err);
  return run;
}

// To files rather than pipes: nobody has to empty them while the program runs.
Finished run_command(std::vector<std::string> words) {
  const Folder workplace, heard;
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addchdir_np(&actions, workplace.path().c_str());
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  constexpr int fresh = O_WRONLY | O_CREAT | O_TRUNC;
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, heard.file("out").c_str(), fresh, 0600);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, heard.file("err").c_str(), fresh, 0600);
  pid_t pid = 0;
  const int failed = posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) {
    const std::string why = words[0] + " cannot be run: " + std::strerror(failed);
    return {.exit_code = 127, .out = "", .err = why};
  }

  int status = 0;
  REQUIRE(waitpid(pid, &status, 0) == pid);
  return {.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
          .out = read_all(heard.file("out")),
          .err = heard_of(read_all(heard.file("err")), words)};
}

}  // namespace limbeck::testing
