#include "core/tensor.h"

#include <thread>

#include "core/function_ref.h"
#include "core/storage.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

TEST_CASE("a shape knows its size, its rows and its text") {
  const Shape shape{2, 3, 4};
  CHECK(shape.size() == 24);
  CHECK(shape.rows() == 6);
  CHECK(shape.last() == 4);
  CHECK(shape.dim(-3) == 2);
  CHECK(shape.str() == "(2, 3, 4)");
  CHECK(shape.without_front().with_front(7) == Shape{7, 3, 4});
  CHECK(shape.with_last(1) == Shape{2, 3, 1});
  CHECK(shape.with_dim(1, 7) == Shape{2, 7, 4});
  CHECK(shape.with_dim(-3, 7) == Shape{7, 3, 4});
  CHECK(shape.without_dim(1) == Shape{2, 4});
  CHECK(shape.without_dim(-1) == Shape{2, 3});
  CHECK(shape.insert_dim(0, 7) == Shape{7, 2, 3, 4});
  CHECK(shape.insert_dim(1, 7) == Shape{2, 7, 3, 4});
  CHECK(shape.insert_dim(3, 7) == Shape{2, 3, 4, 7});
  CHECK(shape.insert_dim(-1, 7) == Shape{2, 3, 4, 7});
  CHECK(error_of([&] { shape.with_dim(3, 1); }) ==
        "Shape: dimension 3 asked of (2, 3, 4), which has 3");
  CHECK(contains(error_of([&] { shape.without_dim(-4); }), "dimension -4 asked of"));
  CHECK(contains(error_of([&] { shape.insert_dim(4, 1); }), "dimension 4 asked of"));
  CHECK(Shape{}.size() == 1);
  CHECK(Shape{}.str() == "()");
  CHECK(Shape{0, 5}.size() == 0);
  CHECK(error_of([&] { shape.dim(3); }) == "Shape: dimension 3 asked of (2, 3, 4), which has 3");
  CHECK(contains(error_of([] { Shape{2, -1}; }), "dimension 1 is -1"));
  CHECK(contains(error_of([] { Shape{1, 1, 1, 1, 1, 1, 1}; }), "at most 6 dimensions"));
}

TEST_CASE("copies of a tensor share elements, clones do not") {
  Tensor a = Tensor::from({2, 2}, {1, 2, 3, 4});
  Tensor handle = a;
  Tensor clone = a.clone();
  a.data()[0] = 9;
  CHECK(handle.data()[0] == 9);
  CHECK(clone.data()[0] == 1);
  CHECK(a.str() == "(2, 2) [9, 2, 3, 4]");
}

TEST_CASE("reshape and ranges of rows are views on the same memory") {
  Tensor a = Tensor::from({3, 2}, {1, 2, 3, 4, 5, 6});
  CHECK(reshape(a, {2, -1}).shape() == Shape{2, 3});
  const Tensor flat = reshape(a, {6});
  CHECK(flat.data() == std::as_const(a).data());
  const Tensor rows = slice_rows(a, 1, 3);
  CHECK(rows.data() == a.data() + 2);
  CHECK(difference(rows, {3, 4, 5, 6}) == 0);
  CHECK(slice_rows(a, 1, 1).size() == 0);
  CHECK(difference(concat_rows({rows, a}), {3, 4, 5, 6, 1, 2, 3, 4, 5, 6}) == 0);
}

TEST_CASE("misuse of a tensor is an error that says what to do") {
  const Tensor a = Tensor::zeros({2, 3});
  CHECK(contains(error_of([] { Tensor().shape(); }), "undefined"));
  CHECK(contains(error_of([&] { a.item(); }), "6 elements, shape (2, 3), not one"));
  CHECK(contains(error_of([] { Tensor::from({2}, {1, 2, 3}); }), "(2) has 2 elements, and 3"));
  CHECK(contains(error_of([&] { reshape(a, {4, 2}); }), "(2, 3) has 6 elements and (4, 2) has 8"));
  CHECK(contains(error_of([&] { reshape(a, {4, -1}); }), "cannot become (4, -1)"));
  CHECK(contains(error_of([&] { reshape(a, {-1, -1}); }), "at most one dimension may be -1"));
  CHECK(contains(error_of([&] { slice_rows(a, 1, 3); }), "rows [1, 3) asked of shape (2, 3)"));
  CHECK(contains(error_of([&] {
                   concat_rows({a, Tensor::zeros({2, 4})});
                 }),
                 "(2, 3) and (2, 4) differ in more than their first dimension"));
  CHECK(contains(error_of([&] { a.view({7}); }), "do not fit"));
}

TEST_CASE("a freed buffer serves the next request of its size, aligned to 64 bytes") {
  if (!pool_keeps_memory()) {
    MESSAGE("skipped: under AddressSanitizer the pool keeps no memory");
    return;
  }
  const real* first = nullptr;
  {
    const Tensor a = Tensor::empty({1000});
    first = a.data();
    CHECK(reinterpret_cast<std::uintptr_t>(first) % 64 == 0);
  }
  const PoolStats before = pool_stats();
  const Tensor b = Tensor::empty({999});  // of the same size class
  CHECK(b.data() == first);
  const PoolStats after = pool_stats();
  CHECK(after.system_allocations == before.system_allocations);
  CHECK(after.bytes_in_use > before.bytes_in_use);
  CHECK(after.bytes_in_use + after.bytes_cached == before.bytes_in_use + before.bytes_cached);
  release_pool();
  CHECK(pool_stats().bytes_cached == 0);
  CHECK(contains(error_of([] { Tensor::empty({Index{1} << 50}); }), "no memory for"));
}

TEST_CASE("sizes that multiply to more than memory can hold are an error, not a smaller number") {
  constexpr Index large = Index{1} << 32;
  CHECK(error_of([] {
          Shape{large, large};
        }) == "Shape: (4294967296, 4294967296) has more than 2^60 elements");
  CHECK(contains(error_of([] { Tensor::zeros({large, large}); }), "more than 2^60 elements"));
  CHECK(contains(error_of([] { Tensor::zeros({Index{1} << 62}); }), "more than 2^60 elements"));
  CHECK(contains(error_of([] { Shape{large}.with_front(large); }), "more than 2^60 elements"));
  CHECK(contains(error_of([] { Shape{large, 2}.with_last(large); }), "more than 2^60 elements"));
  CHECK(contains(error_of([] { Shape{large, large, 0}; }), "more than 2^60 elements"));
  CHECK(contains(error_of([] { Shape{2}.with_last(-1); }), "must not be negative"));
  CHECK(contains(error_of([] { reshape(Tensor::zeros({4}), {large, large, -1}); }), "2^60"));
  CHECK(Shape{Index{1} << 30, Index{1} << 30}.size() == Index{1} << 60);
}

TEST_CASE("a limit of memory holds for all that is made while it lives, in this thread") {
  const auto error = [](FunctionRef<void()> make) { return error_of(make); };
  {
    const MemoryLimit limit(1000 * sizeof(real));
    const Tensor first = Tensor::zeros({600});
    CHECK(contains(error([] { Tensor::zeros({600}); }), "bytes asked, and "));
    CHECK(error([] { Tensor::zeros({300}); }) == "(no error)");
    const MemoryLimit larger(1'000'000'000);  // the narrower one holds
    CHECK(contains(error([] { Tensor::zeros({600}); }), "bytes asked, and "));
    std::string elsewhere;
    std::thread([&] { elsewhere = error([] { Tensor::zeros({10'000}); }); }).join();
    CHECK(elsewhere == "(no error)");
  }
  CHECK(error([] { Tensor::zeros({10'000}); }) == "(no error)");
}
