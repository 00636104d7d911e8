// Classes that the student never sees: what it knows of them all the same.
#include <fmt/format.h>

#include "apps/study/lab.h"
#include "apps/study/omission.h"

namespace limbeck {
namespace {

struct Left {
  std::string name;
  std::vector<std::int32_t> missing;
};

}  // namespace

void study_omit(Lab& lab) {
  const bool quick = lab.settings().quick;
  const std::string spec = lab.students({quick ? "mlp:100" : "mlp:300,300"}).front();
  const auto plural = [&](Index c) { return class_text(c, lab.class_names()) + "s"; };
  const std::vector<Left> all = {
      {plural(3), {3}},
      {plural(3) + " and " + plural(8), {3, 8}},
      {"all but " + plural(7) + " and " + plural(8), all_but({7, 8}, lab.test().classes)}};
  std::vector<Run> runs;
  for (const Left& left : all) {
    const Training training =
        lab.taught({.spec = spec, .epochs = lab.epochs(40, 25), .set = &lab.train()},
                   {.temperature = lab.temperature(8), .alpha = lab.alpha(0)});
    runs.push_back(
        {.what = lab.describe(training, {{"without", left.missing}}),
         .title = "without " + left.name,
         .cost = cost_of(training),
         .work = [&lab, &left,
                  training] { return to_json(train_without(lab, left.missing, training)); },
         .needs = lab.needs_of(training)});
  }
  Table table;
  std::string found;
  const std::vector<Json> results = lab.run(runs);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Omission o = omission_from(results[i]);
    table.push_back({{"left out", all[i].name},
                     {"errors", o.errors},
                     {"on them", o.on_missing},
                     {"of", images_of(o.missing, lab.test())},
                     {"best bias", o.bias},
                     {"errors then", o.errors_with_bias},
                     {"on them then", o.on_missing_with_bias}});
    found += fmt::format(
        "Without {}: the bias raised by {:g} takes the errors from {} to {}, and {} of the "
        "images of classes never seen are right.\n",
        all[i].name, o.bias, o.errors, o.errors_with_bias, share_read(o, lab.test()));
  }
  lab.report("omit", table, found);
}

}  // namespace limbeck
