// Tables of a study, and what they are made of.
#include "apps/study/table.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

TEST_CASE("a table aligns its columns, numbers to the right, and counts characters, not bytes") {
  const Table table = {{{"model", "mlp:800"}, {"errors", 79.3333}, {"±", nullptr}},
                       {{"model", "π"}, {"errors", 1234}, {"±", 2}}};
  CHECK(text_of(table) ==
        "model    errors  ±\n"
        "mlp:800   79.33  -\n"
        "π          1234  2\n");
  CHECK(text_of(Table{}).empty());
}

TEST_CASE("CSV quotes what needs it and leaves empty what there is not") {
  const Table table = {{{"a, b", "x \"y\""}, {"c", nullptr}, {"d", 0.5}}};
  CHECK(csv_of(table) == "\"a, b\",c,d\r\n\"x \"\"y\"\"\",,0.5\r\n");
}

TEST_CASE("spread is the mean and the standard deviation with n - 1") {
  const Spread s = spread_of({1, 2, 3, 4});
  CHECK(s.mean == doctest::Approx(2.5));
  CHECK(s.deviation == doctest::Approx(std::sqrt(5.0 / 3)));
  CHECK(spread_of({7}).deviation == 0);
  CHECK(text_of(spread_of({79})) == "79");
  CHECK(text_of(spread_of({78, 80})) == "79.0 ± 1.4");
  CHECK(contains(error_of([] { spread_of({}); }), "at least one number"));
}
