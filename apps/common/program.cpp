#include "apps/common/program.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <memory>
#include <sstream>
#include <utility>

#include "core/error.h"
#include "core/parallel.h"
#include "nn/distill/checkpoint.h"

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

}  // namespace

int run_program(CLI::App& app, int argc, char** argv, const std::function<void()>& work) {
  wait_with_short_spin(argv);
  const auto complain = [&](const char* what, int code) {
    std::fflush(stdout);
    fmt::print(stderr, "{}: error: {}\n", app.get_name(), what);
    return code;
  };
  app.formatter(std::make_shared<HelpPage>());
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
  } catch (const Stopped& stopped) {
    fmt::print(stderr, "{}: {}\n", app.get_name(), stopped.rule());
    return 130;  // what shells give for Ctrl-C
  } catch (const std::exception& error) {
    return complain(error.what(), 1);
  }
  return 0;
}

int run_program(const Program& program, int argc, char** argv) {
  CLI::App app(program.description, program.name);
  program.add_options(app);
  return run_program(app, argc, argv, program.work);
}

CLI::Validator valid_text(std::function<void(const std::string&)> check) {
  const auto complaint = [check = std::move(check)](std::string& text) -> std::string {
    try {
      check(text);
    } catch (const Error& error) {
      return error.rule();
    }
    return {};
  };
  return CLI::Validator(complaint, "");
}

CLI::Validator valid_number(std::function<void(double)> check) {
  return valid_text([check = std::move(check)](const std::string& text) {
    double number = 0;
    // Text that is no number is left to the conversion, which says so.
    if (CLI::detail::lexical_cast(text, number)) check(number);
  });
}

CLI::Validator at_least_1() {
  return valid_number([](double x) {
    if (!(x >= 1)) fail("number", "must be at least 1; got {:g}", x);
  });
}

CLI::Validator above_0() {
  return valid_number([](double x) {
    if (!(x > 0)) fail("number", "must be above 0; got {:g}", x);
  });
}

}  // namespace limbeck
