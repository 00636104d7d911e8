#include "tests/apps/run_program.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/data/idx_files.h"

namespace limbeck::testing {

// To files rather than pipes: nobody has to empty them while the program runs.
Finished run_program(const std::string& name, const std::vector<std::string>& arguments) {
  const std::string program = std::filesystem::absolute(LIMBECK_BIN).string() + "/" + name;
  const Folder workplace, heard;
  std::vector<std::string> words = {program};
  words.insert(words.end(), arguments.begin(), arguments.end());
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
  const int failed = posix_spawn(&pid, program.c_str(), &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) FAIL(program << " cannot be run: " << std::strerror(failed));

  int status = 0;
  REQUIRE(waitpid(pid, &status, 0) == pid);
  return {.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
          .out = read_all(heard.file("out")),
          .err = read_all(heard.file("err"))};
}

}  // namespace limbeck::testing
