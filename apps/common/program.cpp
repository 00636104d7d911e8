#include "apps/common/program.h"

#include <fmt/format.h>

#include <exception>

namespace limbeck {

int run_program(CLI::App& app, int argc, char** argv, const std::function<void()>& work) {
  const auto complain = [&](const char* what, int code) {
    std::fflush(stdout);
    fmt::print(stderr, "{}: error: {}\n", app.get_name(), what);
    return code;
  };
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    complain(error.what(), 2);
    fmt::print(stderr, "Try: {} --help\n", app.get_name());
    return 2;
  }
  try {
    work();
  } catch (const std::exception& error) {
    return complain(error.what(), 1);
  }
  return 0;
}

}  // namespace limbeck
