#include "data/handwriting.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "core/error.h"
#include "core/parallel.h"

namespace limbeck::detail {
namespace {

constexpr Index side = 28;  // pixels

Point operator+(Point a, Point b) {
  return {a.x + b.x, a.y + b.y};
}
Point operator-(Point a, Point b) {
  return {a.x - b.x, a.y - b.y};
}
Point operator*(double s, Point a) {
  return {s * a.x, s * a.y};
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
    for (Wave& wave :
         waves_) {  // a sum of plane waves longer than half the character: a smooth field
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
    Point direction{};  // cycles across the character
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
  const Point d = ap - t * ab;
  return std::sqrt(d.x * d.x + d.y * d.y);  // (hypot takes three times as long, for large numbers)
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

void write_glyph(std::span<std::uint8_t> pixels, const std::vector<Glyph>& ways, Rng& rng,
                 double difficulty) {
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

Dataset write_set(const Copybook& book, Index count, const Rng& rng, double difficulty) {
  const auto classes = static_cast<Index>(book.size());
  Dataset set{.image = {1, side, side}, .classes = classes, .pixels = {}, .class_ids = {}};
  set.pixels.resize(static_cast<std::size_t>(count * side * side));
  Rng order_rng = rng.child(0);
  for (Index place : order_rng.permutation(count)) {
    set.class_ids.push_back(static_cast<std::int32_t>(place % classes));
  }
  parallel_for(count, 64, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      const auto at = static_cast<std::size_t>(i);
      Rng image_rng = rng.child(static_cast<std::uint64_t>(i) + 1);
      write_glyph(std::span(set.pixels).subspan(at * side * side, side * side),
                  book[static_cast<std::size_t>(set.class_ids[at])], image_rng, difficulty);
    }
  });
  return set;
}

}  // namespace

TrainTest write_by_hand(const char* op, const Copybook& book, const Writing& writing) {
  constexpr Index most_images = 1'000'000'000;
  if (writing.train > most_images || writing.test > most_images) {
    fail(op, "at most {} images a set are made; got {} and {}", most_images, writing.train,
         writing.test);
  }
  if (writing.train < 1 || writing.test < 1) {
    fail(op, "both sets need at least one image; got {} and {}", writing.train, writing.test);
  }
  if (!(writing.difficulty >= 0 && writing.difficulty <= 10)) {
    fail(op, "difficulty must be from 0 to 10; got {}", writing.difficulty);
  }
  const Rng rng(writing.seed);
  return {.train = write_set(book, writing.train, rng.child(0), writing.difficulty),
          .test = write_set(book, writing.test, rng.child(1), writing.difficulty)};
}

}  // namespace limbeck::detail
