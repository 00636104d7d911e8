#include "core/function_ref.h"

#include <memory>
#include <type_traits>

#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

int of_three(FunctionRef<int(int)> f) {
  return f(3);
}
int ninefold(int i) {
  return 9 * i;
}

struct Tripled {
  int operator()(int i) const { return 3 * i; }
};

}  // namespace

TEST_CASE("what is lent may be a lambda, a function, its address, an object, or lent already") {
  CHECK(of_three([](int i) { return i + 1; }) == 4);
  CHECK(of_three([](double x) { return static_cast<short>(x * 2); }) == 6);  // converted both ways
  CHECK(of_three(ninefold) == 27);
  CHECK(of_three(&ninefold) == 27);
  const Tripled tripled;
  CHECK(of_three(tripled) == 9);
  CHECK(of_three(Tripled{}) == 9);
  const auto lend_on = [](FunctionRef<int(int)> f) { return of_three(f); };
  CHECK(lend_on([](int i) { return i - 1; }) == 2);

  static_assert(!std::is_constructible_v<FunctionRef<int(int)>, int(std::string)>);
  static_assert(!std::is_constructible_v<FunctionRef<int(int)>, int>);
  static_assert(!std::is_constructible_v<FunctionRef<int(int)>, std::string(int)>);
}

TEST_CASE("where nothing is asked for, what a function gives is dropped") {
  int calls = 0;
  const auto call = [](FunctionRef<void()> f) { f(); };
  call([&] { return ++calls; });
  CHECK(calls == 1);
}

TEST_CASE("what is lent is called itself, not a copy of it") {
  const auto count = [n = 0](int) mutable { return ++n; };
  auto counter = count;
  CHECK(of_three(counter) == 1);
  CHECK(of_three(counter) == 2);
  CHECK(counter(0) == 3);
}

TEST_CASE("arguments and results go through as they are") {
  const auto taken = [](FunctionRef<int(std::unique_ptr<int>)> f) {
    return f(std::make_unique<int>(5));
  };
  CHECK(taken([](std::unique_ptr<int> p) { return *p; }) == 5);
  int place = 1;
  const auto at = [](FunctionRef<int&(int&)> f, int& x) -> int& { return f(x); };
  at([](int& x) -> int& { return x; }, place) = 7;
  CHECK(place == 7);
}
