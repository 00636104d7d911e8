// bench_sweep: the products of a linear layer and the passes of a convolution over many sizes, each
// beside the plain way by BLAS; and where a size is out of line.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <functional>
#include <set>

#include "apps/common/program.h"
#include "apps/common/timing.h"
#include "apps/study/heat_map.h"
#include "core/error.h"
#include "core/files/file.h"
#include "core/function_ref.h"
#include "core/kernels/conv_kernels.h"
#include "core/kernels/product.h"
#include "core/ops.h"
#include "core/parallel.h"
#include "core/random.h"
#include "core/scratch.h"

using namespace limbeck;

namespace {

using TwoWays = std::pair<std::function<void()>, std::function<void()>>;  // ours, the plain one

// One size of one thing, and the plain way to the same.
struct Point {
  std::string map, row, column;  // where it stands in the picture
  Index kind, down, across;      // rows of one kind and columns are in order of these sizes
  double multiply_adds;
  std::function<TwoWays()> make;
  double ms = INFINITY, plain_ms = INFINITY;  // what was measured

  double gflops(double time) const { return 2e-6 * multiply_adds / time; }
  double ratio() const { return ms / plain_ms; }
  std::string name() const { return fmt::format("{}, {}, {}", map, row, column); }
};

struct Settings {
  std::string what;
  bool quick = false;
  double seconds = 120;
  int threads = limbeck::threads();
  std::string csv, picture;
};

Tensor noise(const Shape& shape) {
  static Rng rng(0);
  return uniform(shape, -1, 1, rng);
}

// Of a layer as wide as its input, or, of a network's last, with so many outputs.
std::vector<Point> linear_points(bool quick, Index outputs = 0) {
  const std::vector<Index> widths =
      quick ? std::vector<Index>{32, 256, 1024}
            : std::vector<Index>{16, 32, 64, 100, 128, 256, 512, 784, 1024, 1200, 2048, 4096, 8192};
  const std::vector<Index> batches =
      quick
          ? std::vector<Index>{1, 2, 8, 16, 128, 256, 512}
          : std::vector<Index>{1, 2, 3, 4, 7, 8, 12, 15, 16, 17, 32, 64, 128, 256, 264, 512, 1024};
  std::vector<Point> points;
  for (const Index w : widths) {
    const Index out = outputs > 0 ? outputs : w;
    for (const Index n : batches) {
      const std::vector<std::pair<std::string, GemmSizes>> passes = {
          {"forward", {.m = n, .n = out, .k = w, .transpose_b = true}},
          {"dx", {.m = n, .n = w, .k = out}},
          {"dW", {.m = out, .n = w, .k = n, .transpose_a = true}}};
      for (const auto& [pass, s] : passes) {
        const auto make = [s = s]() -> TwoWays {
          const Tensor a = noise({s.m, s.k}), b = noise({s.k, s.n});
          return {[=, c = Tensor::zeros({s.m, s.n})]() mutable {
                    product(c.data(), a.data(), b.data(), s);
                  },
                  [=, c = Tensor::zeros({s.m, s.n})]() mutable {
                    blas_gemm(c.data(), a.data(), b.data(), s);
                  }};
        };
        points.push_back({pass, fmt::format("{} wide", w), fmt::format("{}", n), 0, w, n,
                          static_cast<double>(s.m * s.n * s.k), make});
      }
    }
  }
  return points;
}

// im2col and BLAS, an image on one thread.
void plain_way(const ConvForward& f, const ConvSizes& s) {
  const Index pixels = s.conv_height * s.conv_width,
              depth = s.in_of_group() * s.window.kernel.area();
  parallel_for(s.images * s.groups, 1, [&](Index begin, Index end) {
    auto matrix = Scratch<real>::zeros(depth * pixels);
    for (Index i = begin; i < end; ++i) {
      im2col(matrix.data(), f.x + i * s.in_of_group() * s.height * s.width, s);
      blas_gemm(f.y + i * s.out_of_group() * pixels,
                f.weight + i % s.groups * s.out_of_group() * depth, matrix.data(),
                {.m = s.out_of_group(), .n = pixels, .k = depth});
    }
  });
}

void plain_way(const ConvBackward& b, const ConvSizes& s) {
  const Index pixels = s.conv_height * s.conv_width,
              depth = s.in_of_group() * s.window.kernel.area();
  const Index image = s.in_of_group() * s.height * s.width, group = s.out_of_group() * depth;
  parallel_for(s.images * s.groups, 1, [&](Index begin, Index end) {
    auto matrix = Scratch<real>::zeros(depth * pixels), dw = Scratch<real>::zeros(s.groups * group);
    Scratch<real> dmatrix(depth * pixels);
    for (Index i = begin; i < end; ++i) {
      const real* const dy = b.dy + i * s.out_of_group() * pixels;
      im2col(matrix.data(), b.x + i * image, s);
      blas_gemm(dw.data() + i % s.groups * group, dy, matrix.data(),
                {.m = s.out_of_group(),
                 .n = depth,
                 .k = pixels,
                 .transpose_b = true,
                 .accumulate = true});
      blas_gemm(dmatrix.data(), b.weight + i % s.groups * group, dy,
                {.m = depth, .n = pixels, .k = s.out_of_group(), .transpose_a = true});
      std::fill_n(b.dx + i * image, image, real{0});
      col2im(b.dx + i * image, dmatrix.data(), s);
    }
    if (begin == 0) std::ranges::copy(dw.values(), b.dweight);  // one part's sum: the time counts
  });
}

// The forward or the backward pass: ours, and the plain way.
TwoWays passes(const ConvSizes& s, bool forward) {
  const Tensor x = noise({s.images, s.in, s.height, s.width}),
               w = noise({s.out, s.in_of_group(), s.window.kernel.height, s.window.kernel.width});
  Tensor y = noise({s.images, s.out, s.conv_height, s.conv_width});
  Tensor dx = Tensor::zeros(x.shape()), dw = Tensor::zeros(w.shape());
  auto pass = [=](bool ours) mutable {
    const ConvForward f{
        .y = y.data(), .argmax = nullptr, .x = x.data(), .weight = w.data(), .bias = nullptr};
    const ConvBackward b{.dx = dx.data(),
                         .dweight = dw.data(),
                         .dbias = nullptr,
                         .dy = y.data(),
                         .y = y.data(),
                         .argmax = nullptr,
                         .x = x.data(),
                         .weight = w.data()};
    if (forward) return ours ? conv_forward(f, s) : plain_way(f, s);
    ours ? conv_backward(b, s) : plain_way(b, s);
  };
  return {[=]() mutable { pass(true); }, [=]() mutable { pass(false); }};
}

struct ConvKind {
  Index in, out, kernel, stride, groups;
};

std::vector<Point> convolution_points(bool quick) {
  std::vector<ConvKind> kinds;
  for (const Index channels :
       quick ? std::vector<Index>{1, 16} : std::vector<Index>{1, 3, 4, 8, 16, 32, 64}) {
    const Index out = channels < 4 ? 16 : channels;
    for (const Index kernel : quick ? std::vector<Index>{1, 3} : std::vector<Index>{1, 3, 5, 7}) {
      for (const Index stride : {1, 2}) kinds.push_back({channels, out, kernel, stride, 1});
    }
    if (channels < 4) continue;
    for (const Index stride : {1, 2}) kinds.push_back({channels, channels, 3, stride, channels});
  }
  std::vector<Point> points;
  for (const ConvKind& k : kinds) {
    for (const Index side :
         quick ? std::vector<Index>{14, 28} : std::vector<Index>{7, 14, 28, 56}) {
      const Index out_side = (side - 1) / k.stride + 1;
      const ConvSizes s{.images = 16,
                        .in = k.in,
                        .height = side,
                        .width = side,
                        .out = k.out,
                        .conv_height = out_side,
                        .conv_width = out_side,
                        .window = {.kernel = k.kernel, .stride = k.stride, .padding = k.kernel / 2},
                        .groups = k.groups,
                        .relu = false,
                        .pools = false};
      const auto multiply_adds = static_cast<double>(s.images * s.out * out_side * out_side *
                                                     s.in_of_group() * k.kernel * k.kernel);
      const std::string row =
          fmt::format("{}→{} {}×{}{}{}", k.in, k.out, k.kernel, k.kernel,
                      k.stride > 1 ? " stride 2" : "", k.groups > 1 ? " depthwise" : "");
      // (With as many channels out as in, or 16 of fewer: not to be compared with each other.)
      const Index kind =
          (k.groups > 1 ? 100 : k.kernel) * 100 + k.stride * 10 + (k.in == k.out ? 1 : 0);
      for (const bool forward : {true, false}) {
        points.push_back({forward ? "forward" : "backward", row, fmt::format("{}²", side), kind,
                          k.in, side, multiply_adds * (forward ? 1 : 2),
                          [=] { return passes(s, forward); }});
      }
    }
  }
  return points;
}

// In ms. On one thread it is the processor's time, in which whatever else runs has no share.
double ms_now() {
  timespec t{};
  clock_gettime(threads() == 1 ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
  return 1e3 * static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_nsec);
}

// Ours and the plain way in turns, at least three times; the best of each counts.
void measure(Point& p, double ms) {
  const auto [ours, plain] = p.make();
  ours(), plain();
  const double start = ms_now();
  ours();
  const double once = std::max(ms_now() - start, 1e-4);
  const int times = static_cast<int>(std::clamp(ms / once / 20, 1.0, 1e5));
  const auto best = [&](double& least, FunctionRef<void()> work) {
    const double from = ms_now();
    for (int i = 0; i < times; ++i) work();
    least = std::min(least, (ms_now() - from) / times);
  };
  for (int round = 0; round < 3 || (round < 10 && ms_now() - start < ms); ++round) {
    best(p.ms, ours);
    best(p.plain_ms, plain);
  }
}

struct Finding {
  std::string text;
  std::vector<std::size_t> points;  // of which it tells
};

// Where a larger size takes less time than a smaller one of its row or column by more than what two
// measurements of the same differ by, and where the plain way is faster.
std::vector<Finding> findings(const std::vector<Point>& points) {
  constexpr double noise_of_two = 1.1, slower = 1.15;
  std::vector<Finding> found;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const Point& a = points[i];
    for (std::size_t k = 0; k < points.size(); ++k) {
      const Point& b = points[k];
      const bool in_row = a.row == b.row && a.across < b.across;
      const bool in_column = a.column == b.column && a.kind == b.kind && a.down < b.down;
      if (a.map != b.map || (!in_row && !in_column)) continue;
      if (a.multiply_adds > b.multiply_adds || a.ms < noise_of_two * b.ms) continue;
      found.push_back(
          {fmt::format("{}: {:.3g} ms, and {}: {:.3g} ms", a.name(), a.ms, b.name(), b.ms),
           {i, k}});
    }
    if (a.ratio() <= slower) continue;
    found.push_back(
        {fmt::format("{}: {:.3g} ms, {:.2f} times the plain way's", a.name(), a.ms, a.ratio()),
         {i}});
  }
  return found;
}

// Prints what it finds also after a second look, which the best of both measurements decides.
void print_findings(std::vector<Point>& points, double ms) {
  std::set<std::size_t> again;
  for (const Finding& f : findings(points)) again.insert(f.points.begin(), f.points.end());
  for (const std::size_t i : again) measure(points[i], ms);
  const std::vector<Finding> found = findings(points);
  fmt::print("\n{}\n", found.empty() ? "No size is out of line." : "Out of line:");
  for (const Finding& f : found) fmt::print("{}\n", f.text);
}

void write_picture(const std::string& path, const std::vector<Point>& points) {
  std::vector<HeatMap> maps;
  for (const Point& p : points) {
    const auto same = [&](const HeatMap& map) { return map.title == p.map; };
    auto at = std::ranges::find_if(maps, same);
    if (at == maps.end()) {
      maps.push_back({.title = p.map, .value_label = "times the plain way's speed"});
      at = maps.end() - 1;
    }
    const auto add = [](std::vector<std::string>& names, const std::string& name) {
      if (std::ranges::find(names, name) == names.end()) names.push_back(name);
    };
    add(at->rows, p.row);
    add(at->columns, p.column);
  }
  for (HeatMap& map : maps) {
    map.values.assign(map.rows.size() * map.columns.size(), NAN);
    for (const Point& p : points) {
      if (p.map != map.title) continue;
      const auto row = std::ranges::find(map.rows, p.row) - map.rows.begin();
      const auto column = std::ranges::find(map.columns, p.column) - map.columns.begin();
      map.values[static_cast<std::size_t>(row) * map.columns.size() +
                 static_cast<std::size_t>(column)] = 1 / p.ratio();
    }
  }
  write_file("--picture", path, svg(maps, 0.5, 2));
}

std::vector<Point> points_of(const Settings& s) {
  constexpr Index classes = 10;
  if (s.what == "convolution") return convolution_points(s.quick);
  return linear_points(s.quick, s.what == "head" ? classes : 0);
}

void sweep(const Settings& settings) {
  if (!settings.csv.empty()) check_writable("--csv", settings.csv);
  if (!settings.picture.empty()) check_writable("--picture", settings.picture);
  set_threads(settings.threads);
  std::vector<Point> points = points_of(settings);
  // Eight calls a second of billions of multiply-adds; what takes much more than its share is left
  // out.
  const double share = settings.seconds / static_cast<double>(points.size());
  const auto all = points.size();
  std::erase_if(points, [=](const Point& p) { return p.multiply_adds * 8 / 2e10 > 20 * share; });
  std::string csv = "pass,row,column,ms,gflops,plain_ms,plain_gflops\n";
  fmt::print("{:<10}{:<28}{:>8}{:>12}{:>10}{:>10}{:>10}\n", "", "", "", "ms", "GFLOP/s", "plain",
             "× time");
  for (std::size_t i = 0; i < points.size(); ++i) {
    Point& p = points[i];
    measure(p, share * 1e3);
    fmt::print("{:<10}{:<28}{:>8}{:>12.4f}{:>10.1f}{:>10.1f}{:>10.2f}\n", p.map, p.row, p.column,
               p.ms, p.gflops(p.ms), p.gflops(p.plain_ms), p.ratio());
    std::fflush(stdout);
    csv += fmt::format("{},{},{},{:.6g},{:.4g},{:.6g},{:.4g}\n", p.map, p.row, p.column, p.ms,
                       p.gflops(p.ms), p.plain_ms, p.gflops(p.plain_ms));
    if (i % 20 == 19) fmt::print(stderr, "{} of {} sizes\n", i + 1, points.size());
  }
  if (points.size() < all) {
    fmt::print("{} larger sizes want more --seconds.\n", all - points.size());
  }
  print_findings(points, 2 * share * 1e3);
  if (!settings.csv.empty()) write_file("--csv", settings.csv, csv);
  if (!settings.picture.empty()) write_picture(settings.picture, points);
}

}  // namespace

int main(int argc, char** argv) {
  Settings s;
  const auto add_options = [&](Options& options) {
    options
        .add("what", s.what,
             "linear: forward, dx and dW of a layer by batch and width; head: of a last layer of "
             "10 outputs by batch and inputs; convolution: forward and backward by channels, "
             "kernel, stride and image")
        .required()
        .one_of({"linear", "head", "convolution"});
    options.flag("--quick", s.quick, "Few sizes");
    options.add("--seconds", s.seconds, "About how long it may take")
        .type("S")
        .show_default()
        .check(above_0());
    options.add("--threads", s.threads, "Threads").type("N").show_default().check(at_least_1());
    options.add("--csv", s.csv, "Write the figures there").type("FILE");
    options.add("--picture", s.picture, "Draw a heat map there: SVG, times the plain way's speed")
        .type("FILE");
  };
  return run_program({.name = "bench_sweep",
                      .description = "Times products and convolutions over many sizes, each beside "
                                     "the plain way (one product of BLAS; im2col and BLAS), and "
                                     "tells which sizes are out of line.",
                      .add_options = add_options,
                      .work = [&] { sweep(s); }},
                     argc, argv);
}
