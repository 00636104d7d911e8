// What make builds, on a tree of a few lines: new and deleted sources, warnings, one test alone,
// and a program that says what its processor lacks.
#include <filesystem>
#include <fstream>

#include "core/kernels/processor_features.h"
#include "tests/apps/run_program.h"
#include "tests/data/idx_files.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

namespace fs = std::filesystem;

// Where a file of this build is: programs of the usual one stand beside their sources.
std::string file_of_build(const std::string& file) {
  const std::string programs = LIMBECK_BIN;
  return fs::absolute((programs == "./apps" ? "build/float/" : programs + "/../") + file).string();
}

// The project's Makefile with sources of a test's own, and nothing to install.
class Tree {
 public:
  Tree() {
    fs::copy("Makefile", folder_.path());
    fs::copy(".make", folder_.file(".make"));
    put(".make/common.h", "");
    fs::create_directory(folder_.file("tests"));
    fs::copy("tests/run.sh", folder_.file("tests"));
    put("tests/testing.h", "#pragma once\n");
    put("tests/testing.cpp", "int tested();\nint tested() { return 0; }\n");
    put("tests/main.cpp",
        "#include <cstdio>\nint tests();\n"
        "int main() { std::puts(\"test cases: 1 | 1 passed | 0 failed\"); return tests(); }\n");
    put("core/a.cpp", "int a();\nint a() { return 1; }\n");
    put("build/deps", "");  // later than the Makefile
  }

  void put(const std::string& file, const std::string& text) {
    const fs::path path = folder_.file(file);
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  void remove(const std::string& file) { fs::remove(folder_.file(file)); }
  void set_back(const std::string& file) {  // by an hour
    fs::last_write_time(folder_.file(file),
                        fs::file_time_type::clock::now() - std::chrono::hours(1));
  }

  Finished make(std::vector<std::string> words) const {
    Finished run = run_command(in_tree(std::move(words)));
    return run;
  }
  // The functions of the library, sorted.
  std::string functions() const {
    REQUIRE(make({"build/float/liblimbeck.a"}).exit_code == 0);
    const std::string list = "nm -C --defined-only '" + folder_.file("build/float/liblimbeck.a") +
                             "' | sed -n 's/.* T //p' | sort | tr '\\n' ' '";
    return run_command({"sh", "-c", list}).out;
  }
  std::string path() const { return folder_.path(); }

 private:
  std::vector<std::string> in_tree(std::vector<std::string> words) const {
    std::vector<std::string> all = {"env", "-u",     "MAKEFLAGS", "-u", "MAKELEVEL",
                                    "-u",  "MFLAGS", "make",      "-C", folder_.path()};
    all.insert(all.end(), words.begin(), words.end());
    return all;
  }

  Folder folder_;
};

}  // namespace

TEST_CASE("a new source is in the library, however old it is, and a deleted one is not") {
  Tree tree;
  CHECK(tree.functions() == "a() ");
  tree.put("core/b.cpp", "int b();\nint b() { return 2; }\n");
  tree.set_back("core/b.cpp");
  CHECK(tree.functions() == "a() b() ");
  tree.remove("core/a.cpp");
  CHECK(tree.functions() == "b() ");
}

TEST_CASE("sources of a folder are compiled together, but for those that declare the same name") {
  Tree tree;
  const auto with_private = [](const std::string& name, const std::string& helper) {
    return "int " + name + "();\nnamespace {\nint " + helper + "(int n) { return n; }\n}\nint " +
           name + "() { return " + helper + "(1); }\n";
  };
  tree.put("core/a.cpp", with_private("a", "helper"));
  tree.put("core/b.cpp", with_private("b", "helper"));
  tree.put("core/c.cpp", with_private("c", "other"));
  CHECK(tree.functions() == "a() b() c() ");
  const auto members = [&] {
    return run_command({"ar", "t", tree.path() + "/build/float/liblimbeck.a"}).out;
  };
  CHECK(members() == "b.o\nfull-1.o\n");
  const std::string group = tree.path() + "/build/float/core/full-1.cpp";
  CHECK(read_all(group) == "#include \"core/a.cpp\"\n#include \"core/c.cpp\"\n");
  tree.put("core/c.cpp", with_private("d", "other"));  // what is in a group has changed
  CHECK(tree.functions() == "a() b() d() ");
  tree.put("core/c.cpp", with_private("c", "helper"));
  CHECK(tree.functions() == "a() b() c() ");
  CHECK(members() == "a.o\nb.o\nc.o\n");
}

TEST_CASE("what would hide a name that another source means is not compiled together with it") {
  const std::string group = "/build/float/core/full-1.cpp";
  Tree tree;
  tree.put("core/names.h",
           "#pragma once\nnamespace lib {\nint linear(int n);\nstruct Wire {};\n}\n");
  const std::string include = "#include \"core/names.h\"\n";
  tree.put("core/a.cpp", include + "int lib::linear(int n) { return n; }\n");
  tree.put("core/b.cpp", include + "namespace lib {\nint b();\nint b() { return linear(2); }\n}\n");
  SUBCASE("a variable with the name of a function") {
    tree.put("core/c.cpp",
             "namespace lib {\nint c();\nnamespace {\nconstexpr int linear = 3;\n"
             "}  // namespace\nint c() { return linear; }\n}\n");
    CHECK(tree.functions() == "lib::b() lib::c() lib::linear(int) ");
  }
  SUBCASE("the second of two variables in a line") {
    tree.put("core/c.cpp",
             "int c();\nnamespace {\nconstexpr int one = 1, two = 2;\n"
             "}  // namespace\nint c() { return one + two; }\n");
    tree.put("core/b.cpp",
             "int b();\nnamespace {\nint two() { return 2; }\n"
             "}  // namespace\nint b() { return two(); }\n");
    CHECK(tree.functions() == "b() c() lib::linear(int) ");
  }
  SUBCASE("a type with the name of another") {
    tree.put("core/b.cpp",
             "namespace {\nstruct Wire { int n = 1; };\n}  // namespace\n"
             "int b();\nint b() { return Wire().n; }\n");
    tree.put("core/c.cpp",
             include + "namespace lib {\nint c(Wire);\nint c(Wire) { return 3; }\n}\n");
    CHECK(tree.functions() == "b() lib::c(lib::Wire) lib::linear(int) ");
  }
  SUBCASE("the names of a whole namespace") {
    tree.put("core/b.cpp",
             include + "using namespace lib;\nint b();\nint b() { return linear(2); }\n");
    tree.put("core/c.cpp", "struct Wire {};\nint c(Wire);\nint c(Wire) { return 3; }\n");
    CHECK(tree.functions() == "b() c(Wire) lib::linear(int) ");
  }
  CHECK(!contains(read_all(tree.path() + group), "core/b.cpp\"\n#include \"core/c.cpp"));
}

TEST_CASE("functions of one name that are there for all are compiled together") {
  Tree tree;
  tree.put("core/b.cpp", "int a(int);\nint a(int n) { return n; }\n");
  CHECK(tree.functions() == "a() a(int) ");
  CHECK(read_all(tree.path() + "/build/float/core/full-1.cpp") ==
        "#include \"core/a.cpp\"\n#include \"core/b.cpp\"\n");
}

TEST_CASE("where nothing is to be run, each source is looked at by itself") {
  Tree tree;
  tree.put("core/b.cpp", "int b();\nint b() { return a(); }\n");
  CHECK(tree.make({"build/float/core/full-1.o"}).exit_code == 0);
  const Finished alone = tree.make({"SYNTAX=1", "build/float-syntax/core/b.o"});
  CHECK(alone.exit_code == 2);
  CHECK(contains(alone.err, "core/b.cpp:2:18: error: "));
}

TEST_CASE("a user's build does not stop on a warning; a check of a change does") {
  Tree tree;
  tree.put("core/a.cpp", "int a(int unused) { return 1; }\n");
  const Finished usual = tree.make({"build/float/liblimbeck.a"});
  CHECK(usual.exit_code == 0);
  CHECK(contains(usual.err, "unused parameter"));
  fs::remove_all(tree.path() + "/build/float");
  const Finished strict = tree.make({"WERROR=1", "build/float/liblimbeck.a"});
  CHECK(strict.exit_code == 2);
  CHECK(contains(strict.err, "[-Werror=unused-parameter]"));
}

TEST_CASE("make check-one builds one test with what it needs, and runs it") {
  Tree tree;
  tree.put("core/a.h", "#pragma once\nint a();\n");
  tree.put("data/broken.cpp", "this does not compile\n");
  // What a header of the tests includes is needed, too.
  tree.put("tests/testing.h", "#pragma once\n#include \"core/a.h\"\n");
  tree.put("tests/core/a_test.cpp",
           "#include \"tests/testing.h\"\nint tests() { return a() - 1; }\n");
  tree.put("tests/core/broken_test.cpp", "nor does this\n");
  const Finished run = tree.make({"check-one", "TEST=tests/core/a_test.cpp"});
  CHECK_MESSAGE(run.exit_code == 0, run.err);
  CHECK(contains(run.out, "\n1 passed, 0 failed\n"));
  const Finished none = tree.make({"check-one"});
  CHECK(none.exit_code != 0);
  CHECK(contains(none.out, "make check-one TEST=tests/nn/linear_test.cpp, say"));
}

TEST_CASE("tests are compiled together, each once, also when they grow and go") {
  Tree tree;
  const std::string groups = tree.path() + "/build/float/tests/core/together-";
  const auto made = [&](const std::string& number) {
    REQUIRE(tree.make({"build/float/tests/core/together-" + number + ".cpp"}).exit_code == 0);
    return read_all(groups + number + ".cpp");
  };
  tree.put("tests/core/a_test.cpp", "#include \"core/a.h\"\n\nstatic int of_a;\n");
  tree.put("tests/core/b_test.cpp", "#include \"core/a.h\"\nusing namespace std;\n#include <b>\n");
  CHECK(made("1") ==
        "#include \"core/a.h\"\n"
        "namespace test_file_1 {\n#line 1 \"tests/core/a_test.cpp\"\n\n\nstatic int of_a;\n}\n"
        "namespace test_file_2 {\n#line 1 \"tests/core/b_test.cpp\"\n\nusing namespace std;\n"
        "#include <b>\n}\n");
  tree.put("tests/core/a_test.cpp", std::string(120'000, '\n'));
  tree.set_back("tests/core/a_test.cpp");  // what counts is who is in the group
  tree.put("tests/core/c_test.cpp", "\n");
  CHECK_FALSE(contains(made("2"), "a_test.cpp"));
  CHECK(contains(made("2"), "b_test.cpp"));
  tree.put("tests/core/d_test.cpp", "\n");
  tree.remove("tests/core/b_test.cpp");
  CHECK_FALSE(contains(made("2"), "b_test.cpp"));
  CHECK(contains(made("2"), "d_test.cpp"));
}

TEST_CASE("make stats counts what is there") {
  Tree tree;
  tree.put("core/b.cpp", "// Two.\n\nint b() { return 2; }  // 2\n");
  const std::string out = tree.make({"stats"}).out;
  CHECK(contains(out, "core/                    2       5         3\n"));
  CHECK(contains(out, "the median file has 2 lines\n"));
  tree.put("core/long.cpp", std::string(401, '\n'));
  CHECK(contains(tree.make({"stats"}).out, "core/long.cpp has 401 lines\n"));
}

TEST_CASE("what tells of the processor is compiled for every processor") {
  const Finished run =
      run_command({"objdump", "-d", file_of_build("core/kernels/processor_check.o")});
  REQUIRE(run.exit_code == 0);
  CHECK(contains(run.out, "cpuid"));
  CHECK(!contains(run.out, "%ymm"));
  CHECK(!contains(run.out, "%zmm"));
  CHECK(!contains(run.out, "\tv"));  // what the instructions of AVX begin with
}

TEST_CASE("a program that was built for another processor says so, and is not killed") {
  struct Ability {
    const char* macro;
    const char* name;
    detail::Feature feature;
  };
  constexpr Ability abilities[] = {
#define LIMBECK_FEATURE(macro, name, ...) {#macro, name, detail::Feature::bit_of##macro},
      LIMBECK_X86_FEATURES(LIMBECK_FEATURE)};
#undef LIMBECK_FEATURE
  const std::uint64_t present = detail::processor_features();
  const auto missing = std::ranges::find_if(abilities, [&](const Ability& a) {
    return (present >> static_cast<unsigned>(a.feature) & 1) == 0;
  });
  if (missing == std::end(abilities)) {
    MESSAGE("skipped: this processor has all that there is to lack");
    return;
  }
  // With the library as an archive, as every program has it, but for what it was compiled for.
  const Folder folder;
  std::ofstream(folder.file("main.cpp"))
      << "#include \"core/parallel.h\"\nint main() { return limbeck::threads() < 1; }\n";
  const std::string compiled = fmt::format(
      "g++ -std=c++20 -I. -D{1}=1 -c core/kernels/built_for.cpp -o {0}/built.o && "
      "g++ -std=c++20 -I. -fopenmp {0}/main.cpp {0}/built.o '{2}' -lfmt -o {0}/program",
      folder.path(), missing->macro, file_of_build("liblimbeck.a"));
  const Finished made = run_command(
      {"sh", "-c", fmt::format("cd '{}' && {}", fs::current_path().string(), compiled)});
  REQUIRE_MESSAGE(made.exit_code == 0, made.err);
  const Finished run = run_command({folder.file("program")});
  CHECK(run.exit_code == 1);
  CHECK(contains(run.err, fmt::format("limbeck: this build is for processors that have {}, and "
                                      "this one has not.",
                                      missing->name)));
}

TEST_CASE("make test is the same with another compiler and for another level") {
  Tree tree;
  tree.put("build/deps-clang", "");
  const auto last_line = [&](std::vector<std::string> words) {
    words.insert(words.begin(), "-n");
    words.push_back("test");
    const Finished run = tree.make(words);
    CHECK_MESSAGE(run.exit_code == 0, run.err);
    const std::size_t at = std::min(run.out.rfind("tests/run.sh"), run.out.size());
    return run.out.substr(at, run.out.find('\n', at) - at);
  };
  CHECK(last_line({}) == "tests/run.sh build/float/tests/run -- build/double/tests/run");
  CHECK(last_line({"CXX=clang++"}) ==
        "tests/run.sh build/float-clang/tests/run -- build/double-clang/tests/run");
  CHECK(last_line({"LEVEL=v2"}) ==
        "tests/run.sh build/float-v2/tests/run -- build/double-v2/tests/run");
}
