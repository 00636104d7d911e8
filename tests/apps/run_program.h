// Runs one of the built programs, or of the system's, and catches what it says.
#pragma once

#include <string>
#include <vector>

namespace limbeck::testing {

struct Finished {
  int exit_code;  // 128 + the signal's number if one ended it
  std::string out, err;
};

// Runs the program `name` of those that are built ("mnist_distill", "examples/first") with these
// arguments and nothing on its standard input, in an empty folder, so that a file that it writes by
// its own choice does not stay. Paths among the arguments must be absolute. Fails the test if the
// program is not there.
Finished run_program(const std::string& name, const std::vector<std::string>& arguments);

// Likewise a program of the system, by its name or its path: {"node", "--version"}. If there is
// none of that name the exit code is 127, as in a shell. What OpenBLAS is complained of is left out
// of `err`, where no OPENBLAS_CORETYPE is set.
Finished run_command(std::vector<std::string> words);

}  // namespace limbeck::testing
