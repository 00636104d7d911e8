// What every program does around its work: arguments, errors and exit codes.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace limbeck {

// Parses the arguments, runs the work, and returns the exit code: 0; 2 for arguments that are
// wrong; 1 for what fails later. Errors go to stderr as "NAME: error: …". --help prints the help
// and is 0.
int run_program(CLI::App& app, int argc, char** argv, const std::function<void()>& work);

}  // namespace limbeck
