// A study's heat maps: their XML is read back and measured.
#include "apps/study/heat_map.h"

#include <cstdio>
#include <limits>

#include "tests/apps/xml_reader.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

HeatMap map_of(std::size_t rows, std::size_t columns, std::vector<double> values) {
  HeatMap map;
  map.title = "a map";
  for (std::size_t i = 0; i < rows; ++i) map.rows.push_back(fmt::format("row {}", i));
  for (std::size_t i = 0; i < columns; ++i) map.columns.push_back(fmt::format("column {}", i));
  map.values = std::move(values);
  return map;
}

std::vector<std::string> cell_colours(const HeatMap& map, double low, double high) {
  std::vector<std::string> colours;
  for (const Element& cell : with_role(svg({map}, low, high), "cell")) {
    colours.push_back(cell.at("fill"));
  }
  return colours;
}

}  // namespace

TEST_CASE("heat maps are well-formed, whatever their texts hold, and say what they are") {
  const std::string wild = "<b> & \"c\" > 'd' ]]> é";
  HeatMap map = map_of(1, 2, {0, 1});
  map.title = map.rows[0] = map.columns[0] = wild;
  map.row_label = map.column_label = map.value_label = wild;
  const std::vector<Element> all = elements(svg({map, map}, 0, 1));
  CHECK(all[0].name == "svg");
  CHECK(all[0].at("role") == "img");
  CHECK(all[0].at("aria-label") == wild + "; " + wild);
  CHECK(all[1].name == "title");
  CHECK(all[1].text == wild + "; " + wild);
}

TEST_CASE("a heat map's extremes, and what is beyond, have the colours at the ends of its bar") {
  const HeatMap map = map_of(2, 3, {-4, 0, -2, -9, 1, -infinity});
  const std::vector<Element> stops = with_name(svg({map}, -4, 0), "stop");
  REQUIRE(stops.size() > 2);
  const std::string dark = stops.front().at("stop-color"), light = stops.back().at("stop-color");
  CHECK(stops.front().number("offset") == 0);
  CHECK(stops.back().number("offset") == 1);
  const std::string middle = stops[stops.size() / 2].at("stop-color");
  CHECK(cell_colours(map, -4, 0) == Texts{dark, light, middle, dark, light, dark});
  CHECK(dark != light);
}

TEST_CASE("a heat map's colours get lighter in even steps") {
  std::vector<double> values;
  for (int i = 0; i <= 60; ++i) values.push_back(i);
  double last = 0;
  for (const std::string& colour : cell_colours(map_of(1, 61, values), 0, 60)) {
    unsigned red = 0, green = 0, blue = 0;
    REQUIRE(std::sscanf(colour.c_str(), "#%2x%2x%2x", &red, &green, &blue) == 3);
    const auto linear = [](unsigned c) { return std::pow(c / 255.0, 2.2); };
    // CIE L*, 0 to 100
    const double lightness =
        116 * std::cbrt(0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)) - 16;
    if (last > 0) {
      CHECK(lightness - last > 0.5);
      CHECK(lightness - last < 2.5);
    }
    last = lightness;
  }
}

TEST_CASE("a heat map's cells tell their values, and one that is NaN is empty") {
  HeatMap map = map_of(1, 3, {-3, -0.5, missing});
  const auto tooltips = [&] {
    std::vector<std::string> texts = texts_of(with_name(svg({map}, -4, 0), "title"));
    texts.erase(texts.begin());  // the document's
    return texts;
  };
  CHECK(tooltips() ==
        Texts{"row 0, column 0: -3", "row 0, column 1: -0.5", "row 0, column 2: empty"});
  map.powers_of_ten = true;
  CHECK(tooltips() ==
        Texts{"row 0, column 0: 10⁻³", "row 0, column 1: 0.316", "row 0, column 2: empty"});
  CHECK(cell_colours(map, -4, 0).at(2) == "none");
  CHECK(cell_colours(map, -4, 0).at(1) != "none");
}

TEST_CASE(
    "the bar of colours is marked with the values, or with the powers of ten they stand for") {
  HeatMap map = map_of(1, 1, {0});
  const auto labels = [&](double low, double high) {
    return texts_of(with_role(svg({map}, low, high), "bar-tick"));
  };
  CHECK(labels(0, 1) == Texts{"0", "0.2", "0.4", "0.6", "0.8", "1.0"});
  map.powers_of_ten = true;
  CHECK(labels(-3, 0) == Texts{"10⁻³", "10⁻²", "10⁻¹", "10⁰"});
  CHECK(labels(-12, 0).front() == "10⁻¹²");
  const std::vector<Element> ticks = with_role(svg({map}, -2, 0), "bar-tick");
  CHECK(ticks.size() == 3);
  CHECK(ticks[0].number("y") - ticks[1].number("y") ==
        doctest::Approx(ticks[1].number("y") - ticks[2].number("y")).epsilon(1e-3));
  CHECK(ticks[0].number("y") > ticks[1].number("y"));
}

TEST_CASE(
    "maps side by side lie in their picture, apart, with rows and columns where they belong") {
  const HeatMap left = map_of(2, 3, {0, 1, 2, 3, 4, 5}), right = map_of(3, 2, {0, 1, 2, 3, 4, 5});
  const std::string document = svg({left, right}, 0, 5);
  const std::vector<Element> cells = with_role(document, "cell");
  REQUIRE(cells.size() == 12);
  const auto x = [&](std::size_t i) { return cells[i].number("x"); };
  const auto y = [&](std::size_t i) { return cells[i].number("y"); };
  CHECK(x(1) > x(0));  // the left map's first row: 0, 1, 2
  CHECK(x(2) - x(1) == x(1) - x(0));
  CHECK(y(2) == y(0));
  CHECK(x(3) == x(0));
  CHECK(y(3) > y(0));
  CHECK(x(6) > x(2) + cells[2].number("width"));  // the right map
  CHECK(y(6) == y(0));
  CHECK(x(8) == x(6));
  CHECK(cells[7].at("fill") == cells[1].at("fill"));  // one scale
  const Element root = elements(document).at(0);
  CHECK(x(11) + cells[11].number("width") < root.number("width"));
  CHECK(y(11) + cells[11].number("height") < root.number("height"));
}

TEST_CASE("a heat map refuses what it cannot draw") {
  const auto refusal = [](const std::vector<HeatMap>& maps, double low, double high) {
    return error_of([&] { svg(maps, low, high); });
  };
  const HeatMap map = map_of(2, 2, {0, 1, 2, 3});
  CHECK(refusal({map}, 0, 3) == "(no error)");
  CHECK(refusal({}, 0, 1) == "svg: there is no heat map to draw");
  for (const auto& [low, high] :
       {std::pair{1.0, 1.0}, {2.0, 1.0}, {missing, 1.0}, {-infinity, 0.0}}) {
    CHECK(contains(refusal({map}, low, high), "svg: a scale of colours wants two finite ends"));
  }
  CHECK(refusal({map_of(2, 2, {0, 1, 2})}, 0, 1) ==
        "svg: the heat map \"a map\" has 2 rows, 2 columns and 3 values");
  CHECK(contains(refusal({map_of(0, 2, {})}, 0, 1), "has 0 rows, 2 columns and 0 values"));
  HeatMap other = map;
  other.powers_of_ten = true;
  CHECK(contains(refusal({map, other}, 0, 1), "maps with one scale need one meaning"));
  other = map;
  other.value_label = "count";
  CHECK(contains(refusal({map, other}, 0, 1), "maps with one scale need one meaning"));
}
