// Windows that slide over images: convolution and pooling, and what makes images larger.
#include <array>
#include <cmath>
#include <limits>

#include "core/ops.h"
#include "nn/import/onnx_operators.h"

namespace limbeck::imported {
namespace {

// How far something reaches over the image, on its four sides.
struct Frame {
  Index top = 0, left = 0, bottom = 0, right = 0;

  bool even() const { return top == bottom && left == right; }
  bool none() const { return even() && top == 0 && left == 0; }
};

struct Window {
  Size2d kernel = 1, stride = 1, dilation = 1;
  Frame pads{};
  Frame more{};  // what a last window that is rounded up reaches beyond the pads

  Size2d extent() const {
    return {dilation.height * (kernel.height - 1) + 1, dilation.width * (kernel.width - 1) + 1};
  }
};

// As many numbers as there should be, each at least 0 and not so large that sums overflow.
std::vector<Index> sizes(const Call& call, const std::string& name, std::vector<Index> otherwise) {
  constexpr Index most = Index{1} << 20;
  const std::size_t count = otherwise.size();
  const std::vector<Index> given = call.integers(name, std::move(otherwise));
  if (given.size() != count) {
    call.refuse("{} has {} numbers where {} belong: images of two dimensions are known", name,
                given.size(), count);
  }
  for (const Index size : given) {
    if (size < 0 || size > most) call.refuse("{} has {}; 0 to {} are known", name, size, most);
  }
  return given;
}

Size2d pair(const Call& call, const std::string& name, const Size2d& otherwise) {
  const std::vector<Index> given = sizes(call, name, {otherwise.height, otherwise.width});
  return {given[0], given[1]};
}

// What "same" pads along an axis, so that out = in / stride, rounded up.
Index same_padding(Index in, Index extent, Index stride) {
  const Index out = (in + stride - 1) / stride;
  return std::max<Index>((out - 1) * stride + extent - in, 0);
}

// How far the last window reaches over the padded image, if its number is rounded up; one that
// would begin beyond the image and the padding before it is left out, as PyTorch has it.
Index beyond(Index in, Index before, Index after, Index extent, Index stride) {
  const Index room = in + before + after - extent;
  if (room < 0) return 0;
  Index last = (room + stride - 1) / stride;
  if (last * stride >= in + before) --last;
  return std::max<Index>(last * stride - room, 0);
}

// What is put around images of this shape, by numbers or by the name of a rule.
Frame pads_of(const Call& call, const Shape& images, const Window& window) {
  const std::vector<Index> pads = sizes(call, "pads", {0, 0, 0, 0});
  const std::string how = call.word("auto_pad", "NOTSET");
  if (how == "NOTSET")
    return {.top = pads[0], .left = pads[1], .bottom = pads[2], .right = pads[3]};
  if (how == "VALID") return {};
  const bool lower = how == "SAME_LOWER";  // the larger half goes before, else after the image
  if (!lower && how != "SAME_UPPER") {
    call.refuse("auto_pad is \"{}\"; NOTSET, VALID, SAME_UPPER and SAME_LOWER are known", how);
  }
  const Size2d extent = window.extent();
  const Index height = same_padding(images.dim(2), extent.height, window.stride.height);
  const Index width = same_padding(images.dim(3), extent.width, window.stride.width);
  const Index top = (height + (lower ? 1 : 0)) / 2, left = (width + (lower ? 1 : 0)) / 2;
  return {.top = top, .left = left, .bottom = height - top, .right = width - left};
}

Window window_of(const Call& call, const Size2d& kernel) {
  const Shape& images = call.tensor(0).shape();
  if (images.rank() != 4) {
    call.refuse("images of shape {}; those of (N, C, H, W) are known", images);
  }
  Window window{.kernel = pair(call, "kernel_shape", kernel),
                .stride = pair(call, "strides", 1),
                .dilation = pair(call, "dilations", 1)};
  for (const auto& [what, size] : {std::pair("kernel_shape", window.kernel),
                                   {"strides", window.stride},
                                   {"dilations", window.dilation}}) {
    if (size.height < 1 || size.width < 1) call.refuse("{} must be at least 1; got {}", what, size);
  }
  const Frame pads = window.pads = pads_of(call, images, window);
  if (call.integer("ceil_mode", 0) != 0) {
    const Size2d extent = window.extent(), stride = window.stride;
    window.more.bottom = beyond(images.dim(2), pads.top, pads.bottom, extent.height, stride.height);
    window.more.right = beyond(images.dim(3), pads.left, pads.right, extent.width, stride.width);
  }
  return window;
}

Tensor framed(const Tensor& x, const Frame& frame, double value) {
  Tensor y = x;
  if (frame.top != 0 || frame.bottom != 0) {
    y = pad(y, -2, {.before = frame.top, .after = frame.bottom, .value = value});
  }
  if (frame.left != 0 || frame.right != 0) {
    y = pad(y, -1, {.before = frame.left, .after = frame.right, .value = value});
  }
  return y;
}

// The kernel of weights (…, …, kh, kw).
Size2d kernel_of(const Call& call) {
  const Shape& weight = call.tensor(1).shape();
  if (weight.rank() != 4) {
    call.refuse("weights of shape {}; those of images, of rank 4, are known", weight);
  }
  return {weight.dim(2), weight.dim(3)};
}

void check_kernel(const Call& call, const Window& window) {
  if (window.kernel != kernel_of(call)) {
    call.refuse("kernel_shape is {}, and the weights are {}", window.kernel,
                call.tensor(1).shape());
  }
}

Tensor conv(const Call& call) {
  const Window window = window_of(call, kernel_of(call));
  check_kernel(call, window);
  const Frame& pads = window.pads;
  ConvOptions options{.stride = window.stride,
                      .padding = {pads.top, pads.left},
                      .dilation = window.dilation,
                      .groups = call.integer("group", 1)};
  Tensor x = call.tensor(0);
  if (!pads.even()) {
    x = framed(x, pads, 0);
    options.padding = 0;
  }
  return conv2d(x, call.tensor(1), call.tensor_or_none(2), options);
}

Tensor conv_transpose(const Call& call) {
  const Window window = window_of(call, kernel_of(call));
  check_kernel(call, window);
  if (call.integer("group", 1) != 1) call.refuse("groups are not known here");
  if (window.dilation != Size2d(1)) call.refuse("dilations are not known here");
  if (!window.pads.even() || call.word("auto_pad", "NOTSET") != "NOTSET" ||
      call.says("output_shape")) {
    call.refuse("pads that are the same on both sides are known; no auto_pad, no output_shape");
  }
  return conv_transpose2d(call.tensor(0), call.tensor(1), call.tensor_or_none(2),
                          {.stride = window.stride,
                           .padding = {window.pads.top, window.pads.left},
                           .output_padding = pair(call, "output_padding", 0)});
}

Window pooling_window(const Call& call) {
  if (!call.says("kernel_shape")) call.refuse("it has no kernel_shape");
  const Window window = window_of(call, 1);
  if (window.dilation != Size2d(1)) call.refuse("dilations are not known here");
  return window;
}

// Whether the library's poolings take these pads as they are.
bool fits(const Window& window) {
  return window.pads.even() && window.more.none() && 2 * window.pads.top <= window.kernel.height &&
         2 * window.pads.left <= window.kernel.width;
}

PoolOptions pool_options(const Window& window, bool padded) {
  return {.kernel = window.kernel,
          .stride = window.stride,
          .padding = padded ? Size2d(window.pads.top, window.pads.left) : Size2d(0)};
}

Tensor max_pool(const Call& call) {
  call.ignore("storage_order");  // of places, which are not asked for
  const Window window = pooling_window(call);
  const Tensor& x = call.tensor(0);
  if (fits(window)) return max_pool2d(x, pool_options(window, true));
  constexpr double lowest = -std::numeric_limits<double>::infinity();
  return max_pool2d(framed(framed(x, window.pads, lowest), window.more, lowest),
                    pool_options(window, false));
}

// What does not count in the mean is put in as 0, and the mean is divided by the share that counts.
Tensor average_pool(const Call& call) {
  const Window window = pooling_window(call);
  const bool pads_count = call.integer("count_include_pad", 0) != 0;
  const Tensor& x = call.tensor(0);
  if (fits(window) && (pads_count || window.pads.none())) {
    return avg_pool2d(x, pool_options(window, true));
  }
  const auto mean = [&](const Tensor& images, double in_pads) {
    return avg_pool2d(framed(framed(images, window.pads, in_pads), window.more, 0),
                      pool_options(window, false));
  };
  const Tensor ones = Tensor::full({1, 1, x.dim(2), x.dim(3)}, 1);
  return mean(x, 0) / mean(ones, pads_count ? 1 : 0);
}

// (N, C, …) → (N, C, 1, …)
Compute global_pool(Tensor (*f)(const Tensor&)) {
  return of_input([f](const Call& call) {
    const Tensor& x = call.tensor(0);
    const Shape& shape = x.shape();
    if (shape.rank() < 3) call.refuse("images of shape {} have no pixels", shape);
    Shape pooled{shape.dim(0), shape.dim(1)};
    const Index channels = pooled.size();
    for (int i = 2; i < shape.rank(); ++i) pooled = pooled.insert_dim(-1, 1);
    return reshape(f(reshape(x, {channels, x.size() / std::max<Index>(channels, 1)})), pooled);
  });
}

// By whole factors, with the centres that the library knows.
Tensor resize(const Call& call) {
  const Tensor& x = call.tensor(0);
  if (x.shape().rank() != 4) {
    call.refuse("images of shape {}; those of (N, C, H, W) are known", x.shape());
  }
  std::array<double, 4> factors{};
  const bool by_sizes = call.has(3);
  const std::size_t input = by_sizes ? 3 : call.inputs() == 2 ? 1 : 2;  // in set 10 the second
  const Tensor& given = call.tensor(input);
  if (given.size() != 4) call.refuse("{} factors or sizes for four dimensions", given.size());
  for (int i = 0; i < 4; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const auto number = static_cast<double>(given.values()[at]);
    factors[at] = by_sizes ? number / static_cast<double>(x.dim(i)) : number;
    const bool known = factors[at] >= 1 && factors[at] == std::floor(factors[at]) &&
                       factors[at] <= 1024 && (i >= 2 || factors[at] == 1);
    if (!known)
      call.refuse("a factor of {}; whole ones of height and width are known", factors[at]);
    if (factors[at] * static_cast<double>(x.dim(i)) > static_cast<double>(largest_whole)) {
      call.refuse("dimension {} of {} times {} is larger than any image", i, x.shape(),
                  factors[at]);
    }
  }
  for (const char* const name : {"cubic_coeff_a", "exclude_outside", "extrapolation_value"}) {
    call.ignore(name);
  }
  const std::string mode = call.word("mode", "nearest");
  const std::string centres = call.word("coordinate_transformation_mode", "half_pixel");
  const std::string rounding = call.word("nearest_mode", "round_prefer_floor");
  const bool nearest = mode == "nearest" && (call.operator_set() < 11 ||
                                             (centres == "asymmetric" && rounding == "floor"));
  // Set 10 has no attribute for the centres: asymmetric ones are meant.
  const bool linear = mode == "linear" && call.operator_set() >= 11 &&
                      (centres == "half_pixel" || centres == "pytorch_half_pixel");
  if (!nearest && !linear) {
    call.refuse(
        "mode {}, {}, {}, operator set {}; nearest, asymmetric, floor, and from set 11 on linear, "
        "half_pixel are known",
        mode, centres, rounding, call.operator_set());
  }
  return upsample2d(x, {.scale = {static_cast<Index>(factors[2]), static_cast<Index>(factors[3])},
                        .mode = nearest ? Upsampling::nearest : Upsampling::bilinear});
}

}  // namespace

void add_windows(Operators& table) {
  table.merge(Operators{{"Conv", {of_input(conv), 2, 3}},
                        {"ConvTranspose", {of_input(conv_transpose), 2, 3}},
                        {"MaxPool", {of_input(max_pool)}},
                        {"AveragePool", {of_input(average_pool)}},
                        {"GlobalAveragePool", {global_pool(mean_last)}},
                        {"GlobalMaxPool", {global_pool(max_last)}},
                        {"Resize", {of_input(resize), 2, 4}}});
}

}  // namespace limbeck::imported
