// SP and PKT: their matrices, and the forms of them that are wrong. (features_test.cpp has what
// they share with the others.)
#include "nn/distill/methods/similarity.h"

#include "nn/distill/methods/pkt.h"
#include "tests/nn/distill/methods/worked.h"

using namespace limbeck;
using namespace limbeck::testing;
using worked::gradient;
using worked::near;
using worked::off;
using worked::student_features;
using worked::student_maps;
using worked::teacher_features;
using worked::teacher_maps;
using worked::tolerance;

namespace {

Tensor gram(const Tensor& maps) {
  const Tensor rows = flatten(maps);
  return matmul(rows, rows, {.b = true});
}

// The same by ops, all of which autograd differentiates.
Tensor similarity_by_ops(const Tensor& student, const Tensor& teacher) {
  const auto unit = [](const Tensor& a) { return a / sqrt(sum_last(square(a))); };
  return mean(square(unit(gram(student)) - unit(gram(teacher))));
}

Tensor pkt_by_ops(const Tensor& student, const Tensor& teacher) {
  const auto near_by = [](const Tensor& f) {
    const Tensor u = f / sqrt(sum_last(square(f)));
    const Tensor s = (matmul(u, u, {.b = true}) + 1) / 2;
    return s / sum_last(s);
  };
  const Tensor p = near_by(teacher), q = near_by(student);
  return mean(p * log((p + 1e-7) / (q + 1e-7)));
}

}  // namespace

TEST_CASE("the similarities of the worked maps are the worked ones, by rows") {
  CHECK(off(gram(student_maps), {7.50, 0.00, -0.75, 0.00, 9.50, 1.75, -0.75, 1.75, 11.50}) <
        tolerance);
  CHECK(off(gram(teacher_maps), {10.50, -2.00, 2.75, -2.00, 14.25, 1.00, 2.75, 1.00, 9.75}) <
        tolerance);
  CHECK(off(detail::unit_rows(gram(student_maps)), {0.995037190, 0.000000000, -0.099503719,  //
                                                    0.000000000, 0.983453189, 0.181162429,   //
                                                    -0.064341545, 0.150130272, 0.986570356}) <
        tolerance);
  CHECK(off(detail::unit_rows(gram(teacher_maps)), {0.951356678, -0.181210796, 0.249164844,  //
                                                    -0.138654219, 0.987911311, 0.069327110,  //
                                                    0.270147170, 0.098235334, 0.957794511}) <
        tolerance);
  // Rows divided by the sum of their sizes, or the whole by its length, are other losses.
  const auto by_sizes = [](const Tensor& a) { return a / sum_last(abs(a)); };
  const double sizes =
      mean(square(by_sizes(gram(student_maps)) - by_sizes(gram(teacher_maps)))).item();
  CHECK(sizes == near(0.026816312));
  CHECK(similarity_loss(student_maps, teacher_maps).item() != near(sizes));
}

TEST_CASE("SP and PKT are what autograd makes of their formulas") {
  struct Pair {
    Tensor (*loss)(const Tensor&, const Tensor&);
    Tensor (*by_ops)(const Tensor&, const Tensor&);
  };
  for (const Pair& pair : {Pair{similarity_loss, similarity_by_ops}, Pair{pkt_loss, pkt_by_ops}}) {
    const Tensor student = random_tensor({6, 4}, 1), teacher = random_tensor({6, 9}, 2);
    CHECK(pair.loss(student, teacher).item() == near(pair.by_ops(student, teacher).item()));
    const auto slope = [&](auto loss) {
      return gradient(student, [&](const Tensor& f) { return loss(f, teacher); });
    };
    CHECK(difference(slope(pair.loss), slope(pair.by_ops)) < tolerance);
  }
}

TEST_CASE("PKT's neighbourhoods are the worked ones") {
  // Of one image's row against the teacher's: Σ P ln(P / Q) of what the file of numbers prints.
  const std::vector<double> p = {0.397420303, 0.324385486, 0.278194212, 0.378213482, 0.463367577,
                                 0.158418942, 0.342820295, 0.167436428, 0.489743278};
  const std::vector<double> q = {0.607368617, 0.303684308, 0.088947075, 0.212444724, 0.424889448,
                                 0.362665829, 0.073223305, 0.426776695, 0.500000000};
  double sum = 0;
  for (std::size_t i = 0; i < p.size(); ++i) sum += p[i] * std::log((p[i] + 1e-7) / (q[i] + 1e-7));
  CHECK(pkt_loss(student_features, teacher_features).item() == near(sum / 9));
}

TEST_CASE("PKT is not below 0, but by its ε, where the neighbourhoods hardly differ") {
  for (const double step : {1e-3, 1e-5, 1e-7}) {
    const Tensor f = random_tensor({16, 8}, 1);
    const Tensor moved = f + random_tensor(f.shape(), 2) * step;
    CHECK(pkt_loss(moved, f).item() > -1e-12);
  }
}

TEST_CASE("opposite features are no neighbours, and have a logarithm") {
  const Tensor student = Tensor::from({2, 2}, {1, 2, -1, -2}), teacher = random_tensor({2, 3}, 1);
  CHECK(std::isfinite(pkt_loss(student, teacher).item()));
  CHECK(pkt_loss(student, teacher).item() > 0);
  CHECK(std::isfinite(pkt_loss(teacher, student).item()));
}
