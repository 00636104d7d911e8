// Few labels: students that learn from a part of the training set.
#include <fmt/format.h>

#include <algorithm>

#include "apps/study/chart.h"
#include "apps/study/lab.h"
#include "nn/distill/distiller.h"

namespace limbeck {
namespace {

// A part of the training set, and where each image of it stands there.
struct Part {
  Dataset set;
  std::vector<Index> rows;
};

// The same n images for every student; the smaller parts are within the larger ones.
Part part_of(const Dataset& all, Index n) {
  Rng rng(11);
  Part part;
  part.rows = rng.permutation(all.size());
  part.rows.resize(static_cast<std::size_t>(n));
  part.set = all.select(part.rows);
  return part;
}

}  // namespace

void study_few(Lab& lab) {
  const bool quick = lab.settings().quick;
  const Dataset& all = lab.train();
  std::vector<Index> sizes;
  for (const Index n : quick ? std::vector<Index>{100, 1000}
                             : std::vector<Index>{100, 300, 1000, 3000, 10'000, 30'000}) {
    if (n < all.size()) sizes.push_back(n);
  }
  sizes.push_back(all.size());
  const std::string spec = lab.students({quick ? "mlp:100" : "mlp:300,300"}).front();
  // All students take about the same number of steps, so that few images are not also little
  // training.
  const Index steps = lab.epochs(15, 20) * all.size() / 128;
  std::vector<Part> parts;
  for (const Index n : sizes) parts.push_back(part_of(all, n));

  const DistillationOptions how{.temperature = lab.temperature(4), .alpha = lab.alpha(0.1)};
  std::vector<Case> cases;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const Part& part = parts[i];
    const Index batches = (sizes[i] + 127) / 128;
    const Training hard{
        .spec = spec, .epochs = std::max<Index>(steps / batches, 1), .set = &part.set};
    Training soft = lab.taught(hard, how);
    soft.teacher = [all = soft.teacher, &part] { return gather_rows(all(), part.rows); };
    cases.push_back({.title = fmt::format("{} images, hard labels", sizes[i]), .training = hard});
    cases.push_back({.title = fmt::format("{} images, soft targets", sizes[i]), .training = soft});
  }
  // The teacher needs no labels to answer: all images, none of them labelled for the student.
  cases.push_back({.title = "all images, soft targets alone",
                   .training = lab.taught({.spec = spec, .epochs = lab.epochs(15, 20), .set = &all},
                                          {.temperature = how.temperature, .alpha = 0})});
  const std::vector<Spread> errors = lab.errors_of(cases);

  Table table;
  Series hard{.name = "hard labels"}, soft{.name = "soft targets for the same images"};
  const auto add = [&](Row labels, const std::string& from, Index images, const Spread& e) {
    table.push_back({{"labels", std::move(labels)},
                     {"learned from", from},
                     {"images", images},
                     {"errors", e.mean},
                     {"deviation", e.deviation}});
  };
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const auto n = static_cast<double>(sizes[i]);
    const Spread &h = errors[2 * i], &s = errors[2 * i + 1];
    hard.points.push_back({n, h.mean, h.deviation});
    soft.points.push_back({n, s.mean, s.deviation});
    add(sizes[i], hard.name, sizes[i], h);
    add(sizes[i], soft.name, sizes[i], s);
  }
  const Spread& unlabelled = errors.back();
  add(0, "soft targets alone", all.size(), unlabelled);
  const auto cheapest = [&]() -> std::string {
    for (const Point& p : hard.points) {
      if (p.y <= unlabelled.mean) return fmt::format("{:g} labels", p.x);
    }
    return "no number of labels here";
  }();
  lab.write(
      "few.svg",
      svg(Chart{.title = "Few labels",
                .x_label = "labelled training images",
                .y_label = fmt::format("errors of {}", lab.test().size()),
                .log_x = true,
                .series = {hard, soft},
                .levels = {{.name = "all images, soft targets alone", .y = unlabelled.mean}}}));
  lab.report(
      "few", table,
      fmt::format(
          "With {} images: {:.4g} errors on hard labels, {:.4g} on soft targets for the same "
          "images. With no label at all, and soft targets for {} images: {} errors; labels "
          "alone get there with {}.\n",
          sizes.front(), errors[0].mean, errors[1].mean, all.size(), text_of(unlabelled),
          cheapest));
}

}  // namespace limbeck
