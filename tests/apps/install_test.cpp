// The library in somebody else's project: installed, found by pkg-config and by CMake, linked as a
// shared and as a static library, and gone again. The project is tests/install.
#include <filesystem>

#include "tests/apps/run_program.h"
#include "tests/data/idx_files.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

namespace fs = std::filesystem;

// A shell's command, in the folder `at`, that knows nothing of the make which may run these tests.
Finished shell(const std::string& at, const std::string& command) {
  return run_command({"env", "-u", "MAKEFLAGS", "-u", "MAKELEVEL", "-u", "MFLAGS", "sh", "-c",
                      fmt::format("cd '{}' && {}", at, command)});
}

std::string output_of(const std::string& at, const std::string& command) {
  const Finished run = shell(at, command);
  REQUIRE_MESSAGE(run.exit_code == 0, command << "\n" << run.out << run.err);
  return run.out;
}

bool there_is(const std::string& tool) {
  return run_command({tool, "--version"}).exit_code == 0;
}

// Whether a program of the project has trained: it prints "errors of 500: teacher 50, student 90".
bool learned(const std::string& printed) {
  int images = 0, teacher = 0, student = 0;
  return std::sscanf(printed.c_str(), "errors of %d: teacher %d, student %d", &images, &teacher,
                     &student) == 3 &&
         images == 500 && teacher < 150 && student < 200;  // 450 by guessing
}

// The library in a folder of its own, as `make install` puts it there, and a project that uses it.
struct Installed {
  Folder folder;
  std::string tree = fs::current_path().string();
  std::string prefix = folder.file("prefix"), project = folder.file("project");

  Installed() {
    output_of(tree, fmt::format("make install OPT='-O3 -march=native' PREFIX='{}'", prefix));
    fs::copy("tests/install", project, fs::copy_options::recursive);
  }
};

// Only the usual build is tested: others have their libraries, and these need flags, elsewhere.
bool usual_build() {
  if (std::string(LIMBECK_BIN) == "./apps") return true;
  MESSAGE("skipped: what is installed is the usual build");
  return false;
}

}  // namespace

TEST_CASE("an installed library is used through pkg-config, shared and static, and uninstalled") {
  if (!usual_build()) return;
  const Installed installed;
  const std::string& prefix = installed.prefix;

  const std::string names = output_of(prefix + "/lib", "ls -l liblimbeck.so*");
  CHECK(contains(names, "liblimbeck.so -> liblimbeck.so.0\n"));
  CHECK(contains(names, "liblimbeck.so.0 -> liblimbeck.so.0.1.0\n"));
  CHECK(contains(output_of(prefix + "/lib", "objdump -p liblimbeck.so | grep SONAME"),
                 " liblimbeck.so.0\n"));

  if (there_is("pkg-config")) {
    // It finds its files wherever they are: the folder moves with all that is in it.
    const std::string moved = installed.folder.file("moved");
    fs::rename(prefix, moved);
    const std::string search = fmt::format("PKG_CONFIG_PATH='{}/lib/pkgconfig' ", moved);
    output_of(installed.project, search + "make -j2");
    CHECK(learned(output_of(installed.project, "./limbeck-program")));
    const std::string tasks = output_of(installed.project, search + "make -j2 tasks");
    for (const char* const task : {"group_norm", "conv_transpose", "gru_digits", "own_images",
                                   "resnet8", "three_terms", "own_op"}) {
      CHECK_MESSAGE(contains(tasks, fmt::format("tasks/{}: done\n", task)), tasks);
    }
    output_of(installed.project, search + "make LIMBECK=limbeck-static");
    CHECK(learned(output_of(installed.project, "./limbeck-static-program")));

    CHECK(contains(output_of(installed.project, "objdump -p limbeck-program"), "liblimbeck.so.0"));
    CHECK(
        !contains(output_of(installed.project, "objdump -p limbeck-static-program"), "liblimbeck"));
    fs::rename(moved, prefix);
  } else {
    MESSAGE("skipped in part: pkg-config is not installed");
  }

  output_of(installed.tree, fmt::format("make uninstall PREFIX='{}'", prefix));
  for (const auto& entry : fs::recursive_directory_iterator(prefix)) {
    CHECK_MESSAGE(entry.is_directory(), entry.path().string());  // such as lib, shared with others
    CHECK(!contains(entry.path().filename().string(), "imbeck"));
  }
}

TEST_CASE("the loader takes the installed library for the highest level that the processor has") {
  if (!usual_build()) return;
  if (!there_is("pkg-config")) {
    MESSAGE("skipped: pkg-config is not installed");
    return;
  }
  const Folder folder;
  const std::string prefix = folder.file("prefix");
  // One library stands for all three, which take minutes to compile.
  output_of(
      fs::current_path().string(),
      fmt::format("make install ALL_LEVELS=build/float/liblimbeck.so.0.1.0 PREFIX='{}'", prefix));
  folder.write("asks.cpp",
               "#include <limbeck/core/version.h>\n"
               "int main() { return limbeck::version()[0] == '0' ? 0 : 1; }\n");
  output_of(folder.path(),
            fmt::format("export PKG_CONFIG_PATH='{}/lib/pkgconfig' && "
                        "g++ -std=c++20 asks.cpp $(pkg-config --cflags --libs limbeck) "
                        "-Wl,-rpath,$(pkg-config --variable=libdir limbeck) -o asks && ./asks",
                        prefix));

  // What the loader says of the library that it begins to run, for a processor without these.
  const auto loaded = [&](const std::string& without) {
    const Finished run =
        shell(folder.path(),
              fmt::format("{} LD_DEBUG=libs ./asks 2>&1 | grep 'calling init: .*/liblimbeck'",
                          without.empty() ? "" : "GLIBC_TUNABLES=glibc.cpu.hwcaps=" + without));
    // The path goes by way of where pkg-config's file is: lib/pkgconfig/../../lib/…
    const std::size_t at = run.out.rfind("/lib/");
    REQUIRE_MESSAGE(at != std::string::npos, run.out << run.err);
    return run.out.substr(at + 5, run.out.find('\n', at) - at - 5);
  };
  const std::string v2 = "liblimbeck.so.0", v3 = "glibc-hwcaps/x86-64-v3/liblimbeck.so.0",
                    v4 = "glibc-hwcaps/x86-64-v4/liblimbeck.so.0";
  const bool has_v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool has_v4 = has_v3 && __builtin_cpu_supports("avx512vl");
  CHECK(loaded("") == (has_v4 ? v4 : has_v3 ? v3 : v2));
  CHECK(loaded("-AVX512F") == (has_v3 ? v3 : v2));
  CHECK(loaded("-AVX512F,-AVX2") == v2);
  output_of(fs::current_path().string(), fmt::format("make uninstall PREFIX='{}'", prefix));
  CHECK(!fs::exists(prefix + "/lib/glibc-hwcaps"));
}

TEST_CASE("an installed library is found by CMake") {
  if (!usual_build()) return;
  if (!there_is("cmake")) {
    MESSAGE("skipped: cmake is not installed");
    return;
  }
  const Installed installed;
  output_of(installed.project,
            fmt::format("cmake -B build -DCMAKE_PREFIX_PATH='{}' && cmake --build build -j2",
                        installed.prefix));
  CHECK(learned(output_of(installed.project, "build/example")));
  CHECK(learned(output_of(installed.project, "build/example_static")));

  const Finished other =
      shell(installed.project, fmt::format("sed -i 's/Limbeck 0.1/Limbeck 0.2/' CMakeLists.txt && "
                                           "cmake -B other -DCMAKE_PREFIX_PATH='{}'",
                                           installed.prefix));
  CHECK(other.exit_code != 0);  // a version that may differ in anything
}

TEST_CASE("installed headers define no macro and name no header that stays behind") {
  if (!usual_build()) return;
  const Folder staged;
  output_of(
      fs::current_path().string(),
      fmt::format("make install OPT='-O3 -march=native' DESTDIR='{}' PREFIX=/usr", staged.path()));
  const fs::path include = staged.file("usr/include");
  int headers = 0;
  for (const auto& entry : fs::recursive_directory_iterator(include)) {
    if (!entry.is_regular_file()) continue;
    ++headers;
    std::istringstream lines(read_all(entry.path().string()));
    for (std::string line; std::getline(lines, line);) {
      CHECK_MESSAGE(!line.starts_with("#define"), entry.path().string());
      if (!line.starts_with("#include \"")) continue;
      const std::string included = line.substr(10, line.rfind('"') - 10);
      CHECK_MESSAGE(fs::exists(include / included), entry.path().string() << ": " << included);
    }
  }
  CHECK(headers > 30);
}
