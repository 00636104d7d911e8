// figures: draws the pictures of the chapters anew, each where its chapter shows it.
#include <fmt/format.h>

#include <filesystem>

#include "apps/chapters/figures.h"
#include "apps/common/program.h"
#include "core/files/file.h"

using namespace limbeck;

int main(int argc, char** argv) {
  std::string out = ".";
  const auto draw = [&] {
    for (const Figure& figure : all_figures()) {
      const std::filesystem::path file = std::filesystem::path(out) / figure.file;
      std::filesystem::create_directories(file.parent_path());
      write_file("figures", file.string(), figure.svg);
      fmt::print("{}\n", file.string());
    }
  };
  return run_program(
      {.name = "figures",
       .description = "Draws the pictures of the chapters, core/README.md and so on, as SVG files.",
       .add_options =
           [&](Options& options) {
             options.add("--out", out, "The folder that has the chapters' folders in it")
                 .show_default();
           },
       .work = draw},
      argc, argv);
}
