// A study's chart: its XML is read back and measured.
#include "apps/study/chart.h"

#include <cstdio>
#include <limits>
#include <map>
#include <set>

#include "tests/apps/xml_reader.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

struct Place {
  double x, y;
};

// The point that a path begins at.
Place start_of(const Element& path) {
  Place place = {missing, missing};
  REQUIRE(std::sscanf(path.at("d").c_str(), "M%lf,%lf", &place.x, &place.y) == 2);
  return place;
}

std::vector<Place> marks(const Chart& chart) {
  std::vector<Place> places;
  for (const Element& marker : with_role(svg(chart), "marker")) places.push_back(start_of(marker));
  return places;
}

Chart chart_of(std::vector<Point> points) {
  Chart chart;
  chart.title = "a title";
  chart.series = {{"a series", std::move(points)}};
  return chart;
}

}  // namespace

TEST_CASE("the reader of XML refuses what is not well-formed") {
  CHECK(elements("<a b=\"1 &lt; 2\">x &amp; y<c/></a>\n").at(0).text == "x & y");
  CHECK(elements("<a b=\"1 &lt; 2\"/>").at(0).at("b") == "1 < 2");
  for (const char* broken :
       {"<a>", "<a></b>", "</a>", "<a/><b/>", "<a/>text", "<a>1 & 2</a>", "<a>&x;</a>", "<a b=1/>",
        "<a b=\"1\" b=\"2\"/>", "<a b=\"<\"/>", "<a b=\"1\"c=\"2\"/>", "<a", "<>", "<a>\x01</a>"}) {
    CAPTURE(broken);
    CHECK(error_of([&] { elements(broken); }).starts_with("xml: "));
  }
}

TEST_CASE("a chart is well-formed, whatever its texts hold, and says what it is") {
  const std::string wild = "<b> & \"c\" > 'd' ]]> é";
  Chart chart = chart_of({{1, 1, 0.5}, {2, 3}});
  chart.title = chart.x_label = chart.y_label = chart.series[0].name = wild;
  chart.levels = {{wild, 2}};
  const std::vector<Element> all = elements(svg(chart));
  CHECK(all[0].name == "svg");
  CHECK(all[0].at("role") == "img");
  CHECK(all[0].at("aria-label") == wild);
  CHECK(all[0].at("viewBox") == "0 0 720 440");
  CHECK(all[1].name == "title");
  CHECK(all[1].text == wild);
  CHECK(texts_of(with_role(svg(chart), "name")) == Texts{wild, wild});
  CHECK(contains(svg(chart), "prefers-color-scheme:dark"));
  chart.title = "a\x01z";
  CHECK(elements(svg(chart)).at(1).text == "a z");
}

TEST_CASE("a point lies where its value is on the axes") {
  const std::vector<Place> p = marks(chart_of({{0, 10}, {1, 40}, {2, 20}, {4, 50}, {8, 30}}));
  REQUIRE(p.size() == 5);
  for (std::size_t i = 1; i < 5; ++i) CHECK(p[i].x > p[i - 1].x);
  CHECK(p[0].y > p[2].y);  // up is down in a picture
  CHECK(p[2].y > p[4].y);
  CHECK(p[4].y > p[1].y);
  CHECK(p[1].y > p[3].y);
  CHECK(p[4].x - p[3].x == doctest::Approx(4 * (p[1].x - p[0].x)).epsilon(1e-3));
  CHECK(p[0].y - p[3].y == doctest::Approx(4 * (p[0].y - p[2].y)).epsilon(1e-3));
}

TEST_CASE("the values beside the axes are those of the points there") {
  const Chart chart = chart_of({{0, 20}, {2, 40}, {4, 10}});
  const std::string document = svg(chart);
  const std::vector<Place> points = marks(chart);
  std::map<std::string, double> x, y;
  for (const Element& tick : with_role(document, "x-tick")) x[tick.text] = tick.number("x");
  for (const Element& tick : with_role(document, "y-tick")) y[tick.text] = tick.number("y") - 4;
  REQUIRE(x.contains("2.0"));
  REQUIRE(y.contains("40"));
  CHECK(x.at("2.0") == doctest::Approx(points[1].x).epsilon(1e-3));
  CHECK(y.at("40") == doctest::Approx(points[1].y).epsilon(1e-3));
  CHECK(y.at("20") == doctest::Approx(points[0].y).epsilon(1e-3));
}

TEST_CASE("a y axis has a few ticks from below all values to above them, at any scale") {
  for (const double scale : {1e-12, 1e-3, 0.25, 1.0, 7.0, 300.0, 1e5, 1e9}) {
    CAPTURE(scale);
    const Chart chart = chart_of({{0, 3 * scale}, {1, 4.5 * scale}});
    const std::vector<Place> points = marks(chart);
    const std::vector<Element> ticks = with_role(svg(chart), "y-tick");
    CHECK(ticks.size() >= 4);
    CHECK(ticks.size() <= 9);
    CHECK(ticks.front().number("y") - 4 > points[0].y);
    CHECK(ticks.back().number("y") - 4 < points[1].y);
    for (std::size_t i = 1; i < ticks.size(); ++i) CHECK(ticks[i].text != ticks[i - 1].text);
  }
  const auto labels = [](const Chart& chart) { return texts_of(with_role(svg(chart), "y-tick")); };
  CHECK(labels(chart_of({{0, 2}, {1, 9}})) == Texts{"0", "2", "4", "6", "8", "10"});
  CHECK(labels(chart_of({{0, 0.902}, {1, 0.938}})) ==
        Texts{"0.90", "0.91", "0.92", "0.93", "0.94"});
  CHECK(labels(chart_of({{0, 0}, {1, 8e-7}})).at(1) == "2·10⁻⁷");
  CHECK(labels(chart_of({{0, 0}, {1, 0}})).front() == "0");
}

TEST_CASE("a logarithmic axis spaces 1, 10 and 100 evenly and a linear one does not") {
  Chart chart = chart_of({{1, 1}, {10, 2}, {100, 3}});
  std::vector<Place> p = marks(chart);
  CHECK(p[2].x - p[1].x > 5 * (p[1].x - p[0].x));
  chart.log_x = true;
  p = marks(chart);
  CHECK(p[2].x - p[1].x == doctest::Approx(p[1].x - p[0].x).epsilon(1e-3));
  CHECK(p[1].x - p[0].x > 100);
  const std::vector<Element> ticks = with_role(svg(chart), "x-tick");
  CHECK(texts_of(ticks) == Texts{"1", "10", "100"});
  CHECK(ticks[1].number("x") == doctest::Approx(p[1].x).epsilon(1e-3));
}

TEST_CASE("a logarithmic axis is marked at few values of its own, or else at 1, 2, 5 × 10^k") {
  const auto labels = [](int points, double first, double ratio) {
    Chart chart = chart_of({});
    chart.log_x = true;
    double x = first;
    for (int i = 0; i < points; ++i, x *= ratio) chart.series[0].points.push_back({x, 1});
    return texts_of(with_role(svg(chart), "x-tick"));
  };
  CHECK(labels(4, 3, 2) == Texts{"3", "6", "12", "24"});
  CHECK(labels(13, 3, 1.3) == Texts{"5", "10", "20", "50"});
  CHECK(labels(13, 1e-3, 10) == Texts{"0.001", "0.01", "0.1", "1", "10", "100", "1000", "10000",
                                      "10⁵", "10⁶", "10⁷", "10⁸", "10⁹"});
  CHECK(labels(13, 1, 1.02) == Texts{"1.0", "1.1", "1.2"});  // no two of 1, 2, 5 lie in it
}

TEST_CASE("no line of the grid lies outside the chart") {
  Chart chart = chart_of({});
  for (int i = 0; i < 20; ++i) chart.series[0].points.push_back({3 + 2.5 * i, 1.0 + i});
  for (const bool log_x : {false, true}) {
    chart.log_x = log_x;
    const Element axis = with_role(svg(chart), "axis").at(0);
    const std::vector<Element> grid = with_role(svg(chart), "grid");
    CHECK(grid.size() > 8);
    for (const Element& line : grid) {
      CHECK(line.number("x1") >= axis.number("x1"));
      CHECK(line.number("x2") <= axis.number("x2"));
      CHECK(line.number("y2") <= axis.number("y1"));
    }
  }
}

TEST_CASE("names of ticks that would touch are left out") {
  Chart chart = chart_of({{1000, 1}, {1001, 1}, {1e6, 1}});
  chart.log_x = true;
  CHECK(texts_of(with_role(svg(chart), "x-tick")) == Texts{"1000", "10⁶"});
}

TEST_CASE("an error bar is drawn only for a spread above 0, as far up as down") {
  const Chart chart =
      chart_of({{0, 10}, {1, 12, 4}, {2, 14, -3}, {3, 16, missing}, {4, 20, infinity}});
  const std::vector<Place> points = marks(chart);
  const std::vector<Element> bars = with_role(svg(chart), "bar");
  REQUIRE(bars.size() == 1);
  const Place low = start_of(bars[0]);
  double high = missing;
  REQUIRE(std::sscanf(bars[0].at("d").c_str(), "M%*f,%*fV%lf", &high) == 1);
  CHECK(low.x == points[1].x);
  CHECK(low.y - points[1].y == doctest::Approx(points[1].y - high).epsilon(1e-3));
  CHECK(high == doctest::Approx(points[3].y).epsilon(1e-3));  // 12 + 4
  CHECK(with_role(svg(chart_of({{0, 1}, {1, 2}})), "bar").empty());
}

TEST_CASE("a value that is not finite is a gap in the line") {
  const auto lengths = [](const std::vector<Point>& points) {
    std::vector<std::ptrdiff_t> found;
    for (const Element& line : with_name(svg(chart_of(points)), "polyline")) {
      found.push_back(std::ranges::count(line.at("points"), ','));
    }
    return found;
  };
  using Lengths = std::vector<std::ptrdiff_t>;
  CHECK(lengths({{0, 1}, {1, 2}, {2, 3}, {3, 4}}) == Lengths{4});
  CHECK(lengths({{0, 1}, {1, 2}, {2, missing}, {3, 4}, {4, 3}, {5, 2}}) == Lengths{2, 3});
  CHECK(lengths({{0, 1}, {1, 2}, {missing, 2}, {3, 4}, {4, -infinity}, {5, 2}}) == Lengths{2});
  CHECK(marks(chart_of({{0, 1}, {1, 2}, {missing, 2}, {3, 4}, {4, infinity}, {5, 2}})).size() == 4);
}

TEST_CASE("no two names overlap, and each is near its line's end if there is room") {
  Chart chart = chart_of({{0, 0}, {1, 100}});
  for (int i = 0; i < 9; ++i) {
    chart.series.push_back({fmt::format("name {}", i), {{0, 1.0 * i}, {1, 0.1 * i}}});
  }
  chart.series[4].name = "a name so long that one line will never hold it";
  chart.levels = {{"level", 0}};
  const std::vector<Element> names = with_role(svg(chart), "name");
  REQUIRE(names.size() == 12);  // 10 series, one of them in two lines, and a level
  CHECK(names.front().text == "a series");
  CHECK(names.front().number("y") == doctest::Approx(marks(chart)[1].y + 4).epsilon(1e-3));
  CHECK(names.back().text == "level");
  for (std::size_t i = 1; i < names.size(); ++i) {
    CHECK(names[i].number("y") - names[i - 1].number("y") >= 14.9);
  }
  const double below = with_role(svg(chart), "x-tick").at(0).number("y");
  for (const Element& name : names) CHECK(name.number("y") < below);
}

TEST_CASE("a name of one long word is broken between characters") {
  Chart chart = chart_of({{0, 0}, {1, 1}});
  std::string word;
  for (int i = 0; i < 30; ++i) word += "xé";
  chart.series[0].name = word;
  const Texts lines = texts_of(with_role(svg(chart), "name"));
  REQUIRE(lines.size() == 3);
  CHECK(lines[0] + lines[1] + lines[2] == word);
  CHECK(lines[0].size() > lines[2].size());
  for (const std::string& line : lines) {
    CHECK(!line.starts_with("\xa9"));  // the second byte of é
  }
}

TEST_CASE("series differ in colour and in the shape of their markers") {
  Chart chart;
  std::set<std::string> colours, shapes, both;
  for (int i = 0; i < 12; ++i) chart.series.push_back({"", {{1, 1.0 * i}}});
  std::vector<std::string> colour;
  for (const Element& group : with_name(svg(chart), "g")) colour.push_back(group.at("class"));
  const std::vector<Element> markers = with_role(svg(chart), "marker");
  REQUIRE(colour.size() == 12);
  REQUIRE(markers.size() == 12);
  for (std::size_t i = 0; i < 12; ++i) {
    const std::string shape = markers[i].at("d").substr(markers[i].at("d").find('m'));
    if (i < 6) CHECK(colours.insert(colour[i]).second);
    if (i < 6) CHECK(shapes.insert(shape).second);
    CHECK(both.insert(colour[i] + shape).second);
  }
  const std::string style = with_name(svg(chart), "style").at(0).text;
  std::set<std::string> inks;
  for (const std::string& name : colours) {
    const std::size_t rule = style.find("." + name + "{color:#");
    REQUIRE(rule != std::string::npos);
    CHECK(inks.insert(style.substr(rule + name.size() + 8, 7)).second);
  }
}

TEST_CASE("a level lies at its value, in the colour of its series") {
  Chart chart = chart_of({{0, 1}, {1, 2}});
  chart.levels = {{"as the second point", 2, 0}, {"above all points", 30}, {"none", missing}};
  const std::vector<Element> levels = with_role(svg(chart), "level");
  REQUIRE(levels.size() == 2);
  CHECK(levels[0].is("c0"));
  CHECK(levels[0].at("y1") == levels[0].at("y2"));
  CHECK(levels[0].number("y1") == doctest::Approx(marks(chart)[1].y).epsilon(1e-3));
  CHECK(levels[1].is("muted"));
  CHECK(levels[1].number("y1") < levels[0].number("y1") - 100);
  CHECK(levels[1].number("y1") > 0);
}

TEST_CASE("a chart refuses what it cannot draw") {
  const auto refusal = [](const Chart& chart) { return error_of([&] { svg(chart); }); };
  const std::string none = "svg: the chart \"a title\" has no point with finite coordinates";
  Chart chart = chart_of({{1, missing}, {infinity, 1}});
  CHECK(refusal(chart) == none);
  chart.levels = {{"", 1}};
  CHECK(refusal(chart) == none);
  chart.series.clear();
  CHECK(refusal(chart) == none);
  chart = chart_of({{1, 1}, {0, 2}});
  CHECK(refusal(chart) == "(no error)");
  chart.log_x = true;
  CHECK(refusal(chart) == "svg: a logarithmic axis holds x above 0; \"a series\" has 0");
  chart = chart_of({{1, 1}});
  chart.levels = {{"l", 1, 1}};
  CHECK(refusal(chart) == "svg: the level \"l\" has the colour of series 1; there are 1");
  chart.levels = {{"l", 1, -2}};
  CHECK(refusal(chart) == "svg: the level \"l\" has the colour of series -2; there are 1");
  CHECK(refusal(chart_of({{1, 1e305}})) == "svg: no axis holds 1e+305 to 1e+305");
  chart.levels = std::vector<Level>(40, {"l", 1});
  CHECK(contains(refusal(chart), "svg: the names need 41 lines and the chart has room for"));
}
