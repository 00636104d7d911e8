// The paper's section 3 from one command: Hinton, Vinyals, Dean, "Distilling the Knowledge in a
// Neural Network", 2015, on MNIST, its figures beside ours.
#include <fmt/format.h>

#include "apps/study/lab.h"
#include "apps/study/omission.h"
#include "nn/train/evaluate.h"

namespace limbeck {
namespace {

// What the paper leaves open is ours: Adam, its rate along half a cosine, the number of epochs, the
// share of units dropped and the limit on the weights' norm.
Training paper_teacher(const Lab& lab) {
  return {.spec = lab.settings().quick ? "mlp:200,200" : "mlp:1200,1200",
          .epochs = lab.teacher_epochs(160, 6),
          .set = &lab.train(),
          .dropout = 0.5,
          .augment = "shift",
          .max_row_norm = 2};
}

class Paper {
 public:
  void row(const std::string& what, const char* paper, const std::string& ours) {
    table_.push_back({{"", what}, {"the paper", paper}, {"here", ours}});
  }
  const Table& table() const { return table_; }

 private:
  Table table_;
};

}  // namespace

void study_hinton2015(Lab& lab) {
  const bool quick = lab.settings().quick;
  const std::string spec = quick ? "mlp:100,100" : "mlp:800,800";
  const Training teacher = paper_teacher(lab);
  const Training hard{.spec = spec, .epochs = lab.epochs(40, 25), .set = &lab.train()};
  Training soft = lab.taught(hard, {.temperature = lab.temperature(20), .alpha = lab.alpha(0.05)},
                             "teacher", teacher);
  // There is more to learn, and by a validation split more, smaller steps learn it better.
  soft.epochs = lab.epochs(80, 25);
  soft.batch_size = 32;
  const Index teacher_errors = lab.teacher("teacher", teacher).errors;
  const std::vector<Spread> errors =
      lab.errors_of({{.title = "student, hard labels", .training = hard},
                     {.title = fmt::format("student, T = {:g}", soft.distillation.temperature),
                      .training = soft}});
  // With classes missing there is no use for labels: they would only say what is not there.
  Training alone = soft;
  alone.distillation.alpha = 0;
  const auto without = [&](const std::string& title, const std::vector<std::int32_t>& missing) {
    return Run{
        .what = lab.describe(alone, {{"without", missing}}),
        .title = title,
        .cost = cost_of(alone),
        .work = [&lab, alone, missing] { return to_json(train_without(lab, missing, alone)); },
        .needs = lab.needs_of(alone)};
  };
  const std::vector<Json> results = lab.run(
      {without("without 3s", {3}), without("7s and 8s only", all_but({7, 8}, lab.test().classes))});
  const Omission threes = omission_from(results[0]), sevens = omission_from(results[1]);

  const auto percent = [&](Index n) {
    return fmt::format("{:.1f} %",
                       100 * static_cast<double>(n) / static_cast<double>(lab.test().size()));
  };
  Paper paper;
  paper.row("teacher 1200-1200, errors", "67", fmt::format("{}", teacher_errors));
  paper.row("student 800-800 on hard labels", "146", text_of(errors[0]));
  paper.row("student distilled at T = 20", "74", text_of(errors[1]));
  paper.row("  without 3s: errors (on 3s)", "206 (133)",
            fmt::format("{} ({})", threes.errors, threes.on_missing));
  paper.row("  its bias of 3 raised by", "3.5", fmt::format("{:g}", threes.bias));
  paper.row("  errors then (on 3s)", "109 (14)",
            fmt::format("{} ({})", threes.errors_with_bias, threes.on_missing_with_bias));
  paper.row("  from 7s and 8s only", "47.3 %", percent(sevens.errors));
  paper.row("  their bias lowered by", "7.6", fmt::format("{:g}", sevens.bias));
  paper.row("  errors then", "13.2 %", percent(sevens.errors_with_bias));
  const double gain = errors[0].mean - static_cast<double>(teacher_errors);
  const std::string won_back =
      gain > 0 ? fmt::format(
                     "Distillation won back {:.0f} % of what the teacher has over the "
                     "student on hard labels",
                     100 * (errors[0].mean - errors[1].mean) / gain)
               : "The teacher has nothing over the student on hard labels that could be won back";
  lab.report("hinton2015", paper.table(),
             fmt::format("{}; of the 3s, which it never saw, the student reads {} once its bias "
                         "is mended.\n",
                         won_back, share_read(threes, lab.test())));
}

}  // namespace limbeck
