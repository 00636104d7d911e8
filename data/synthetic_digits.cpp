#include "data/synthetic_digits.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "core/error.h"
#include "core/parallel.h"

namespace limbeck {
namespace {

constexpr Index side = 28;  // pixels

struct Point {
  double x, y;
};
Point operator+(Point a, Point b) {
  return {a.x + b.x, a.y + b.y};
}
Point operator-(Point a, Point b) {
  return {a.x - b.x, a.y - b.y};
}
Point operator*(double s, Point a) {
  return {s * a.x, s * a.y};
}

using Stroke = std::vector<Point>;  // control points of a smooth curve through all of them
using Glyph = std::vector<Stroke>;  // one way of writing a digit; corners are ends of strokes

// The copybook. x to the right from 0 to 1, y down from 0 to 1.
const std::array<std::vector<Glyph>, 10>& copybook() {
  static const std::array<std::vector<Glyph>, 10> book = {{
      // 0: an oval; and one that closes with an overlap at the top
      {{{{0.5, 0},
         {0.2, 0.12},
         {0.08, 0.5},
         {0.2, 0.88},
         {0.5, 1},
         {0.8, 0.88},
         {0.92, 0.5},
         {0.8, 0.12},
         {0.5, 0}}},
       {{{0.62, 0.02},
         {0.28, 0.08},
         {0.1, 0.5},
         {0.24, 0.9},
         {0.54, 0.98},
         {0.84, 0.8},
         {0.88, 0.4},
         {0.66, 0.06},
         {0.4, 0.1}}}},
      // 1: a stroke; with a hook; with hook and foot
      {{{{0.5, 0}, {0.5, 0.5}, {0.5, 1}}},
       {{{0.28, 0.26}, {0.42, 0.14}, {0.56, 0}}, {{0.56, 0}, {0.55, 0.5}, {0.53, 1}}},
       {{{0.3, 0.22}, {0.52, 0}}, {{0.52, 0}, {0.52, 1}}, {{0.26, 1}, {0.78, 1}}}},
      // 2: with a straight base; with a loop at the foot
      {{{{0.12, 0.24}, {0.3, 0.03}, {0.62, 0.02}, {0.82, 0.24}, {0.7, 0.5}, {0.4, 0.76}, {0.1, 1}},
        {{0.1, 1}, {0.5, 0.98}, {0.92, 0.99}}},
       {{{0.14, 0.2},
         {0.4, 0},
         {0.74, 0.1},
         {0.76, 0.38},
         {0.48, 0.74},
         {0.22, 0.96},
         {0.12, 0.86},
         {0.28, 0.78},
         {0.56, 0.94},
         {0.9, 0.94}}}},
      // 3: two bows; with a flat top
      {{{{0.14, 0.14}, {0.4, 0}, {0.76, 0.1}, {0.74, 0.36}, {0.42, 0.48}},
        {{0.42, 0.48}, {0.8, 0.56}, {0.88, 0.8}, {0.56, 1}, {0.12, 0.88}}},
       {{{0.14, 0.02}, {0.82, 0.02}},
        {{0.82, 0.02}, {0.44, 0.42}},
        {{0.44, 0.42}, {0.82, 0.52}, {0.84, 0.84}, {0.5, 1}, {0.12, 0.88}}}},
      // 4: open; closed at the top
      {{{{0.26, 0.02}, {0.16, 0.3}, {0.12, 0.56}, {0.46, 0.58}, {0.86, 0.54}},
        {{0.74, 0.04}, {0.7, 0.5}, {0.66, 1}}},
       {{{0.66, 0}, {0.38, 0.32}, {0.08, 0.66}},
        {{0.08, 0.66}, {0.5, 0.66}, {0.94, 0.66}},
        {{0.66, 0}, {0.66, 0.5}, {0.66, 1}}}},
      // 5: in two strokes
      {{{{0.26, 0.02}, {0.2, 0.44}},
        {{0.26, 0.02}, {0.54, 0.02}, {0.86, 0.02}},
        {{0.2, 0.44}, {0.52, 0.36}, {0.86, 0.54}, {0.84, 0.84}, {0.52, 1}, {0.12, 0.9}}},
       {{{0.82, 0.02},
         {0.36, 0.04},
         {0.24, 0.42},
         {0.6, 0.38},
         {0.84, 0.6},
         {0.74, 0.9},
         {0.44, 1},
         {0.14, 0.9}}}},
      // 6: a bow into a loop; with a straighter back
      {{{{0.74, 0.04},
         {0.44, 0.14},
         {0.2, 0.48},
         {0.16, 0.8},
         {0.44, 1},
         {0.78, 0.9},
         {0.82, 0.66},
         {0.54, 0.52},
         {0.2, 0.7}}},
       {{{0.56, 0},
         {0.26, 0.46},
         {0.14, 0.76},
         {0.34, 0.99},
         {0.7, 0.94},
         {0.78, 0.7},
         {0.5, 0.58},
         {0.2, 0.78}}}},
      // 7: two strokes; with a bar; with a serif
      {{{{0.1, 0.04}, {0.5, 0.03}, {0.88, 0.02}}, {{0.88, 0.02}, {0.6, 0.48}, {0.4, 1}}},
       {{{0.1, 0.04}, {0.5, 0.03}, {0.88, 0.02}},
        {{0.88, 0.02}, {0.6, 0.48}, {0.42, 1}},
        {{0.3, 0.52}, {0.82, 0.48}}},
       {{{0.12, 0.18}, {0.14, 0.02}},
        {{0.14, 0.02}, {0.5, 0.06}, {0.86, 0.02}},
        {{0.86, 0.02}, {0.7, 0.4}, {0.58, 1}}}},
      // 8: one line; two rings
      {{{{0.74, 0.12},
         {0.44, 0},
         {0.2, 0.2},
         {0.46, 0.46},
         {0.82, 0.74},
         {0.56, 1},
         {0.2, 0.84},
         {0.42, 0.54},
         {0.76, 0.26},
         {0.7, 0.08}}},
       {{{0.5, 0}, {0.24, 0.1}, {0.26, 0.36}, {0.5, 0.46}, {0.76, 0.34}, {0.76, 0.1}, {0.5, 0}},
        {{0.5, 0.46},
         {0.18, 0.6},
         {0.18, 0.9},
         {0.5, 1},
         {0.84, 0.88},
         {0.82, 0.58},
         {0.5, 0.46}}}},
      // 9: a ring and a straight stem; a ring and a bow
      {{{{0.78, 0.2}, {0.52, 0}, {0.2, 0.14}, {0.2, 0.42}, {0.5, 0.54}, {0.78, 0.3}},
        {{0.8, 0.06}, {0.76, 0.5}, {0.7, 1}}},
       {{{0.8, 0.24},
         {0.54, 0},
         {0.22, 0.12},
         {0.2, 0.4},
         {0.5, 0.52},
         {0.8, 0.26},
         {0.82, 0.6},
         {0.62, 0.94},
         {0.24, 0.96}}}},
  }};
  return book;
}

// A Catmull-Rom curve through the control points, as a chain of short lines.
std::vector<Point> trace(const Stroke& stroke) {
  constexpr int pieces = 8;
  std::vector<Point> line = {stroke.front()};
  const auto last = static_cast<Index>(stroke.size()) - 1;
  const auto at = [&](Index i) {
    return stroke[static_cast<std::size_t>(std::clamp<Index>(i, 0, last))];
  };
  for (Index i = 0; i < last; ++i) {
    const Point p0 = at(i - 1), p1 = at(i), p2 = at(i + 1), p3 = at(i + 2);
    for (int s = 1; s <= pieces; ++s) {
      const double t = static_cast<double>(s) / pieces;
      const double t2 = t * t, t3 = t2 * t;
      line.push_back(0.5 *
                     ((2.0 * p1) + t * (p2 - p0) + t2 * (2.0 * p0 - 5.0 * p1 + 4.0 * p2 - p3) +
                      t3 * (3.0 * p1 - p0 - 3.0 * p2 + p3)));
    }
  }
  return line;
}

// The hand: from the unit square of the copybook to pixels, with all that makes one writing differ
// from another.
class Hand {
 public:
  Hand(Rng& rng, double difficulty) {
    const auto vary = [&](double sigma) { return difficulty * sigma * rng.normal(); };
    for (Wave& wave : waves_) {  // a sum of plane waves longer than half the digit: a smooth field
      wave = {.direction = {rng.uniform(-1.6, 1.6), rng.uniform(-1.6, 1.6)},
              .phase = rng.uniform(0, 2 * std::numbers::pi),
              .push = {vary(0.028), vary(0.028)}};
    }
    const double angle = vary(0.16);
    const double slant = vary(0.22);
    const double height = 19 * std::exp(vary(0.09));
    const double width = 13.5 * std::exp(vary(0.16));
    // rotation · slant · scale
    xx_ = width * std::cos(angle);
    yx_ = width * std::sin(angle);
    xy_ = height * (-slant * std::cos(angle) - std::sin(angle));
    yy_ = height * (std::cos(angle) - slant * std::sin(angle));
    middle_ = {side / 2.0 - 0.5 + vary(0.9), side / 2.0 - 0.5 + vary(0.9)};
  }

  Point place(Point p) const {
    Point q = p;
    for (const Wave& wave : waves_) {
      q = q + std::sin(2 * std::numbers::pi * (wave.direction.x * p.x + wave.direction.y * p.y) +
                       wave.phase) *
                  wave.push;
    }
    q = q - Point{0.5, 0.5};
    return middle_ + Point{xx_ * q.x + xy_ * q.y, yx_ * q.x + yy_ * q.y};
  }

 private:
  struct Wave {
    Point direction{};  // cycles across the digit
    double phase = 0;
    Point push{};  // how far it moves what lies at its crest
  };
  std::array<Wave, 4> waves_;
  double xx_, xy_, yx_, yy_;
  Point middle_{};
};

double distance(Point p, Point a, Point b) {
  const Point ab = b - a, ap = p - a;
  const double length2 = ab.x * ab.x + ab.y * ab.y;
  const double t = length2 > 0 ? std::clamp((ap.x * ab.x + ap.y * ab.y) / length2, 0.0, 1.0) : 0;
  return std::hypot(ap.x - t * ab.x, ap.y - t * ab.y);
}

using Canvas = std::array<double, side * side>;  // ink in [0, 1]

// Draws the line from a to b with a round pen: full ink inside, falling off over one pixel at the
// edge.
void draw(Canvas& canvas, Point a, Point b, double radius) {
  const double reach = radius + 0.5;
  const auto pixel = [](double v) { return std::clamp<Index>(static_cast<Index>(v), 0, side - 1); };
  for (Index y = pixel(std::min(a.y, b.y) - reach); y <= pixel(std::max(a.y, b.y) + reach + 1);
       ++y) {
    for (Index x = pixel(std::min(a.x, b.x) - reach); x <= pixel(std::max(a.x, b.x) + reach + 1);
         ++x) {
      const Point p{static_cast<double>(x), static_cast<double>(y)};
      double& ink = canvas[static_cast<std::size_t>(y * side + x)];
      ink = std::max(ink, std::clamp(reach - distance(p, a, b), 0.0, 1.0));
    }
  }
}

void write_digit(std::span<std::uint8_t> pixels, std::size_t digit, Rng& rng, double difficulty) {
  const std::vector<Glyph>& ways = copybook()[digit];
  const Glyph& glyph = ways[static_cast<std::size_t>(rng.below(static_cast<Index>(ways.size())))];
  const Hand hand(rng, difficulty);
  const double radius = 1.15 * std::exp(difficulty * 0.28 * rng.normal());
  const double darkness = 1 - difficulty * 0.2 * rng.uniform();
  Canvas canvas{};
  for (Stroke stroke : glyph) {
    for (Point& p : stroke) {
      p = p + difficulty * 0.032 * Point{rng.normal(), rng.normal()};
    }
    const std::vector<Point> line = trace(stroke);
    for (std::size_t i = 0; i + 1 < line.size(); ++i) {
      draw(canvas, hand.place(line[i]), hand.place(line[i + 1]), radius);
    }
  }
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    double ink = darkness * canvas[i];
    if (ink > 0) ink += difficulty * 0.06 * rng.normal();  // paper stays clean, as in MNIST
    pixels[i] = static_cast<std::uint8_t>(std::lround(255 * std::clamp(ink, 0.0, 1.0)));
  }
}

Dataset write_set(Index count, const Rng& rng, double difficulty) {
  Dataset set{.image = {1, side, side}, .classes = 10, .pixels = {}, .class_ids = {}};
  set.pixels.resize(static_cast<std::size_t>(count * side * side));
  Rng order_rng = rng.child(0);
  for (Index place : order_rng.permutation(count)) {
    set.class_ids.push_back(static_cast<std::int32_t>(place % 10));
  }
  parallel_for(count, 64, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      const auto at = static_cast<std::size_t>(i);
      Rng image_rng = rng.child(static_cast<std::uint64_t>(i) + 1);
      write_digit(std::span(set.pixels).subspan(at * side * side, side * side),
                  static_cast<std::size_t>(set.class_ids[at]), image_rng, difficulty);
    }
  });
  return set;
}

}  // namespace

TrainTest synthetic_digits(const SyntheticDigitsOptions& options) {
  constexpr Index most_images = 1'000'000'000;
  if (options.train > most_images || options.test > most_images) {
    fail("synthetic_digits", "at most {} images a set are made; got {} and {}", most_images,
         options.train, options.test);
  }
  if (options.train < 1 || options.test < 1) {
    fail("synthetic_digits", "both sets need at least one image; got {} and {}", options.train,
         options.test);
  }
  if (!(options.difficulty >= 0 && options.difficulty <= 10)) {
    fail("synthetic_digits", "difficulty must be from 0 to 10; got {}", options.difficulty);
  }
  const Rng rng(options.seed);
  return {.train = write_set(options.train, rng.child(0), options.difficulty),
          .test = write_set(options.test, rng.child(1), options.difficulty)};
}

}  // namespace limbeck
