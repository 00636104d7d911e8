// What every program does around its work: options, errors and exit codes.
//
// CLI11 parses the options. It takes ten seconds to compile, so it stays behind this header.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace limbeck {

// A check of an option's text, by code that throws an Error: so that the library's own rules and
// words serve the command line too, as check_model_spec does.
using TextCheck = std::function<void(const std::string& text)>;
TextCheck valid_number(std::function<void(double)> check);  // likewise of its number
TextCheck at_least_1();
TextCheck above_0();
TextCheck not_negative();
TextCheck below_1();  // from 0 on

// The words of a table, for Option::one_of.
template <class Value>
std::vector<std::string> names_of(const std::map<std::string, Value>& by_name) {
  std::vector<std::string> names;
  for (const auto& entry : by_name) names.push_back(entry.first);
  return names;
}

// An option, to be told more about: options.add("--seed", seed, "Seed").type("N").show_default().
class Option {
 public:
  explicit Option(CLI::Option& option) : option_(&option) {}

  Option& type(const char* name);         // what stands for its value in --help
  Option& show_default();                 // --help says the variable's value
  Option& check(const TextCheck& check);  // of each of its values
  Option& one_of(const std::vector<std::string>& words);
  Option& remember(std::string& text);  // what it is given, if it is; else as it was
  Option& required();
  Option& needs(const Option& other);
  Option& excludes(const Option& other);

 private:
  CLI::Option* option_;
};

// The options of a program, or of one of its commands.
class Options {
 public:
  explicit Options(CLI::App& app) : app_(&app) {}

  // One that takes a value into `variable`: std::string, int, Index, std::uint64_t, double, or a
  // vector of std::string or Index. Without dashes it is an argument by its place.
  template <class T>
  Option add(const char* name, T& variable, const char* help);
  Option flag(const char* name, bool& on, const char* help);
  // A command with options of its own, of which one must be given.
  Options command(const char* name, const char* help, const std::function<void()>& chosen);
  // A check of all that was given, by code that throws an Error.
  void check(const std::function<void()>& check);

 private:
  CLI::App* app_;
};

struct Program {
  const char* name;
  const char* description;  // the first words of --help
  std::function<void(Options&)> add_options;
  std::function<void()> work;
};

// Parses the arguments, runs the work, and returns the exit code: 0; 2 for arguments that are
// wrong; 1 for what fails later; 130 where it was stopped and can go on. Errors go to stderr as
// "NAME: error: …". --help prints the help and is 0.
int run_program(const Program& program, int argc, char** argv);

}  // namespace limbeck
