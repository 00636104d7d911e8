// What moves elements, counts them or leaves them as they are.
#include <algorithm>
#include <limits>

#include "core/error.h"
#include "core/ops.h"
#include "core/ops/gather.h"
#include "nn/import/onnx_operators.h"

namespace limbeck::imported {
namespace {

// A list of whole numbers as a tensor.
Tensor list_of(const Call& call, const std::vector<Index>& numbers) {
  std::vector<real> values;
  for (const Index n : numbers) {
    if (!is_kept(n)) call.refuse("{} is beyond 2^24, up to which whole numbers are exact", n);
    values.push_back(whole_number(n));
  }
  return Tensor::from({static_cast<Index>(values.size())}, values);
}

std::string text_of(const std::vector<Index>& numbers) {
  std::string text;
  for (const Index n : numbers) text += fmt::format("{}{}", text.empty() ? "" : ", ", n);
  return "(" + text + ")";
}

// Sizes as a shape. Error: there are more of them than a tensor has.
Shape shape_of(const Call& call, const std::vector<Index>& sizes) {
  if (sizes.size() > Shape::max_rank) {
    call.refuse("the shape {} has more than {} dimensions", text_of(sizes), Shape::max_rank);
  }
  Shape shape;
  for (std::size_t i = sizes.size(); i > 0; --i) shape = shape.with_front(sizes[i - 1]);
  return shape;
}

Tensor permuted(const Tensor& x, const std::vector<int>& a) {
  switch (a.size()) {
    case 2:
      return permute(x, {a[0], a[1]});
    case 3:
      return permute(x, {a[0], a[1], a[2]});
    case 4:
      return permute(x, {a[0], a[1], a[2], a[3]});
    case 5:
      return permute(x, {a[0], a[1], a[2], a[3], a[4]});
    case 6:
      return permute(x, {a[0], a[1], a[2], a[3], a[4], a[5]});
    default:
      return x;
  }
}

// --- shapes ---

// 0 keeps a size, and −1 is what the others leave over.
Tensor reshape_to(const Call& call) {
  const Tensor& x = call.tensor(0);
  std::vector<Index> sizes = call.wholes(1);
  const std::string wanted = text_of(sizes);
  const bool zero_counts = call.integer("allowzero", 0) != 0;
  Index others = 1;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] == 0 && !zero_counts && static_cast<int>(i) < x.shape().rank()) {
      sizes[i] = x.dim(static_cast<int>(i));
    }
    if (sizes[i] != -1) others *= std::clamp<Index>(sizes[i], 0, x.size() + 1);
    others = std::min(others, x.size() + 1);
  }
  const auto open = std::ranges::find(sizes, -1);
  if (open != sizes.end() && others > 0) *open = x.size() / others;
  const bool right = std::ranges::all_of(sizes, [](Index n) { return n >= 0; }) &&
                     shape_of(call, sizes).size() == x.size();
  if (!right) {
    call.refuse(
        "{} cannot become {}; if a batch of another size is fixed in it, export the "
        "network for any batch (dynamic_axes)",
        x.shape(), wanted);
  }
  return reshape(x, shape_of(call, sizes));
}

Tensor flatten_at(const Call& call) {
  const Tensor& x = call.tensor(0);
  const Index axis = call.integer("axis", 1);
  const int rank = x.shape().rank();
  const int at = axis == rank ? rank : call.axis(axis, rank);
  Index rows = 1;
  for (int i = 0; i < at; ++i) rows *= x.dim(i);
  Index columns = 1;
  for (int i = at; i < rank; ++i) columns *= x.dim(i);
  return reshape(x, {rows, columns});
}

Tensor transpose(const Call& call) {
  const Tensor& x = call.tensor(0);
  const int rank = x.shape().rank();
  std::vector<int> axes;
  for (const Index axis : call.integers("perm")) axes.push_back(call.axis(axis, rank));
  if (axes.empty()) {
    for (int i = rank - 1; i >= 0; --i) axes.push_back(i);
  }
  if (static_cast<int>(axes.size()) != rank) {
    call.refuse("perm has {} axes for {}", axes.size(), x.shape());
  }
  return permuted(x, axes);
}

Tensor squeeze(const Call& call) {
  const Tensor& x = call.tensor(0);
  const int rank = x.shape().rank();
  const std::vector<Index> axes = call.list(1, "axes");
  std::vector<bool> gone(static_cast<std::size_t>(rank), false);
  for (int i = 0; i < rank; ++i) gone[static_cast<std::size_t>(i)] = axes.empty() && x.dim(i) == 1;
  for (const Index axis : axes) gone[static_cast<std::size_t>(call.axis(axis, rank))] = true;
  Shape shape = x.shape();
  for (int i = rank - 1; i >= 0; --i) {
    if (!gone[static_cast<std::size_t>(i)]) continue;
    if (x.dim(i) != 1) call.refuse("dimension {} of {} is not 1", i, x.shape());
    shape = shape.without_dim(i);
  }
  return reshape(x, shape);
}

Tensor unsqueeze(const Call& call) {
  const Tensor& x = call.tensor(0);
  const std::vector<Index> axes = call.list(1, "axes");
  const auto rank = static_cast<int>(static_cast<std::size_t>(x.shape().rank()) + axes.size());
  if (rank > Shape::max_rank) call.refuse("more than {} dimensions", Shape::max_rank);
  std::vector<int> places;
  for (const Index axis : axes) places.push_back(call.axis(axis, rank));
  std::ranges::sort(places);
  Shape shape = x.shape();
  for (const int place : places) shape = shape.insert_dim(place, 1);
  return reshape(x, shape);
}

// Broadcast both ways.
Tensor expand(const Call& call) {
  const Tensor& x = call.tensor(0);
  const Shape wanted = shape_of(call, call.wholes(1));
  const Shape shape = broadcast_shape("Expand", x.shape(), wanted);
  return x.shape() == shape ? x : x * Tensor::full(shape, 1);
}

// --- parts ---

// These places along an axis, in this order.
Tensor places(const Tensor& x, int axis, const std::vector<Index>& at) {
  const bool in_a_row = !at.empty() && std::ranges::adjacent_find(at, [](Index a, Index b) {
                                         return b != a + 1;
                                       }) == at.end();
  if (in_a_row) return slice(x, axis, at.front(), at.back() + 1);
  if (axis == 0) return gather_rows(x, at);
  std::vector<int> front = {axis}, back;  // the axis to the front and back
  for (int i = 0; i < x.shape().rank(); ++i) {
    if (i != axis) front.push_back(i);
    back.push_back(i < axis ? i + 1 : i == axis ? 0 : i);
  }
  return permuted(gather_rows(permuted(x, front), at), back);
}

Tensor gather(const Call& call) {
  const Tensor& x = call.tensor(0);
  const int rank = x.shape().rank();
  const int axis = call.axis(call.integer("axis", 0), rank);
  std::vector<Index> at = call.wholes(1);
  for (Index& place : at) {
    if (place < -x.dim(axis) || place >= x.dim(axis)) {
      call.refuse("there is no place {} along dimension {} of {}", place, axis, x.shape());
    }
    if (place < 0) place += x.dim(axis);
  }
  std::vector<Index> sizes(x.shape().begin(), x.shape().begin() + axis);
  sizes.insert(sizes.end(), call.tensor(1).shape().begin(), call.tensor(1).shape().end());
  sizes.insert(sizes.end(), x.shape().begin() + axis + 1, x.shape().end());
  const Shape shape = shape_of(call, sizes);
  return reshape(places(x, axis, at), shape);
}

// The places from start to end, without it, in steps that may go backwards.
std::vector<Index> places_between(Index start, Index end, Index step, Index size) {
  const Index lowest = step > 0 ? 0 : -1, highest = step > 0 ? size : size - 1;
  const auto on = [&](Index place) {
    return std::clamp(place < 0 ? place + size : place, lowest, highest);
  };
  std::vector<Index> at;
  const Index last = on(end);
  for (Index i = on(start); step > 0 ? i < last : i > last; i += step) at.push_back(i);
  return at;
}

// A place from the end, where it is below 0, as one from the front; without gaps, so with an end.
Index place_on(Index place, Index size) {
  return std::clamp<Index>(place < 0 ? place + size : place, 0, size);
}

Tensor slice_of(const Call& call) {
  const std::vector<Index> starts = call.list(1, "starts"), ends = call.list(2, "ends");
  std::vector<Index> axes = call.list(3, "axes"), steps;
  if (call.has(4)) steps = call.wholes(4);
  Tensor y = call.tensor(0);
  const int rank = y.shape().rank();
  const auto count = std::min(starts.size(), static_cast<std::size_t>(rank));
  for (std::size_t i = 0; axes.size() < count && !call.has_list(3, "axes"); ++i) {
    axes.push_back(static_cast<Index>(i));
  }
  if (steps.empty()) steps.assign(starts.size(), 1);
  if (ends.size() != starts.size() || axes.size() != starts.size() ||
      steps.size() != starts.size()) {
    call.refuse("{} starts, {} ends, {} axes and {} steps", starts.size(), ends.size(), axes.size(),
                steps.size());
  }
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const int axis = call.axis(axes[i], rank);
    if (steps[i] == 0) call.refuse("a step of 0");
    if (steps[i] == 1) {
      const Index begin = place_on(starts[i], y.dim(axis));
      y = slice(y, axis, begin, std::max(begin, place_on(ends[i], y.dim(axis))));
      continue;
    }
    const std::vector<Index> at = places_between(starts[i], ends[i], steps[i], y.dim(axis));
    y = at.empty() ? slice(y, axis, 0, 0) : places(y, axis, at);
  }
  return y;
}

Tensor concat_of(const Call& call) {
  std::vector<Tensor> parts;
  for (std::size_t i = 0; i < call.inputs(); ++i) parts.push_back(call.tensor(i));
  if (!call.says("axis")) call.refuse("it has no axis");
  return concat(parts, call.axis(call.integer("axis", 0), parts[0].shape().rank()));
}

// Into parts of sizes that are given, or as equal as they can be.
std::vector<Value> split_of(const Call& call) {
  const Tensor& x = call.tensor(0);
  const int axis = call.axis(call.integer("axis", 0), x.shape().rank());
  std::vector<Index> sizes = call.list(1, "split");
  const auto parts = static_cast<Index>(call.outputs());
  if (call.integer("num_outputs", parts) != parts) {
    call.refuse("num_outputs is not {}, the number of its outputs", parts);
  }
  if (sizes.empty()) {
    const Index size = (x.dim(axis) + parts - 1) / parts;
    for (Index i = 0; i < parts; ++i) {
      sizes.push_back(std::clamp<Index>(x.dim(axis) - i * size, 0, size));
    }
  }
  std::vector<Value> values;
  Index begin = 0;
  for (const Index size : sizes) {
    if (size < 0 || size > x.dim(axis) - begin) break;
    values.push_back({.tensor = slice(x, axis, begin, begin + size), .whole = call.value(0).whole});
    begin += size;
  }
  if (values.size() != sizes.size() || sizes.size() != call.outputs() || begin != x.dim(axis)) {
    call.refuse("parts {} of dimension {} of {}, for {} outputs", text_of(sizes), axis, x.shape(),
                parts);
  }
  return values;
}

// What is put before the first and after the last place of each axis; what is below 0 is cut off.
Tensor pad_of(const Call& call) {
  Tensor y = call.tensor(0);
  const int rank = y.shape().rank();
  const std::string mode = call.word("mode", "constant");
  if (mode != "constant") call.refuse("mode is \"{}\"; constant is known", mode);
  const std::vector<Index> pads = call.list(1, "pads");
  const double otherwise = call.number("value", 0);
  const double value = call.has(2) ? call.scalar(2) : otherwise;
  std::vector<Index> axes;
  if (call.has(3)) axes = call.wholes(3);
  for (int i = 0; !call.has(3) && i < rank; ++i) axes.push_back(i);
  if (pads.size() != 2 * axes.size()) {
    call.refuse("{} pads for {} axes: two belong to each", pads.size(), axes.size());
  }
  for (const Index places : pads) {
    if (places < -largest_whole || places > largest_whole) call.refuse("a pad of {}", places);
  }
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const int axis = call.axis(axes[i], rank);
    const Index before = pads[i], after = pads[axes.size() + i], size = y.dim(axis);
    const Index begin = std::max<Index>(-before, 0), end = size - std::max<Index>(-after, 0);
    if (begin > end) call.refuse("pads {} cut off more than {} has", text_of(pads), y.shape());
    if (begin > 0 || end < size) y = slice(y, axis, begin, end);
    if (before > 0 || after > 0) {
      y = pad(y, axis,
              {.before = std::max<Index>(before, 0),
               .after = std::max<Index>(after, 0),
               .value = value});
    }
  }
  return y;
}

// --- sizes, constants ---

std::vector<Value> shape(const Call& call) {
  const Shape& of = call.tensor(0).shape();
  const auto bound = [&](const char* name, Index otherwise) {
    const Index place = call.integer(name, otherwise);
    return std::clamp<Index>(place < 0 ? place + of.rank() : place, 0, of.rank());
  };
  const Index begin = bound("start", 0), end = std::max(bound("end", of.rank()), begin);
  return {{.tensor = list_of(call, {of.begin() + begin, of.begin() + end}), .whole = true}};
}

std::vector<Value> size(const Call& call) {
  const auto elements = static_cast<real>(call.tensor(0).size());
  return {{.tensor = Tensor::scalar(elements), .whole = true}};
}

std::vector<Value> constant(const Call& call) {
  if (const Value* const value = call.constant("value")) return {*value};
  if (call.says("value_float")) {
    return {{.tensor = Tensor::scalar(static_cast<real>(call.number("value_float", 0)))}};
  }
  if (call.says("value_int")) {
    const Tensor one = list_of(call, {call.integer("value_int", 0)});
    return {{.tensor = reshape(one, {}), .whole = true}};
  }
  if (call.says("value_ints")) {
    return {{.tensor = list_of(call, call.integers("value_ints")), .whole = true}};
  }
  call.refuse("it has no value, value_float, value_int or value_ints, which are known");
}

std::vector<Value> constant_of_shape(const Call& call) {
  const Value zero{.tensor = Tensor::scalar(0)};
  const Value* const given = call.constant("value");
  const Value& value = given == nullptr ? zero : *given;
  if (value.tensor.size() != 1) call.refuse("its value has the shape {}", value.tensor.shape());
  return {{.tensor = Tensor::full(shape_of(call, call.wholes(0)), value.tensor.item()),
           .whole = value.whole}};
}

Tensor identity(const Call& call) {
  return call.tensor(0);
}

// Outside of training.
Tensor dropout(const Call& call) {
  call.ignore("ratio");
  call.ignore("seed");
  if (call.has(2) && call.scalar(2) != 0) {
    call.refuse("it is in training mode; export the network in evaluation mode: model.eval()");
  }
  return call.tensor(0);
}

}  // namespace

void add_shapes(Operators& table) {
  constexpr std::size_t any = std::numeric_limits<std::size_t>::max();
  table.merge(Operators{{"Reshape", {of_input(reshape_to), 2, 2}},
                        {"Flatten", {of_input(flatten_at)}},
                        {"Transpose", {of_input(transpose)}},
                        {"Squeeze", {of_input(squeeze), 1, 2}},
                        {"Unsqueeze", {of_input(unsqueeze), 1, 2}},
                        {"Expand", {of_input(expand), 2, 2}},
                        {"Gather", {of_input(gather), 2, 2}},
                        {"Slice", {of_input(slice_of), 1, 5}},
                        {"Concat", {of_input(concat_of), 1, any}},
                        {"Split", {split_of, 1, 2}},
                        {"Pad", {of_input(pad_of), 1, 4}},
                        {"Shape", {shape}},
                        {"Size", {size}},
                        {"Constant", {constant, 0, 0}},
                        {"ConstantOfShape", {constant_of_shape}},
                        {"Identity", {of_input(identity)}},
                        {"Dropout", {of_input(dropout), 1, 3}}});
}

}  // namespace limbeck::imported
