// RKD: distances and angles by hand, the two branches of its h, rows that are equal or near, and
// forms of it that are wrong. (features_test.cpp has what it shares with the others.)
#include "nn/distill/methods/rkd.h"

#include <algorithm>
#include <vector>

#include "tests/nn/distill/methods/worked.h"

using namespace limbeck;
using namespace limbeck::testing;
using worked::gradient;
using worked::near;
using worked::off;
using worked::student_features;
using worked::teacher_features;
using worked::tolerance;

namespace {

// Plain loops: the distances of rows, and cosines as products of differences. `with_diagonal` is
// the wrong form that takes the mean over all N² distances.
double distance_by_loops(const Tensor& student, const Tensor& teacher, bool with_diagonal = false) {
  const auto relative = [&](const Tensor& f) {
    const Index n = f.dim(0), d = f.dim(1);
    std::vector<double> all;
    double sum = 0;
    for (Index i = 0; i < n; ++i) {
      for (Index j = 0; j < n; ++j) {
        double square = 0;
        for (Index k = 0; k < d; ++k) {
          square += std::pow(static_cast<double>(f.data()[i * d + k] - f.data()[j * d + k]), 2);
        }
        all.push_back(i == j ? 0 : std::sqrt(std::max(square, 1e-12)));
        sum += all.back();
      }
    }
    const double mean = sum / static_cast<double>(with_diagonal ? n * n : n * (n - 1));
    for (double& x : all) x /= mean;
    return all;
  };
  const auto s = relative(student), t = relative(teacher);
  double loss = 0;
  for (std::size_t i = 0; i < s.size(); ++i) {
    const double x = std::abs(s[i] - t[i]);
    loss += x < 1 ? x * x / 2 : x - 0.5;
  }
  return loss / static_cast<double>(s.size());
}

double angle_by_loops(const Tensor& student, const Tensor& teacher) {
  const Index n = student.dim(0);
  const auto cosine = [](const Tensor& f, Index i, Index j, Index k) {
    const Index d = f.dim(1);
    double dot = 0, a = 0, b = 0;
    for (Index c = 0; c < d; ++c) {
      const auto at = [&](Index row) { return static_cast<double>(f.data()[row * d + c]); };
      dot += (at(j) - at(i)) * (at(k) - at(i));
      a += std::pow(at(j) - at(i), 2);
      b += std::pow(at(k) - at(i), 2);
    }
    return a == 0 || b == 0 ? 0 : dot / std::sqrt(a * b);
  };
  double loss = 0;
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < n; ++j) {
      for (Index k = 0; k < n; ++k) {
        const double x = std::abs(cosine(student, i, j, k) - cosine(teacher, i, j, k));
        loss += x < 1 ? x * x / 2 : x - 0.5;
      }
    }
  }
  return loss / static_cast<double>(n * n * n);
}

Tensor column(std::initializer_list<real> values) {
  return Tensor::from({static_cast<Index>(values.size()), 1}, values);
}

}  // namespace

TEST_CASE("RKD is what plain loops over pairs and triples give") {
  for (const Index n : {2, 3, 7, 20}) {
    const Tensor student = random_tensor({n, 5}, 1), teacher = random_tensor({n, 9}, 2);
    CAPTURE(n);
    CHECK(rkd_distance_loss(student, teacher).item() == near(distance_by_loops(student, teacher)));
    CHECK(rkd_angle_loss(student, teacher).item() == near(angle_by_loops(student, teacher)));
  }
}

TEST_CASE("RKD goes on in a line where the relations are more than 1 apart") {
  CHECK(rkd_distance_loss(column({0, real(0.1), 10}), column({0, 10, real(0.1)})).item() ==
        near(0.437777778));
}

TEST_CASE("RKD takes two equal rows for 1e-6 apart, without a gradient for their distance") {
  const Tensor student = Tensor::from({3, 2}, {1, 1, 1, 1, 2, 0});
  const Tensor teacher = Tensor::from({3, 2}, {0, 1, 2, 0, 1, 1});
  CHECK(rkd_distance_loss(student, teacher).item() == near(0.329025581));
  CHECK(rkd_angle_loss(student, teacher).item() == near(0.189415317));
  for (const auto& loss : {rkd_distance_loss, rkd_angle_loss}) {
    const Tensor d = gradient(student, [&](const Tensor& f) { return loss(f, teacher); });
    for (const real v : d.values()) CHECK(std::isfinite(v));
  }
  // Seen from row 2 the relative distances are 0, 3/2, 3/2 wherever it is, so nothing pulls it;
  // what pulls the equal rows is opposite for the two.
  const Tensor d =
      gradient(student, [&](const Tensor& f) { return rkd_distance_loss(f, teacher); });
  CHECK(off(slice_rows(d, 2, 3), {0, 0}) < 1e-3);
  CHECK(off(slice_rows(d, 0, 1) + slice_rows(d, 1, 2), {0, 0}) < 1e-3);
}

TEST_CASE("two images are the mean distance apart, whatever it is") {
  const Tensor student = random_tensor({2, 3}, 1), teacher = random_tensor({2, 3}, 2);
  CHECK(rkd_distance_loss(student, teacher).item() == 0);
  const Tensor d =
      gradient(student, [&](const Tensor& f) { return rkd_distance_loss(f, teacher); });
  CHECK(off(d, {0, 0, 0, 0, 0, 0}) < 1e-6);
}

TEST_CASE("rows that lie near one another and far from 0 have their distances all the same") {
  // Rows 1000 away that differ by multiples of 2⁻⁸, which float holds exactly there: by
  // ‖a‖² + ‖b‖² − 2 a · b their squares would drown in the rounding of a million.
  const Tensor steps = student_features * real(1.0 / 256);
  const Tensor far = steps + 1000;
  CHECK(rkd_distance_loss(far, teacher_features).item() == near(0.052241219));
  CHECK(rkd_angle_loss(far, teacher_features).item() == near(0.035498291));
}

TEST_CASE("angles between rows that are near have all their digits, and so have gradients") {
  const Tensor student = worked::tensor({3, 2}, {1, 0, 1 + 1e-6, 1e-6, 0, 2});
  const Tensor teacher = Tensor::from({3, 2}, {0, 1, 2, 0, 1, 1});
  const double value = angle_by_loops(student, teacher);
  CHECK(rkd_angle_loss(student, teacher).item() == near(value));
  // Angles do not change where all rows move by a vector or grow by a factor; what pulls the near
  // rows is large, and cancels to that.
  const Tensor d = gradient(student, [&](const Tensor& f) { return rkd_angle_loss(f, teacher); });
  double most = 0, along = 0;
  for (Index i = 0; i < 3; ++i) {
    for (Index k = 0; k < 2; ++k) {
      const auto slope = static_cast<double>(d.data()[i * 2 + k]);
      most = std::max(most, std::abs(slope));
      // From row 0: there the near rows have small factors.
      along += slope * static_cast<double>(student.data()[i * 2 + k] - student.data()[k]);
    }
  }
  CHECK(most > 1e3);
  CHECK(std::abs(along) < 1e-4);
  const Tensor moves = sum(d, 0);
  for (const real moved : moves.values()) CHECK(std::abs(moved) < 1e-6 * most);
}

TEST_CASE("RKD's mean distance is one over pairs, and differentiated") {
  // With the diagonal's zeros in the mean, all relations would be 3/2 times as large.
  const double wrong = distance_by_loops(student_features, teacher_features, true);
  CHECK(wrong > 1.5 * 0.052241219);
  CHECK(rkd_distance_loss(student_features, teacher_features).item() != near(wrong));
  // With a constant mean, larger features would be further apart, and the gradient would know a
  // direction in which all grow.
  const Tensor d = gradient(student_features,
                            [](const Tensor& f) { return rkd_distance_loss(f, teacher_features); });
  CHECK(std::abs(sum(d * student_features).item()) < 1e-6);
}
