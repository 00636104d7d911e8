// The commands in the READMEs can be given as they stand: in ```sh blocks, after "$ " in blocks
// that show what a command prints, and between backticks where they begin with make, apps/ or
// build/. Targets and variables are the Makefile's, programs and options those of the tree, filters
// choose tests that there are. Nothing is run but --help, `make -n` and lists of tests.
#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <map>

#include "tests/apps/run_program.h"
#include "tests/markdown.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

namespace fs = std::filesystem;

constexpr std::array separators = {"&&", "||", "|", ";"};
// Of the system, and of no concern to the tree: whatever they are given is taken as right.
constexpr std::array foreign = {"apt-get", "cd",          "cmake",   "dpkg-deb",   "echo",
                                "export",  "g++",         "kubectl", "pkg-config", "sbatch",
                                "sed",     "tensorboard", "zcat"};
const std::string tests_program = "build/float/tests/run";
const std::string tests_in_double = "build/double/tests/run";

// The words of a line as a shell reads them: quotes keep words together, ; is a word of its own,
// and # begins a comment.
Lines words_of(const std::string& line) {
  Lines words;
  bool open = false;  // whether the last word goes on
  char quote = 0;
  for (const char c : line) {
    if (quote == 0 && c == ' ') {
      open = false;
      continue;
    }
    if (quote == 0 && c == '#' && !open) break;
    if (quote == 0 && c == ';') {
      words.emplace_back(";");
      open = false;
      continue;
    }
    if (!open) words.emplace_back();
    open = true;
    if (quote == 0 ? c == '\'' || c == '"' : c == quote) {
      quote = quote == 0 ? c : '\0';
    } else {
      words.back() += c;
    }
  }
  return words;
}

// "SAN=1"; not "--threads=2".
bool is_assignment(const std::string& word) {
  const std::size_t equals = word.find('=');
  return equals != std::string::npos && equals > 0 &&
         std::all_of(word.begin(), word.begin() + static_cast<std::ptrdiff_t>(equals),
                     [](unsigned char c) { return std::isupper(c) || c == '_'; });
}

// Whether `name` stands in the text with nothing around it that could be more of a name.
bool has_word(const std::string& text, const std::string& name) {
  const auto more = [&](std::size_t i) {
    return i < text.size() &&
           (std::isalnum(static_cast<unsigned char>(text[i])) || text[i] == '_' || text[i] == '-');
  };
  for (std::size_t at = 0; (at = text.find(name, at)) != std::string::npos; ++at) {
    if (!more(at + name.size()) && (at == 0 || !more(at - 1))) return true;
  }
  return false;
}

// What a command says, which is run once: most come again and again.
const Finished& answer_to(const Lines& command) {
  static std::map<Lines, Finished> answers;
  const auto known = answers.find(command);
  return known != answers.end() ? known->second
                                : answers.emplace(command, run_command(command)).first->second;
}

// The following say what is wrong with a command, given as its words; "" if nothing.

std::string wrong_make(const Lines& words) {
  std::string makefile = read_text("Makefile");
  for (const auto& part : fs::directory_iterator(".make")) makefile += read_text(part.path());
  for (const std::string& word : words) {
    const std::string name = word.substr(0, word.find('='));
    if (is_assignment(word) && !has_word(makefile, name)) return "make knows no variable " + name;
  }
  // What a make that runs the tests handed down is not for this one.
  Lines dry = {
      "env", "-u", "MAKEFLAGS", "-u", "MAKELEVEL", "make", "-n", "-C", fs::current_path().string()};
  dry.insert(dry.end(), words.begin() + 1, words.end());
  const Finished& run = answer_to(dry);
  return run.exit_code == 0 ? "" : trimmed(lines_of(run.err + "make fails").front());
}

// The program in words[0] is asked for its help with the subcommand, if there is one.
std::string wrong_program(const Lines& words) {
  const std::string name = words[0].substr(std::string("apps/").size());
  if (!fs::exists("apps/" + name + ".cpp")) return "there is no program " + words[0];
  const std::string program = fs::absolute(LIMBECK_BIN).string() + "/" + name;
  std::string help;
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (!words[i].starts_with('-')) continue;
    if (help.empty()) {
      help = answer_to({program, "--help"}).out;
      if (contains(help, "SUBCOMMAND")) help += answer_to({program, words[1], "--help"}).out;
    }
    const std::string option = words[i].substr(0, words[i].find('='));
    if (!has_word(help, option)) return fmt::format("{} has no option {}", words[0], option);
  }
  return "";
}

// Tests in double are others: that program is asked where it is built, as it is by `make test`.
std::string wrong_filter(const Lines& words) {
  std::string program = "/proc/self/exe";
  if (words[0] == tests_in_double) {
    program = fs::absolute(tests_in_double).string();
    if (!fs::exists(program)) {
      MESSAGE("skipped, for there is no " << tests_in_double << ": the filters of its tests");
      return "";
    }
  }
  Lines list = {program, "--list-test-cases", "--no-skip"};
  list.insert(list.end(), words.begin() + 1, words.end());
  const std::string& out = answer_to(list).out;
  const std::string count = "unskipped test cases passing the current filters: ";
  const std::size_t at = out.find(count);
  if (at == std::string::npos) return "the tests' program does not understand it";
  return out[at + count.size()] == '0' ? "no test passes the filters" : "";
}

std::string wrong_command(Lines words) {
  while (!words.empty() && is_assignment(words.front())) words.erase(words.begin());
  if (words.empty()) return "";
  if (words[0] == "mpirun") {
    words.erase(words.begin(), std::ranges::find_if(words, [](const std::string& word) {
                  return word.starts_with("apps/") && !word.starts_with("apps/cluster/");
                }));
    if (words.empty()) return "mpirun without a program";
  }
  if (words[0].starts_with("./")) words[0].erase(0, 2);
  if (words[0] == "make") return wrong_make(words);
  if (words[0] == tests_program || words[0] == tests_in_double) return wrong_filter(words);
  if (words[0].starts_with("apps/")) return wrong_program(words);
  if (words[0] == "build/digits") return "";  // which the line before compiles
  return std::ranges::find(foreign, words[0]) != foreign.end() ? "" : "unknown command " + words[0];
}

// The commands of a line, one after the other.
std::string wrong_line(const std::string& line) {
  Lines words;
  for (const std::string& word : words_of(line)) {
    if (std::ranges::find(separators, word) == separators.end()) {
      words.push_back(word);
      continue;
    }
    const std::string wrong = wrong_command(words);
    if (!wrong.empty()) return wrong;
    words.clear();
  }
  return wrong_command(words);
}

// Whether code between backticks is a command: "apps/bench", but not "apps/bench.cpp", "apps/" or
// "apps/NAME".
bool is_command(const std::string& code) {
  const std::string first = code.substr(0, code.find(' '));
  if (first == "make" || first == tests_program || first == tests_in_double) return true;
  const std::string name = fs::path(first).filename().string();
  return first.starts_with("apps/") && !name.empty() && !contains(name, ".") &&
         !contains(first, "*") && !std::isupper(static_cast<unsigned char>(name[0])) &&
         !fs::is_directory(first);
}

// The commands of a README, each with its line: a \ at the end of a line goes on on the next.
std::vector<Piece> commands(const Markdown& markdown) {
  std::vector<Piece> found;
  for (const Block& block : markdown.blocks) {
    const bool shell = block.language == "sh";
    if (!shell && !block.language.empty()) continue;
    bool goes_on = false;
    for (std::size_t i = 0; i < block.lines.size(); ++i) {
      std::string line = trimmed(block.lines[i]);
      const bool prompt = line.starts_with("$ ");
      if (!shell && !prompt && !goes_on) continue;
      if (prompt) line.erase(0, 2);
      if (!goes_on) found.push_back({"", block.line + static_cast<int>(i) + 1});
      goes_on = line.ends_with('\\');
      if (goes_on) line.pop_back();
      found.back().text += line;
    }
  }
  for (const Piece& code : markdown.code) {
    if (is_command(code.text)) found.push_back(code);
  }
  return found;
}

// What is wrong with a README's commands: a sentence each.
Lines complaints(const std::string& readme, const std::string& text) {
  Lines found;
  for (const Piece& command : commands(parse_markdown(text))) {
    const std::string wrong = wrong_line(command.text);
    if (!wrong.empty()) found.push_back(fmt::format("{}:{}: {}", readme, command.line, wrong));
  }
  return found;
}

}  // namespace

TEST_CASE("the check of the READMEs' commands finds those that would fail") {
  const auto check = [](const std::string& text) { return joined(complaints("README.md", text)); };
  const auto sh = [&](const std::string& line) { return check("```sh\n" + line + "\n```\n"); };
  CHECK(sh("make -n lint && make test SAN=1 OPT='-O2 -g'  # checks") == "");
  CHECK(sh("MNIST_DIR=d ./apps/mnist_distill --alpha 0.1 \\\n  --json=f | make run") == "");
  CHECK(sh("# a comment\n\napps/distill_study temperature --quick; cd apps") == "");
  CHECK(sh(tests_program + " -tc='the check of the READMEs*'") == "");
  CHECK(check("```\n$ make run\nmade it\n```\n```python\nfirst()\n```\n") == "");
  CHECK(check("`make`, `apps/bench.cpp`, `apps/`, `apps/NAME`, `apps/*/`, `makes none`") == "");

  CHECK(contains(sh("make none"), "README.md:2: make: *** No rule to make target 'none'"));
  CHECK(sh("make NONE=1") == "README.md:2: make knows no variable NONE");
  CHECK(sh("\napps/none") == "README.md:3: there is no program apps/none");
  CHECK(sh("apps/bench --jso") == "README.md:2: apps/bench has no option --jso");
  CHECK(sh("apps/bench \\\n  --none") == "README.md:2: apps/bench has no option --none");
  CHECK(sh("make run | apps/bench -x") == "README.md:2: apps/bench has no option -x");
  CHECK(sh("apps/distill_study alpha --none") ==
        "README.md:2: apps/distill_study has no option --none");
  CHECK(sh(tests_program + " -tc='none'") == "README.md:2: no test passes the filters");
  CHECK(sh("mpirun -n 2 apps/bench --json") == "");
  CHECK(sh("mpirun -n 2 apps/bench --none") == "README.md:2: apps/bench has no option --none");
  CHECK(sh("mpirun -n 2") == "README.md:2: mpirun without a program");
  CHECK(sh("rm -r apps") == "README.md:2: unknown command rm");
  CHECK(check("```\n$ made it\n```") == "README.md:2: unknown command made");
  CHECK(check("`apps/bench --none`") == "README.md:1: apps/bench has no option --none");
  CHECK(check("`apps/none`") == "README.md:1: there is no program apps/none");
}

TEST_CASE("every command in a README can be given") {
  check_readmes(complaints);
}

TEST_CASE(
    "the job files for clusters are read by a shell and a YAML parser, and give known options") {
  int files = 0;
  for (const auto& entry : fs::directory_iterator("apps/cluster")) {
    const std::string path = entry.path().string(), kind = entry.path().extension().string();
    CAPTURE(path);
    if (kind != ".sbatch" && kind != ".yaml") continue;
    ++files;
    std::string text = read_text(path);
    Lines words;
    if (kind == ".sbatch") {
      CHECK(run_command({"bash", "-n", fs::absolute(path).string()}).err == "");
      CHECK(text.starts_with("#!/bin/bash\n"));
      for (std::size_t at; (at = text.find("\\\n")) != std::string::npos;) text.erase(at, 2);
      const Lines lines = lines_of(text);
      const auto run = std::ranges::find_if(
          lines, [](const std::string& line) { return line.starts_with("exec "); });
      REQUIRE(run != lines.end());
      words = words_of(*run);
    } else {
      CHECK_FALSE(contains(text, "\t"));
      const Finished parsed =
          run_command({"python3", "-c", "import sys, yaml; yaml.safe_load(open(sys.argv[1]))",
                       fs::absolute(path).string()});
      if (parsed.exit_code == 127 || contains(parsed.err, "ModuleNotFoundError")) {
        MESSAGE("skipped, for there is no YAML parser: whether " << path << " is YAML");
      } else {
        CHECK(parsed.err == "");
      }
      for (const std::string& line : lines_of(text)) {
        const std::string item = trimmed(line);
        if (item.starts_with("- ")) words.push_back(words_of(item.substr(2)).front());
      }
    }
    words.erase(words.begin(), std::ranges::find_if(words, [](const std::string& word) {
                  return word.starts_with("apps/");
                }));
    REQUIRE_FALSE(words.empty());
    std::erase_if(words, [](const std::string& word) { return word.starts_with("${"); });
    CHECK(wrong_program(words) == "");
  }
  CHECK(files == 3);
}
