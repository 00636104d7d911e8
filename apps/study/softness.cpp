// What softening shows: a teacher's probabilities at several T, and which class who takes for
// which.
#include <fmt/format.h>

#include <array>
#include <cmath>

#include "apps/study/heat_map.h"
#include "apps/study/lab.h"
#include "core/error.h"
#include "core/ops/softmax.h"

namespace limbeck {
namespace {

constexpr std::array temperatures = {0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0};

// The mean of softmax(v / T) over some images: (C).
std::vector<double> mean_probs(const Tensor& logits, const std::vector<Index>& images,
                               double temperature) {
  const Tensor probs = softmax(logits, temperature);
  std::vector<double> mean(static_cast<std::size_t>(logits.dim(1)), 0);
  for (const Index image : images) {
    for (std::size_t c = 0; c < mean.size(); ++c) {
      mean[c] += static_cast<double>(probs.data()[image * logits.dim(1) + static_cast<Index>(c)]) /
                 static_cast<double>(images.size());
    }
  }
  return mean;
}

std::vector<Index> images_of(const Dataset& data, std::int32_t digit) {
  std::vector<Index> images;
  for (Index i = 0; i < data.size(); ++i) {
    if (data.class_ids[static_cast<std::size_t>(i)] == digit) images.push_back(i);
  }
  return images;
}

double entropy(const std::vector<double>& probs) {
  double bits = 0;
  for (const double p : probs) bits -= p > 0 ? p * std::log2(p) : 0;
  return bits;
}

// Row i: what is said of images of class i, as log10 of the mean probability of each class.
HeatMap confusion(const std::string& title, const Tensor& logits, const Dataset& data,
                  const ClassNames& names, double temperature) {
  HeatMap map{.title = title,
              .row_label = "image of",
              .column_label = "taken for",
              .value_label = "mean probability",
              .powers_of_ten = true};
  for (std::int32_t digit = 0; digit < data.classes; ++digit) {
    map.rows.push_back(class_text(digit, names));
    map.columns.push_back(class_text(digit, names));
    for (const double p : mean_probs(logits, images_of(data, digit), temperature)) {
      map.values.push_back(p > 0 ? std::log10(p) : NAN);
    }
  }
  return map;
}

}  // namespace

void study_softness(Lab& lab) {
  const StudySettings& s = lab.settings();
  const Dataset& test = lab.test();
  if (s.image >= test.size()) fail("--image", "{} asked of {} test images", s.image, test.size());
  if (s.digit < 0 || s.digit >= test.classes)
    fail("--digit", "{} is none of {} classes", s.digit, test.classes);
  const Tensor teacher = lab.teacher().test;
  const Training training{.spec = lab.students({s.quick ? "mlp:100" : "mlp:300,300"}).front(),
                          .epochs = lab.epochs(30, 25),
                          .set = &lab.train()};
  const Tensor plain = lab.teacher("student on hard labels", training).test;
  const Tensor distilled =
      lab.teacher("distilled student", lab.taught(training, {.temperature = lab.temperature(4),
                                                             .alpha = lab.alpha(0.1)}))
          .test;

  const auto digit = static_cast<std::int32_t>(
      s.image >= 0 ? test.class_ids[static_cast<std::size_t>(s.image)] : s.digit);
  const std::vector<Index> images =
      s.image >= 0 ? std::vector<Index>{s.image} : images_of(test, digit);
  const ClassNames& names = lab.class_names();
  if (images.empty()) fail("--digit", "no test image is {}", class_in_words(digit, names));
  Table table;
  for (const double t : temperatures) {
    const std::vector<double> probs = mean_probs(teacher, images, t);
    Row row = {{"T", t}};
    for (std::size_t c = 0; c < probs.size(); ++c)
      row[fmt::format("p({})", class_text(static_cast<Index>(c), names))] = probs[c];
    row["entropy, bits"] = entropy(probs);
    table.push_back(row);
  }
  // Off the diagonal, on a logarithmic scale: how far each student's doubt is from the teacher's.
  constexpr double t = 1;
  const HeatMap of_teacher = confusion("teacher", teacher, test, names, t);
  const HeatMap of_plain = confusion("student on hard labels", plain, test, names, t);
  const HeatMap of_distilled = confusion("distilled student", distilled, test, names, t);
  const auto distance = [&](const HeatMap& map) {
    double sum = 0, count = 0;
    for (std::size_t i = 0; i < map.values.size(); ++i) {
      const double d = std::abs(map.values[i] - of_teacher.values[i]);
      const bool diagonal = i / map.columns.size() == i % map.columns.size();
      if (diagonal || std::isnan(d)) continue;
      sum += d;
      ++count;
    }
    return count > 0 ? sum / count : 0;
  };
  lab.write("softness.svg", svg({of_teacher, of_plain, of_distilled}, -7, 0));
  const double bits_1 = table[1].at("entropy, bits"), bits_20 = table.back().at("entropy, bits");
  lab.report(
      "softness", table,
      fmt::format("What the teacher says of {}: {:.3g} bits of entropy at T = 1, {:.3g} at T = 20, "
                  "{:.3g} if it knew nothing. Its probabilities of wrong classes and a student's "
                  "differ, in the mean, by a factor of 10^{:.2f} after hard labels and 10^{:.2f} "
                  "after distillation.\n",
                  s.image >= 0 ? fmt::format("image {}, {}", s.image, class_in_words(digit, names))
                               : fmt::format("the {}s", class_text(digit, names)),
                  bits_1, bits_20, std::log2(static_cast<double>(test.classes)), distance(of_plain),
                  distance(of_distilled)));
}

}  // namespace limbeck
