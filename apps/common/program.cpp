#include "apps/common/program.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <sstream>
#include <system_error>
#include <utility>

#include "apps/common/say.h"
#include "core/error.h"
#include "core/parallel.h"
#include "core/version.h"
#include "nn/train/checkpoint.h"

namespace limbeck {
namespace {

// Help as a page of 80 columns: descriptions broken between words, defaults at their ends.
class HelpPage : public CLI::Formatter {
 public:
  HelpPage() { column_width(name_width); }

  std::string make_option_opts(const CLI::Option* option) const override {
    return option->get_type_size() == 0 ? "" : " " + option->get_type_name();
  }
  std::string make_option_desc(const CLI::Option* option) const override {
    std::string text = option->get_description();
    const std::string preset = option->get_default_str();
    if (!preset.empty()) text += fmt::format(" (default: {})", preset);
    return wrap(text, page_width - name_width);
  }
  std::string make_description(const CLI::App* app) const override {
    return wrap(app->get_description(), page_width) + "\n";
  }

 private:
  static constexpr std::size_t page_width = 80, name_width = 22;

  static std::string wrap(const std::string& text, std::size_t width) {
    std::istringstream words(text);
    std::string page, line;
    for (std::string word; words >> word;) {
      if (!line.empty() && line.size() + 1 + word.size() > width) {
        page += fmt::format("{}\n", line);
        line.clear();
      }
      line += fmt::format("{}{}", line.empty() ? "" : " ", word);
    }
    return page + line;
  }
};

// A whole number that an option named N takes: CLI11 would wrap or clamp what does not fit.
std::string whole_number(const std::string& name, const std::string& text) {
  const Index largest =
      name == "--seed" ? std::numeric_limits<Index>::max() : 1'000'000'000'000'000;
  Index number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc::invalid_argument || end != text.data() + text.size()) {
    return fmt::format("must be a whole number; got {}", text);
  }
  if (number < 0) return fmt::format("must be at least 0; got {}", text);
  if (error != std::errc{} || number > largest) {
    return fmt::format("must be at most {}; got {}", largest, text);
  }
  return {};
}

// What holds for every option of every program, whatever else it is checked for.
//
// A value of "" is what a script gives that has a variable unset. No option means anything by it.
void check_all_values(CLI::App& app) {
  for (CLI::Option* const option : app.get_options()) {
    if (option->get_items_expected_max() == 0) continue;  // a flag
    const bool whole = option->get_type_name() == "N";
    option->check([whole, name = option->get_name()](const std::string& text) {
      if (text.empty()) {
        return std::string("the value is empty; leave the option out to go without it");
      }
      return whole ? whole_number(name, text) : std::string();
    });
  }
  for (CLI::App* const command : app.get_subcommands([](CLI::App*) { return true; })) {
    check_all_values(*command);
  }
}

// Where a program has commands and the first word is none of them.
std::optional<std::string> unknown_command(CLI::App& app, int argc, char** argv) {
  const auto commands = app.get_subcommands([](CLI::App*) { return true; });
  if (commands.empty() || argc < 2 || argv[1][0] == '-') return {};
  std::string names;
  for (const CLI::App* const command : commands) {
    if (command->get_name() == argv[1]) return {};
    names += fmt::format("{}{}", names.empty() ? "" : ", ", command->get_name());
  }
  return fmt::format("{} is none of {}", argv[1], names);
}

// The words that no option takes, with the option that begins like the first of them, if one does.
std::string unexpected(const CLI::App& app) {
  const std::vector<std::string> words = app.remaining(true);
  std::string text, meant;
  int fitting = 0;
  for (const std::string& word : words) text += fmt::format("{}{}", text.empty() ? "" : " ", word);
  const std::string begun = words[0].substr(0, words[0].find('='));
  const CLI::App* asked = &app;
  for (const CLI::App* const command : app.get_subcommands()) asked = command;
  for (const CLI::Option* const option : asked->get_options()) {
    const std::string name = option->get_name();
    if (!begun.starts_with("--") || !name.starts_with(begun)) continue;
    meant = name;
    ++fitting;
  }
  return fmt::format("{} is not known here{}", text,
                     fitting == 1 ? fmt::format("; there is {}", meant) : "");
}

// Whether all that was printed has been taken.
bool printed() {
  return std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
}

std::string unprinted() {
  return fmt::format("the results cannot be printed: {}", std::strerror(errno));
}

}  // namespace

TextCheck valid_number(std::function<void(double)> check) {
  return [check = std::move(check)](const std::string& text) {
    double number = 0;
    // Text that is no number is left to the conversion, which says so.
    if (CLI::detail::lexical_cast(text, number)) check(number);
  };
}

TextCheck at_least_1() {
  return valid_number([](double x) {
    if (!(x >= 1)) fail("number", "must be at least 1; got {:g}", x);
  });
}

TextCheck above_0() {
  return valid_number([](double x) {
    if (!(x > 0)) fail("number", "must be above 0; got {:g}", x);
    if (!std::isfinite(x)) fail("number", "must be finite; got {:g}", x);
  });
}

TextCheck not_negative() {
  return valid_number([](double x) {
    if (!(x >= 0)) fail("number", "must be at least 0; got {:g}", x);
  });
}

TextCheck below_1() {
  return valid_number([](double x) {
    if (!(x >= 0 && x < 1)) fail("number", "must be from 0 to below 1; got {:g}", x);
  });
}

Option& Option::type(const char* name) {
  option_->type_name(name);
  return *this;
}

Option& Option::show_default() {
  option_->capture_default_str();
  return *this;
}

Option& Option::check(const TextCheck& check) {
  option_->check([check](const std::string& text) -> std::string {
    try {
      check(text);
    } catch (const Error& error) {
      return error.rule();
    }
    return {};
  });
  return *this;
}

Option& Option::one_of(const std::vector<std::string>& words) {
  option_->check(CLI::IsMember(words));
  return *this;
}

Option& Option::remember(std::string& text) {
  option_->each([&text](const std::string& given) { text = given; });
  return *this;
}

Option& Option::required() {
  option_->required();
  return *this;
}

Option& Option::needs(const Option& other) {
  option_->needs(other.option_);
  return *this;
}

Option& Option::excludes(const Option& other) {
  option_->excludes(other.option_);
  return *this;
}

template <class T>
Option Options::add(const char* name, T& variable, const char* help) {
  return Option(*app_->add_option(name, variable, help));
}
template Option Options::add(const char*, std::string&, const char*);
template Option Options::add(const char*, int&, const char*);
template Option Options::add(const char*, Index&, const char*);
template Option Options::add(const char*, std::uint64_t&, const char*);
template Option Options::add(const char*, double&, const char*);
template Option Options::add(const char*, std::vector<std::string>&, const char*);
template Option Options::add(const char*, std::vector<Index>&, const char*);

Option Options::flag(const char* name, bool& on, const char* help) {
  return Option(*app_->add_flag(name, on, help));
}

Options Options::command(const char* name, const char* help, const std::function<void()>& chosen) {
  app_->require_subcommand(1);
  CLI::App* const command = app_->add_subcommand(name, help);
  command->callback(chosen);
  return Options(*command);
}

void Options::check(const std::function<void()>& check) {
  app_->callback([check] {
    try {
      check();
    } catch (const Error& error) {
      throw CLI::ValidationError(error.rule());
    }
  });
}

int run_program(const Program& program, int argc, char** argv) {
  CLI::App app(program.description, program.name);
  Options options(app);
  program.add_options(options);
  wait_with_short_spin(argv);
  // A reader who went away and a limit of the size of files are then errors, with a message.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  const auto complain = [&](const std::string& what, int code) {
    std::fflush(stdout);
    say("{}: error: {}\n", app.get_name(), what);
    return code;
  };
  app.set_version_flag("--version", fmt::format("limbeck {}", version()),
                       "Print which Limbeck this is and exit");
  check_all_values(app);
  app.formatter(std::make_shared<HelpPage>());
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {  // for help, or the version
    app.exit(asked);
    return printed() ? 0 : complain(unprinted(), 1);
  } catch (const CLI::ParseError& error) {
    const bool surplus = dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr;
    const std::string what = surplus ? unexpected(app) : error.what();
    complain(unknown_command(app, argc, argv).value_or(what), 2);
    say("Try: {} --help\n", app.get_name());
    return 2;
  }
  try {
    check_address_space(threads());
    program.work();
    if (!printed()) return complain(unprinted(), 1);
  } catch (const Stopped& stopped) {
    say("{}: {}\n", app.get_name(), stopped.rule());
    return 130;  // what shells give for Ctrl-C
  } catch (const std::bad_alloc&) {
    return complain("there is no memory left", 1);
  } catch (const std::filesystem::filesystem_error& error) {
    return complain(fmt::format("{}: {}", error.path1().string(), error.code().message()), 1);
  } catch (const std::system_error& error) {
    return complain(fmt::format("the system refuses: {}", error.what()), 1);
  } catch (const std::exception& error) {
    const std::string what = error.what();  // what failed first
    return complain(printed() ? what : fmt::format("{}; {}", what, unprinted()), 1);
  }
  return 0;
}

}  // namespace limbeck
