// The table of methods: how each is made, with the defaults of its header.
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
#include "nn/distill/methods/method_arguments.h"
#include "nn/distill/methods/mse_logits.h"
#include "nn/distill/methods/nkd.h"
#include "nn/distill/methods/pkt.h"
#include "nn/distill/methods/repair.h"
#include "nn/distill/methods/rkd.h"
#include "nn/distill/methods/similarity.h"
#include "nn/distill/methods/virtual_teacher.h"
#include "nn/distill/methods/wsl.h"

namespace limbeck::detail {
namespace {

MethodOption option(const char* name, const Varying& usual, const char* what) {
  return {.name = name, .usual = usual.str(), .what = what};
}

MethodOption yes_or_no(const char* name, bool usual, const char* what) {
  return {.name = name, .usual = usual ? "yes" : "no", .what = what};
}

MethodOption temperature(const Varying& usual) {
  return option("T", usual, "temperature, or 8..1 for one that falls from 8 to 1");
}

// On the labels, and on logits by KL and its kin.
void add_answers(std::vector<NamedMethod>& all) {
  all.push_back({{.name = "labels",
                  .what = "the true class",
                  .options = {option("label_smoothing", LabelOptions{}.label_smoothing,
                                     "the part that all classes share")}},
                 [](const Arguments& a) {
                   return labels({.label_smoothing = a.number("label_smoothing")});
                 }});
  all.push_back(
      {{.name = "hard-kd", .what = "the class that the teacher decides for", .alpha = 0.5},
       [](const Arguments&) { return hard_kd(); }});
  all.push_back({{.name = "kd",
                  .what = "the teacher's softened answer: T² KL(p | q)",
                  .options = {temperature(KdOptions{}.temperature)},
                  .alpha = 0.1,
                  .standardises = true},
                 [](const Arguments& a) { return kd({.temperature = a.temperature("T")}); }});
  all.push_back({{.name = "soft-ce",
                  .what = "the same by cross-entropy: one gradient, another value",
                  .options = {temperature(KdOptions{}.temperature)},
                  .alpha = 0.1,
                  .standardises = true},
                 [](const Arguments& a) { return soft_ce({.temperature = a.temperature("T")}); }});
  all.push_back(
      {{.name = "reverse-kd",
        .what = "T² KL(q | p): what the teacher rules out, the student rules out",
        .options = {temperature(ReverseKdOptions{}.temperature)},
        .alpha = 0.1,
        .standardises = true},
       [](const Arguments& a) { return reverse_kd({.temperature = a.temperature("T")}); }});
  all.push_back({{.name = "js",
                  .what = "both by their distance to a mixture (Jensen and Shannon)",
                  .options = {temperature(JsOptions{}.temperature),
                              option("beta", JsOptions{}.beta, "the teacher's share of it")},
                  .alpha = 0.1,
                  .standardises = true},
                 [](const Arguments& a) {
                   return js({.temperature = a.temperature("T"), .beta = a.number("beta")});
                 }});
  all.push_back({{.name = "mse",
                  .what = "the teacher's logits, number by number",
                  .options = {option("teacher_scale", MseLogitsOptions{}.teacher_scale,
                                     "the teacher's logits times this")},
                  .before = "0.1 * labels + 0.45 * ",
                  .standardises = true},
                 [](const Arguments& a) {
                   return mse_logits({.teacher_scale = a.number("teacher_scale")});
                 }});
}

// On logits, with the label's class or images apart.
void add_targets(std::vector<NamedMethod>& all) {
  all.push_back({{.name = "dkd",
                  .what = "is it the label, and what else: each with a weight of its own",
                  .options = {temperature(DkdOptions{}.temperature),
                              option("alpha", DkdOptions{}.alpha, "weight of the label's class"),
                              option("beta", DkdOptions{}.beta, "weight of the others")},
                  .before = "labels + warm_up(0.083) * ",
                  .standardises = true},
                 [](const Arguments& a) {
                   return dkd({.temperature = a.temperature("T"),
                               .alpha = a.number("alpha"),
                               .beta = a.number("beta")});
                 }});
  all.push_back({{.name = "nkd",
                  .what = "likewise, as cross-entropies",
                  .options = {temperature(NkdOptions{}.temperature),
                              option("gamma", NkdOptions{}.gamma, "weight of the others")},
                  .before = "labels + ",
                  .standardises = true},
                 [](const Arguments& a) {
                   return nkd({.temperature = a.temperature("T"), .gamma = a.number("gamma")});
                 }});
  all.push_back(
      {{.name = "dist",
        .what = "what goes along with the teacher's answer, within images and classes",
        .options = {temperature(DistOptions{}.temperature),
                    option("beta", DistOptions{}.beta, "weight between the classes of an image"),
                    option("gamma", DistOptions{}.gamma, "weight between the images of a class")},
        .before = "labels + 2 * ",
        .standardises = true},
       [](const Arguments& a) {
         return dist({.temperature = a.temperature("T"),
                      .beta = a.number("beta"),
                      .gamma = a.number("gamma")});
       }});
  all.push_back({{.name = "wsl",
                  .what = "soft targets, less where the teacher finds an image hard",
                  .options = {temperature(WslOptions{}.temperature)},
                  .before = "labels + 2.25 * ",
                  .standardises = true},
                 [](const Arguments& a) { return wsl({.temperature = a.temperature("T")}); }});
  all.push_back(
      {{.name = "repair",
        .what = "soft targets mended where the teacher is wrong",
        .options = {temperature(RepairOptions{}.temperature),
                    {.name = "repair", .usual = "isotonic", .what = "isotonic, swap or lead"},
                    option("lead", RepairOptions{}.lead, "of the label, with repair=lead")},
        .alpha = 0.1,
        .standardises = true},
       [](const Arguments& a) {
         return repair({.temperature = a.temperature("T"),
                        .repair = a.one_of<Repair>("repair", {{"isotonic", Repair::isotonic},
                                                              {"swap", Repair::swap},
                                                              {"lead", Repair::lead}}),
                        .lead = a.number("lead")});
       }});
  all.push_back({{.name = "kd-by-case",
                  .what = "soft targets at a temperature for each image",
                  .options = {temperature(CaseTemperatureOptions{}.temperature),
                              {.name = "rule", .usual = "agreement", .what = "or confidence"},
                              option("beta", CaseTemperatureOptions{}.beta, "how far T may go"),
                              option("gamma", CaseTemperatureOptions{}.gamma, "power of the rule"),
                              option("least", CaseTemperatureOptions{}.least, "the least T")},
                  .alpha = 0.1,
                  .standardises = true},
                 [](const Arguments& a) {
                   const auto rule = a.one_of<CaseRule>(
                       "rule",
                       {{"agreement", CaseRule::agreement}, {"confidence", CaseRule::confidence}});
                   return kd_by_case({.rule = rule,
                                      .temperature = a.temperature("T"),
                                      .beta = a.number("beta"),
                                      .gamma = a.number("gamma"),
                                      .least = a.number("least")});
                 }});
}

// Those with a state of their own, or without a teacher.
void add_others(std::vector<NamedMethod>& all) {
  all.push_back({{.name = "ctkd",
                  .what = "soft targets at a T that is learned against the student",
                  .options = {option("start", CtkdOptions{}.start, "g at first"),
                              option("lowest", CtkdOptions{}.lowest, "the least T"),
                              option("range", CtkdOptions{}.range, "how far T goes above it"),
                              option("epochs", static_cast<double>(CtkdOptions{}.epochs),
                                     "until T is learned at full rate")},
                  .alpha = 0.1,
                  .standardises = true},
                 [](const Arguments& a) {
                   return ctkd({.start = a.number("start"),
                                .lowest = a.number("lowest"),
                                .range = a.number("range"),
                                .epochs = a.whole("epochs")});
                 }});
  all.push_back({{.name = "tf-kd",
                  .what = "a virtual teacher: the label, and all other classes alike",
                  .options = {temperature(TfKdOptions{}.temperature),
                              option("confidence", TfKdOptions{}.confidence, "in the label")},
                  .alpha = 0.9},
                 [](const Arguments& a) {
                   return tf_kd(
                       {.temperature = a.temperature("T"), .confidence = a.number("confidence")});
                 }});
  all.push_back(
      {{.name = "ema",
        .what = "the moving average of the student's own weights as its teacher",
        .options = {option("decay", EmaOptions{}.decay, "what of the average stays at a step"),
                    option("T", EmaOptions{}.temperature, "temperature"),
                    yes_or_no("squares", EmaOptions{}.squares, "of probabilities, in place of KL")},
        .before = "labels + ramp_up(0.3) * "},
       [](const Arguments& a) {
         return ema(*a.student, {.decay = a.number("decay"),
                                 .temperature = a.number("T"),
                                 .squares = a.yes("squares")});
       }});
  all.push_back({{.name = "cwtm",
                  .what = "a control: labels, less where the teacher is less sure",
                  .options = {}},
                 [](const Arguments&) { return cwtm(); }});
  all.push_back({{.name = "dkpp",
                  .what = "a control: soft targets whose wrong classes have changed places",
                  .options = {temperature(DkppOptions{}.temperature)}},
                 [](const Arguments& a) { return dkpp({.temperature = a.temperature("T")}); }});
}

void add_features(std::vector<NamedMethod>& all) {
  all.push_back(
      {{.name = "fitnet",
        .what = "the teacher's features, said by a regressor (hints)",
        .options = {yes_or_no("relu", HintOptions{}.relu, "batch norm and ReLU after it")},
        .before = "labels + 100 * ",
        .taps = TapKind::middle},
       [](const Arguments& a) { return hint(a.taps, {.relu = a.yes("relu")}); }});
  all.push_back({{.name = "at",
                  .what = "where on the image a stage is busy (attention)",
                  .options = {option("power", AttentionOptions{}.power, "of the channels")},
                  .before = "labels + 1000 * ",
                  .taps = TapKind::maps},
                 [](const Arguments& a) {
                   return attention_transfer(a.taps, {.power = a.number("power")});
                 }});
  all.push_back({{.name = "sp",
                  .what = "which images activate the network alike (similarity)",
                  .before = "labels + 3000 * ",
                  .taps = TapKind::last},
                 [](const Arguments& a) { return similarity(a.taps); }});
  all.push_back({{.name = "rkd",
                  .what = "how far from one another images lie, and at which angles",
                  .options = {option("distance", 25, "weight of the distances"),
                              option("angle", 50, "weight of the angles")},
                  .before = "labels + ",
                  .taps = TapKind::last},
                 [](const Arguments& a) {
                   return a.number("distance") * rkd_distance(a.taps) +
                          a.number("angle") * rkd_angle(a.taps);
                 }});
  all.push_back({{.name = "pkt",
                  .what = "which images are each one's neighbours",
                  .before = "labels + 30000 * ",
                  .taps = TapKind::last},
                 [](const Arguments& a) { return pkt(a.taps); }});
  all.push_back({{.name = "infonce",
                  .what = "whose features these are, among those of the batch",
                  .options = {option("tau", InfoNceOptions{}.temperature, "its temperature"),
                              yes_or_no("both", InfoNceOptions{}.both, "in both directions"),
                              yes_or_no("mask_same_class", InfoNceOptions{}.mask_same_class,
                                        "images of one class are not told apart"),
                              option("width", static_cast<double>(InfoNceOptions{}.width),
                                     "of the projections")},
                  .before = "labels + ",
                  .taps = TapKind::last},
                 [](const Arguments& a) {
                   return info_nce(a.taps, {.temperature = a.number("tau"),
                                            .both = a.yes("both"),
                                            .mask_same_class = a.yes("mask_same_class"),
                                            .width = a.whole("width")});
                 }});
}

}  // namespace

const std::vector<NamedMethod>& named_methods() {
  static const std::vector<NamedMethod> all = [] {
    std::vector<NamedMethod> table;
    for (const auto add : {add_answers, add_targets, add_others, add_features}) add(table);
    return table;
  }();
  return all;
}

}  // namespace limbeck::detail
