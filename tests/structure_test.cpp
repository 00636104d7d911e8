// The tree's rules, checked on its sources: one arrow between the folders, one door to BLAS. Tests
// run from the root of the project.
#include <filesystem>
#include <map>
#include <set>
#include <sstream>

#include "tests/markdown.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

const std::set<std::string> core = {"core", "core/ops", "core/inspect", "core/files"};

std::set<std::string> core_and(std::initializer_list<const char*> folders) {
  std::set<std::string> all = core;
  all.insert(folders.begin(), folders.end());
  return all;
}

// What each folder may include: folders, and single headers of others. The rest, apps and tests,
// may include anything.
const std::map<std::string, std::set<std::string>> arrow = {
    {"core", {"core"}},
    {"core/ops.h", {"core/ops"}},
    {"core/kernels",
     {"core/kernels", "core/shape.h", "core/window.h", "core/storage.h", "core/scratch.h",
      "core/parallel.h", "core/error.h", "core/built_for.h", "core/function_ref.h"}},
    {"core/ops", {"core", "core/ops", "core/kernels"}},
    {"core/inspect", {"core", "core/inspect"}},
    {"core/files", {"core", "core/files"}},
    {"optim", core_and({"optim"})},
    {"data", core_and({"data", "data/formats"})},
    {"data/formats", core_and({"data", "data/formats"})},
    {"nn", core_and({"nn"})},
    {"nn/train", core_and({"nn", "nn/train", "optim", "data"})},
    {"nn/distill", core_and({"nn", "nn/train", "nn/distill", "optim", "data"})},
    {"nn/distill/methods",
     core_and({"nn", "nn/train", "nn/distill", "nn/distill/methods", "optim", "data"})},
    {"nn/export", core_and({"nn", "nn/export"})},
    {"nn/import", core_and({"nn", "nn/import"})}};

// "nn/train/trainer.h" → "nn/train"; "apps/common/program.h" → "apps/common"
std::string folder_of(const std::string& file) {
  return std::filesystem::path(file).parent_path().string();
}

// The file of an #include line, as it stands between quotes or angle brackets; "" on other lines.
std::string included(const std::string& line) {
  std::istringstream words(line);
  std::string hash, name;
  words >> hash;
  if (hash == "#") words >> name, hash += name;  // # include
  if (!hash.starts_with("#include")) return "";
  const std::size_t open = line.find_first_of("\"<");
  const std::size_t close = line.find_first_of("\">", open + 1);
  if (open == std::string::npos || close == std::string::npos) return "";
  return line.substr(open + 1, close - open - 1);
}

// What a source file breaks of the rules: a sentence each.
std::vector<std::string> violations(const std::string& file, const std::string& text) {
  std::vector<std::string> found;
  const auto of_file = arrow.find(file);
  const auto allowed = of_file != arrow.end() ? of_file : arrow.find(folder_of(file));
  const auto is_allowed = [&](const std::string& name) {
    return allowed == arrow.end() || allowed->second.contains(name) ||
           allowed->second.contains(folder_of(name));
  };
  const std::set<std::string> library = {"core", "nn", "optim", "data"};
  const bool in_library = library.contains(file.substr(0, file.find('/')));
  if (in_library && allowed == arrow.end()) {
    found.push_back(fmt::format("no rule says what {} may include", folder_of(file)));
  }
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const std::string name = included(line);
    const bool ours = !name.empty() && line.find('"') != std::string::npos;
    // Kernels are not installed, so what is may not include them.
    const bool insides = name.starts_with("core/kernels/") && file.ends_with(".h") && in_library &&
                         folder_of(file) != "core/kernels";
    if (ours && (insides || !is_allowed(name))) {
      found.push_back(fmt::format("{} includes {}", file, name));
    }
    if (name.ends_with("cblas.h") && file != "core/kernels/gemm.cpp") {
      found.push_back(
          fmt::format("{} includes {}, which only core/kernels/gemm.cpp may", file, name));
    }
  }
  return found;
}

// The types that a header defines outside of all others, each beside its namespace.
std::vector<std::string> types_in(const std::string& text) {
  std::vector<std::string> types;
  std::string space;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string kind, name;
    words >> kind >> name;
    const bool opens = line.ends_with("{") || line.ends_with("};") || line.ends_with(",");
    if (line.starts_with("namespace")) space = name;
    if (line.starts_with("enum class")) words >> name;
    if (line.starts_with("struct ") || line.starts_with("class ") || line.starts_with("enum ")) {
      if (opens) types.push_back(space + "::" + name);
    }
  }
  return types;
}

}  // namespace

TEST_CASE("no two headers of the library and the programs define types of one name") {
  CHECK(types_in("namespace a {\nstruct B {\n  int c;\n};\nstruct D;\nclass E : public B {\n}") ==
        std::vector<std::string>{"a::B", "a::E"});
  // The tests' program links them all: of two layouts, one would be taken for the other.
  std::map<std::string, std::string> header_of;
  for (const char* folder : {"core", "nn", "optim", "data", "apps"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
      if (entry.path().extension() != ".h") continue;
      const std::string file = entry.path().string();
      for (const std::string& type : types_in(read_text(file))) {
        const auto [at, is_new] = header_of.emplace(type, file);
        const std::string other = at->second;
        CHECK_MESSAGE(is_new, fmt::format("{} is in {} and in {}", type, other, file));
      }
    }
  }
  CHECK(header_of.size() > 100);
}

TEST_CASE("the check of the tree's rules finds what breaks them") {
  const auto complaints = [](const std::string& file, const std::string& text) {
    return joined(violations(file, text));
  };
  CHECK(complaints("core/a.h", "#include \"nn/module.h\"\n") == "core/a.h includes nn/module.h");
  CHECK(complaints("core/a.h", "  #  include \"data/idx.h\"") == "core/a.h includes data/idx.h");
  CHECK(complaints("core/a.h", "#include \"gemm.h\"") == "core/a.h includes gemm.h");
  CHECK(complaints("core/a.h", "#include \"core/ops/softmax.h\"") != "");
  CHECK(complaints("core/a.cpp", "#include \"core/inspect/debug.h\"") != "");
  CHECK(complaints("core/ops.h", "#include \"core/files/file.h\"") != "");
  CHECK(complaints("core/kernels/a.h", "#include \"core/tensor.h\"") != "");
  CHECK(complaints("core/ops/a.h", "#include \"core/kernels/gemm.h\"") != "");
  CHECK(complaints("core/new/a.h", "") == "no rule says what core/new may include");
  CHECK(complaints("nn/a.cpp", "#include \"core/kernels/gemm.h\"") != "");
  CHECK(complaints("nn/train/a.h", "#include \"nn/distill/distiller.h\"") != "");
  CHECK(complaints("optim/a.h", "#include \"nn/module.h\"") != "");
  CHECK(complaints("data/a.h", "#include \"optim/adam.h\"") != "");
  CHECK(complaints("nn/a.h", "#include \"nn/train/trainer.h\"") != "");
  CHECK(complaints("nn/a.h", "#include \"optim/adam.h\"") != "");
  CHECK(complaints("nn/distill/a.h", "#include \"apps/common/program.h\"") != "");
  CHECK(complaints("nn/export/a.h", "#include \"data/dataset.h\"") != "");
  CHECK(complaints("nn/a.cpp", "#include <cblas.h>") ==
        "nn/a.cpp includes cblas.h, which only core/kernels/gemm.cpp may");
  CHECK(complaints("tests/a.cpp", "#include \"openblas/cblas.h\"") != "");

  CHECK(complaints("core/kernels/gemm.cpp",
                   "#include <cblas.h>\n#include \"core/kernels/gemm.h\"") == "");
  CHECK(complaints("core/a.h", "#include <vector>\n// #include \"nn/module.h\"") == "");
  CHECK(complaints("core/ops.h", "#include \"core/ops/softmax.h\"") == "");
  CHECK(complaints("core/ops/a.cpp", "#include \"core/kernels/gemm.h\"") == "");
  CHECK(complaints("core/kernels/a.cpp", "#include \"core/scratch.h\"") == "");
  CHECK(complaints("nn/distill/a.h", "#include \"optim/adam.h\"\n#include \"nn/module.h\"") == "");
  CHECK(complaints("apps/a.cpp", "#include \"nn/train/trainer.h\"") == "");
}

TEST_CASE("the tree keeps its rules") {
  int files = 0;
  for (const char* folder : {"core", "nn", "optim", "data", "apps", "tests"}) {
    REQUIRE_MESSAGE(std::filesystem::is_directory(folder), "run from the root of the project");
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
      const std::string extension = entry.path().extension().string();
      if (extension != ".h" && extension != ".cpp") continue;
      ++files;
      const std::string file = entry.path().string();
      for (const std::string& violation : violations(file, read_text(file))) {
        FAIL_CHECK(violation);
      }
    }
  }
  CHECK(files > 50);  // it did look
}
