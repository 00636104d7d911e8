// The chapters' pictures: well-formed, the same in the tree as drawn today, and shown.
#include <cctype>
#include <cstdlib>
#include <filesystem>

#include "apps/chapters/figures.h"
#include "tests/apps/xml_reader.h"
#include "tests/markdown.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

const std::vector<Figure>& figures() {
  static const std::vector<Figure> drawn = all_figures();
  return drawn;
}

bool begins_number(const std::string& text, std::size_t at) {
  const auto digit = [&](std::size_t i) {
    return i < text.size() && std::isdigit(static_cast<unsigned char>(text[i])) != 0;
  };
  return digit(at) || (at < text.size() && text[at] == '-' && digit(at + 1));
}

// What two documents differ in, past numbers that differ by less than `rounding`: machines round
// the last digit differently. "" if in nothing.
std::string drift(const std::string& here, const std::string& there, double rounding) {
  const auto part = [](const std::string& text, std::size_t at) {
    return "\"" + text.substr(at, 40) + "\"";
  };
  std::size_t i = 0, j = 0;
  while (i < here.size() && j < there.size()) {
    if (begins_number(here, i) && begins_number(there, j)) {
      char *end_here = nullptr, *end_there = nullptr;
      const double a = std::strtod(here.c_str() + i, &end_here);
      const double b = std::strtod(there.c_str() + j, &end_there);
      if (!(std::abs(a - b) <= rounding)) return part(here, i) + " and not " + part(there, j);
      i = static_cast<std::size_t>(end_here - here.c_str());
      j = static_cast<std::size_t>(end_there - there.c_str());
    } else if (here[i] == there[j]) {
      ++i, ++j;
    } else {
      return part(here, i) + " and not " + part(there, j);
    }
  }
  if (i == here.size() && j == there.size()) return "";
  return part(here, i) + " and not " + part(there, j);
}

}  // namespace

TEST_CASE("the check for drift passes over rounding and over nothing else") {
  CHECK(drift("<a x=\"1.5\" y=\"-2\"/>", "<a x=\"1.52\" y=\"-2.0\"/>", 0.1) == "");
  CHECK(drift("<a x=\"1.5\"/>", "<a x=\"1.7\"/>", 0.1) == "\"1.5\"/>\" and not \"1.7\"/>\"");
  CHECK(drift("<a x=\"1\"/>", "<a x=\"-1\"/>", 0.1) != "");
  CHECK(drift("<a/>", "<b/>", 0.1) == "\"a/>\" and not \"b/>\"");
  CHECK(drift("<a/>", "<a/><b/>", 0.1) == "\"\" and not \"<b/>\"");
  CHECK(drift("<a/>", "", 0.1) != "");
  CHECK(drift("1 2", "1", 0.1) != "");
}

TEST_CASE("every figure is a well-formed picture with a title, a style and something in it") {
  REQUIRE(figures().size() >= 7);
  for (const Figure& figure : figures()) {
    CAPTURE(figure.file);
    const std::vector<Element> all = elements(figure.svg);
    REQUIRE(all.size() > 5);
    CHECK(all[0].name == "svg");
    CHECK(all[0].at("viewBox") != "");
    CHECK(all[1].name == "title");
    CHECK(all[1].text != "");
    CHECK(contains(figure.svg, "prefers-color-scheme:dark"));
  }
}

TEST_CASE("the pictures in the tree are the ones that the program draws") {
  REQUIRE_MESSAGE(std::filesystem::exists("Makefile"), "run from the root of the project");
  for (const Figure& figure : figures()) {
    const std::string difference = drift(read_text(figure.file), figure.svg, 0.15);
    if (difference.empty()) continue;
    FAIL_CHECK(figure.file << " has " << difference << "; apps/figures draws it anew");
  }
}

TEST_CASE("every picture beside a chapter is one of the figures, and the chapter shows it") {
  for (const std::string folder : {"core", "nn", "nn/distill", "optim", "data"}) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (entry.path().extension() != ".svg") continue;
      const std::string file = entry.path().string();
      const bool drawn = std::ranges::find(figures(), file, &Figure::file) != figures().end();
      if (!drawn) FAIL_CHECK(file << " is drawn by no chapter of apps/chapters");
    }
  }
  for (const Figure& figure : figures()) {
    const std::filesystem::path file = figure.file;
    const std::string chapter = read_text((file.parent_path() / "README.md").string());
    if (!contains(chapter, "](" + file.filename().string() + ")")) {
      FAIL_CHECK(figure.file << " is not shown by the README.md beside it");
    }
  }
}
