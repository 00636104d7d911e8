// What every program does around its work: arguments, errors and exit codes.
#pragma once

#include <functional>
#include <string>

// CLI11 takes seconds to compile: only sources that use it include it.
namespace CLI {
class App;
class Validator;
}  // namespace CLI

namespace limbeck {

// Parses the arguments, runs the work, and returns the exit code: 0; 2 for arguments that are
// wrong; 1 for what fails later; 130 where it was stopped and can go on. Errors go to stderr as
// "NAME: error: …". --help prints the help and is 0.
int run_program(CLI::App& app, int argc, char** argv, const std::function<void()>& work);

// The same for a program that leaves its options to others, and does not include CLI11 itself.
struct Program {
  const char* name;
  const char* description;                     // the first words of --help
  std::function<void(CLI::App&)> add_options;  // to the program's own
  std::function<void()> work;
};
int run_program(const Program& program, int argc, char** argv);

// A check of an option's text, or of its number, by code that throws an Error, so that the
// library's own rules and words serve the command line too: ->check(valid_text(check_model_spec)).
CLI::Validator valid_text(std::function<void(const std::string&)> check);
CLI::Validator valid_number(std::function<void(double)> check);
CLI::Validator at_least_1();
CLI::Validator above_0();

}  // namespace limbeck
