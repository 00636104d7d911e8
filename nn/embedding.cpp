#include "nn/embedding.h"

#include <cmath>
#include <limits>
#include <vector>

#include "core/error.h"
#include "core/ops/gather.h"
#include "core/ops/shape_ops.h"

namespace limbeck {
namespace {

void check_id(double id, Index ids) {
  if (!(id >= 0 && id < static_cast<double>(ids))) {
    fail("Embedding", "id {} is not one of the {} from 0 to {}", id, ids, ids - 1);
  }
}

}  // namespace

Embedding::Embedding(const Options& options, Rng& rng) {
  if (options.ids < 1 || options.features < 1) {
    fail("Embedding", "ids and features must be at least 1; got {} and {}", options.ids,
         options.features);
  }
  weight = normal({options.ids, options.features}, 0, 1, rng).requires_grad();
}

std::string Embedding::describe() const {
  return fmt::format("Embedding({}, {})", weight.dim(0), weight.dim(1));
}

Tensor Embedding::look_up(std::span<const std::int32_t> ids) {
  for (const std::int32_t id : ids) check_id(id, weight.dim(0));
  return gather_rows(weight, ids);
}

Tensor Embedding::forward(const Tensor& x) {
  constexpr Index exact = Index{1} << std::numeric_limits<real>::digits;
  if (weight.dim(0) > exact) {
    fail("Embedding", "the elements of a tensor do not tell {} ids apart, only {}; use look_up()",
         weight.dim(0), exact);
  }
  std::vector<Index> ids;
  ids.reserve(x.values().size());
  for (const real v : x.values()) {
    if (v != std::floor(v)) fail("Embedding", "an id must be a whole number; got {}", v);
    check_id(static_cast<double>(v), weight.dim(0));
    ids.push_back(static_cast<Index>(v));
  }
  return reshape(gather_rows(weight, ids), x.shape().insert_dim(-1, weight.dim(1)));
}

}  // namespace limbeck
