// Methods by name, objectives as a text, and the modules that are compared if nobody says.
#include <set>

#include "core/random.h"
#include "nn/distill/distiller.h"
#include "nn/distill/methods/attention.h"
#include "nn/distill/methods/case_temperature.h"
#include "nn/distill/methods/controls.h"
#include "nn/distill/methods/ctkd.h"
#include "nn/distill/methods/dist.h"
#include "nn/distill/methods/divergences.h"
#include "nn/distill/methods/dkd.h"
#include "nn/distill/methods/ema.h"
#include "nn/distill/methods/hint.h"
#include "nn/distill/methods/info_nce.h"
#include "nn/distill/methods/kd.h"
#include "nn/distill/methods/labels.h"
#include "nn/distill/methods/method_table.h"
#include "nn/distill/methods/mse_logits.h"
#include "nn/distill/methods/nkd.h"
#include "nn/distill/methods/pkt.h"
#include "nn/distill/methods/repair.h"
#include "nn/distill/methods/rkd.h"
#include "nn/distill/methods/similarity.h"
#include "nn/distill/methods/standardise.h"
#include "nn/distill/methods/virtual_teacher.h"
#include "nn/distill/methods/wsl.h"
#include "nn/model_spec.h"
#include "tests/nn/distill/terms.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// Answers and features of six images, by a seed.
struct Answers {
  Tensor logits, maps;
};
Answers answers(std::uint64_t seed) {
  Rng rng(seed);
  return {normal({6, 4}, 0, 1, rng), normal({6, 3, 2, 2}, 0, 1, rng)};
}

// The value of a term, prepared, at one place of a training.
double value_of(const Term& term) {
  const Answers student = answers(1), teacher = answers(2);
  Rng rng(3);
  if (term.prepare) {
    term.prepare({.classes = 4,
                  .student_taps = {student.maps.shape().without_front()},
                  .teacher_taps = {teacher.maps.shape().without_front()}},
                 rng);
  }
  Batch batch;
  batch.images = normal({6, 1, 4, 4}, 0, 1, rng);
  batch.class_ids = {0, 1, 2, 3, 0, 1};
  batch.indices = {0, 1, 2, 3, 4, 5};
  const std::vector<Tensor> of_student = {student.maps}, of_teacher = {teacher.maps};
  return static_cast<double>(term.value({.batch = batch,
                                         .student = student.logits,
                                         .teacher = teacher.logits,
                                         .done = 0.25,
                                         .epoch = 2,
                                         .student_taps = of_student,
                                         .teacher_taps = of_teacher})
                                 .item());
}

void check_same(const Objective& named, const Objective& by_hand) {
  CHECK(named.str() == by_hand.str());
  REQUIRE(named.terms.size() == by_hand.terms.size());
  for (std::size_t i = 0; i < named.terms.size(); ++i) {
    const Term &a = named.terms[i], &b = by_hand.terms[i];
    CAPTURE(b.name);
    CHECK(a.name == b.name);
    CHECK(a.weight(0.25) == b.weight(0.25));
    CHECK(a.student_taps == b.student_taps);
    CHECK(a.teacher_taps == b.teacher_taps);
    CHECK(value_of(a) == value_of(b));
  }
}

void check_refused(const std::string& text, const std::string& error) {
  CAPTURE(text);
  CHECK_THROWS_WITH_AS(objective_of(text), doctest::Contains(error.c_str()), Error);
}

Sequential network(const std::string& spec, double dropout = 0) {
  Rng rng(1);
  return make_model(spec, {1, 28, 28}, 10, {.dropout = dropout}, rng);
}

}  // namespace

TEST_CASE("each name of the table makes the term that is made by hand, with its own defaults") {
  Sequential student = perceptron(5);
  const TapPaths taps{.student = "2", .teacher = "4"};
  const std::vector<std::pair<std::string, Objective>> by_hand = {
      {"labels", labels()},
      {"hard-kd", hard_kd()},
      {"kd", kd()},
      {"soft-ce", soft_ce()},
      {"reverse-kd", reverse_kd()},
      {"js", js()},
      {"mse", mse_logits()},
      {"dkd", dkd()},
      {"nkd", nkd()},
      {"dist", dist()},
      {"wsl", wsl()},
      {"repair", repair()},
      {"kd-by-case", kd_by_case()},
      {"ctkd", ctkd()},
      {"tf-kd", tf_kd()},
      {"ema", ema(student)},
      {"cwtm", cwtm()},
      {"dkpp", dkpp()},
      {"fitnet", hint(taps)},
      {"at", attention_transfer(taps)},
      {"sp", similarity(taps)},
      {"rkd", 25 * rkd_distance(taps) + 50 * rkd_angle(taps)},
      {"pkt", pkt(taps)},
      {"infonce", info_nce(taps)}};
  REQUIRE(by_hand.size() == methods().size());
  for (std::size_t i = 0; i < by_hand.size(); ++i) {
    const auto& name = by_hand[i].first;
    CAPTURE(name);
    CHECK(methods()[i].name == name);
    CHECK(!methods()[i].what.empty());
    check_same(objective_of(name, {.student = &student, .taps = taps}), by_hand[i].second);
  }
}

TEST_CASE("each option of a method reaches its term") {
  Sequential student = perceptron(5);
  const TapPaths taps{.student = "2", .teacher = "4"};
  const std::vector<std::pair<std::string, Objective>> by_hand = {
      {"labels(label_smoothing=0.2)", labels({.label_smoothing = 0.2})},
      {"kd(T=2)", kd({.temperature = 2})},
      {"kd ( T = 8..1 )", kd({.temperature = anneal_temperature(8, 1)})},
      {"soft-ce(T=2)", soft_ce({.temperature = 2})},
      {"reverse-kd(T=2)", reverse_kd({.temperature = 2})},
      {"js(T=2, beta=0.3)", js({.temperature = 2, .beta = 0.3})},
      {"mse(teacher_scale=0.5)", mse_logits({.teacher_scale = 0.5})},
      {"dkd(T=2,alpha=3,beta=4)", dkd({.temperature = 2, .alpha = 3, .beta = 4})},
      {"nkd(T=2, gamma=3)", nkd({.temperature = 2, .gamma = 3})},
      {"dist(T=2, beta=3, gamma=4)", dist({.temperature = 2, .beta = 3, .gamma = 4})},
      {"wsl(T=2)", wsl({.temperature = 2})},
      {"repair(T=2, repair=swap)", repair({.temperature = 2, .repair = Repair::swap})},
      {"repair(repair=lead, lead=0.5)", repair({.repair = Repair::lead, .lead = 0.5})},
      {"kd-by-case(T=2, rule=confidence, beta=3, gamma=0.5, least=0.5)",
       kd_by_case({.rule = CaseRule::confidence,
                   .temperature = 2,
                   .beta = 3,
                   .gamma = 0.5,
                   .least = 0.5})},
      {"ctkd(start=2, lowest=3, range=4, epochs=5)",
       ctkd({.start = 2, .lowest = 3, .range = 4, .epochs = 5})},
      {"tf-kd(T=2, confidence=0.8)", tf_kd({.temperature = 2, .confidence = 0.8})},
      {"ema(decay=0.5, T=2)", ema(student, {.decay = 0.5, .temperature = 2})},
      {"ema(squares=yes)", ema(student, {.squares = true})},
      {"dkpp(T=2)", dkpp({.temperature = 2})},
      {"fitnet(relu=yes)", hint(taps, {.relu = true})},
      {"at(power=1)", attention_transfer(taps, {.power = 1})},
      {"rkd(distance=2, angle=3)", 2 * rkd_distance(taps) + 3 * rkd_angle(taps)},
      {"sp(student=3)", similarity({.student = "3", .teacher = "4"})},
      {"sp(teacher=block2.relu)", similarity({.student = "2", .teacher = "block2.relu"})},
      {"infonce(tau=0.2, both=yes, mask_same_class=yes, width=5)",
       info_nce(taps, {.temperature = 0.2, .both = true, .mask_same_class = true, .width = 5})}};
  std::set<std::string> tried;
  for (const auto& one : by_hand) {
    CAPTURE(one.first);
    check_same(objective_of(one.first, {.student = &student, .taps = taps}), one.second);
    for (const MethodInfo& method : methods()) {
      if (!one.first.starts_with(method.name)) continue;
      for (const MethodOption& option : method.options) {
        if (one.first.find(option.name + "=") != std::string::npos ||
            one.first.find(option.name + " =") != std::string::npos) {
          tried.insert(method.name + option.name);
        }
      }
    }
  }
  for (const MethodInfo& method : methods()) {
    for (const MethodOption& option : method.options) {
      CAPTURE(option.name);
      CHECK(tried.contains(method.name + option.name));
      CHECK(!option.what.empty());
    }
  }
}

TEST_CASE("a text is a sum of products of numbers, schedules and one method") {
  check_same(objective_of("0.1*labels + 0.9*kd(T=4)"), 0.1 * labels() + 0.9 * kd());
  check_same(objective_of(" warm_up(0.5) * 3 * dkd + until(0.8)*labels\n"),
             warm_up(0.5) * 3 * dkd() + until(0.8) * labels());
  check_same(objective_of("kd * 2 * ramp_up(0.3)"), ramp_up(0.3) * 2 * kd());
  check_same(objective_of("1e+2*kd + 2e-1*labels + -1*js"),
             100 * kd() + 0.2 * labels() + -1.0 * js());
  check_same(objective_of("9 * std:kd(T=2) + std:ctkd()"),
             9 * standardised(kd({.temperature = 2})) + standardised(ctkd()));
  const Objective twice = objective_of("at(student=1, teacher=2) + at(student=3, teacher=4)");
  CHECK(twice.terms[0].name == "at");
  CHECK(twice.terms[1].name == "at-2");
}

TEST_CASE("a wrong text is refused, with the place and what there is") {
  check_refused("", "objective: \"\", character 1: a number or a method is missing here");
  check_refused("0.1*labls + kd",
                "\"0.1*labls + kd\", character 5: no method is called \"labls\"; there are labels, "
                "hard-kd, kd, ");
  check_refused("labels + dkd(bet=3)",
                "character 14: dkd has no option \"bet\"; it has T=4, alpha=1, beta=8");
  check_refused("hard-kd(T=3)", "character 9: hard-kd has no option \"T\"; it has none");
  check_refused("kd(student=2)", "character 4: kd has no option \"student\"; it has T=4");
  check_refused("sp(T=2)", "sp has no option \"T\"; it has student=, teacher=");
  check_refused("kd(T=warm)", "character 6: T is a number; got \"warm\"");
  check_refused("kd(T=8..)", "character 6: T is a number, or two as in 8..1; got \"8..\"");
  check_refused("kd(T=nan)", "character 6: T is a number; got \"nan\"");
  check_refused("kd(T=)", "character 6: T has no value");
  check_refused("kd(T 4)", "kd has no option \"T 4\"");
  check_refused("kd(T=4, T=5)", "character 9: T is said twice");
  check_refused("kd(T=4", "character 7: a ')' is missing after the options");
  check_refused("kd(T=-1)", "character 1: kd: the temperature must be a positive number; got -1");
  check_refused("labels + dkd(beta=-1)", "character 10: dkd: beta");
  check_refused("at(power=0, student=1, teacher=1)", "character 1: at: the power must be");
  check_refused("repair(repair=all)",
                "character 15: repair is one of isotonic, swap, lead; got \"all\"");
  check_refused("ctkd(epochs=2.5)", "character 13: epochs is a whole number; got \"2.5\"");
  check_refused("fitnet(relu=1, student=1, teacher=1)",
                "character 13: relu is one of yes, no; got \"1\"");
  check_refused("0.5 + kd", "character 1: a weight needs a method");
  check_refused("kd * labels", "character 6: a product has one method; join two by +");
  check_refused("kd labels", "character 4: no 'l' is expected here");
  check_refused("kd) + labels", "character 3: no ')' is expected here");
  check_refused("2 kd", "character 1: a weight needs a method");
  check_refused("kd +", "character 5: a number or a method is missing here");
  check_refused("warm_up * kd", "character 9: a '(' is missing after warm_up");
  check_refused("warm_up(2) * kd", "character 9: warm_up: a share of the training is in (0, 1]");
  check_refused("-inf * kd", "character 1: this is no number");
  check_refused("std:sp", "character 1: sp is not a function of both models' logits");
  check_refused("std:", "no method is called \"\"");
  check_refused("ema", "character 1: ema needs the student");
  check_refused("labels + sp(student=2)",
                "character 10: sp compares modules of two networks: sp(student=…, teacher=…)");
}

TEST_CASE("a text can be checked before there are networks") {
  CHECK(check_objective_text("labels + 100 * fitnet + ema").terms.size() == 3);
  CHECK_THROWS_WITH_AS(check_objective_text("fitnet(width=2)"),
                       doctest::Contains("fitnet has no option \"width\""), Error);
}

TEST_CASE("a method by itself is its paper's sum with the labels, as a text") {
  CHECK(usual_objective("kd") == "0.1 * labels + 0.9 * kd");
  CHECK(usual_objective("kd", "T=2", 0.3) == "0.3 * labels + 0.7 * kd(T=2)");
  CHECK(usual_objective("kd", "", 0) == "kd");
  CHECK(usual_objective("kd", "", 1) == "labels");
  CHECK(usual_objective("tf-kd") == "0.9 * labels + 0.1 * tf-kd");
  CHECK(usual_objective("dkd", "beta=4") == "labels + warm_up(0.083) * dkd(beta=4)");
  CHECK(usual_objective("std:kd") == "0.1 * labels + 9 * std:kd(T=2)");
  CHECK(usual_objective("std:js", "beta=0.4") == "0.1 * labels + 9 * std:js(T=2, beta=0.4)");
  CHECK(usual_objective("std:js", "beta=0.4, T =3") == "0.1 * labels + 9 * std:js(beta=0.4, T =3)");
  CHECK(usual_objective("std:dkd") == "labels + warm_up(0.083) * std:dkd");
  CHECK(usual_objective("labels") == "labels");
  for (const MethodInfo& method : methods()) {
    CAPTURE(method.name);
    CHECK(!check_objective_text(usual_objective(method.name)).terms.empty());
    if (!method.standardises) continue;
    CHECK(!check_objective_text(usual_objective("std:" + method.name)).terms.empty());
  }
  CHECK_THROWS_WITH_AS(usual_objective("pkt", "", 0.1),
                       doctest::Contains("pkt has weights of its own, labels + 30000 * pkt, and no "
                                         "alpha"),
                       Error);
  CHECK_THROWS_WITH_AS(usual_objective("std:kd", "", 0.1), doctest::Contains("no alpha"), Error);
  CHECK_THROWS_WITH_AS(usual_objective("kd", "", 1.5), doctest::Contains("in [0, 1]; got 1.5"),
                       Error);
  CHECK_THROWS_WITH_AS(usual_objective("std:pkt"),
                       doctest::Contains("no method is called \"std:pkt\"; there are labels,"),
                       Error);
}

TEST_CASE("the usual taps are stages of both networks that the method can compare") {
  const auto of = [](TapKind kind, const std::string& student, const std::string& teacher) {
    Sequential s = network(student), t = network(teacher, 0.3);
    const TapPaths taps = usual_taps("sp", kind, s, t, {1, 28, 28});
    return taps.student + " " + taps.teacher;
  };
  CHECK(of(TapKind::last, "mlp:30", "mlp:40,50") == "2 5");  // 3 and 6 are Dropout
  CHECK(of(TapKind::last, "cnn-tiny", "cnn-large") == "14 17");
  CHECK(of(TapKind::last, "lenet5", "cnn:4,8,16") == "10 8");
  CHECK(of(TapKind::maps, "cnn:4,8,16", "cnn-large") == "5 17");
  CHECK(of(TapKind::maps, "lenet5", "cnn-tiny") == "5 14");
  CHECK(of(TapKind::middle, "mlp:30,30,30", "mlp:40,50,60") == "4 5");
  CHECK(of(TapKind::middle, "mlp:30", "cnn:4,8,16") == "2 8");
  CHECK_THROWS_WITH_AS(of(TapKind::maps, "mlp:30,20", "cnn:4,8,16"),
                       doctest::Contains("sp: it compares feature maps (K, H, W), which both must "
                                         "have; the student's stages: 2 (30), 4 (20); the "
                                         "teacher's: 2 (4, 14, 14), 5 (8, 7, 7), 8 (16)"),
                       Error);
  CHECK_THROWS_WITH_AS(of(TapKind::last, "mlp:", "mlp:30"),
                       doctest::Contains("no two stages to compare; the student's stages: none"),
                       Error);
}

TEST_CASE("a student learns by every method of the table, between networks of two kinds") {
  const Dataset set = rows_of_light(40, 1);
  for (const MethodInfo& method : methods()) {
    if (method.taps == TapKind::maps) continue;
    CAPTURE(method.name);
    Sequential teacher = perceptron(1, {16, 12, 10, 4}), student = perceptron(2);
    const Objective objective =
        objective_of(usual_objective(method.name),
                     {.student = &student, .teacher = &teacher, .image = set.image});
    const auto reports =
        Distiller(teacher, student, objective).fit(set, {.epochs = 1, .batch_size = 20});
    CHECK(std::isfinite(reports.back().loss));
    CHECK(reports.back().terms.size() == objective.terms.size());
  }
}
