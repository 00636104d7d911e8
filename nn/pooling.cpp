#include "nn/pooling.h"

namespace limbeck {
namespace {

PoolOptions complete(const char* name, const PoolOptions& options) {
  const Window2d window = pool_window(name, options);
  return {.kernel = window.kernel, .stride = window.stride, .padding = window.padding};
}

// The name and the sizes, but for those that are as usual.
std::string describe_pool(const char* name, const PoolOptions& options) {
  std::string text = fmt::format("{}({}", name, options.kernel);
  if (options.stride != options.kernel) text += fmt::format(", stride {}", options.stride);
  if (options.padding != 0) text += fmt::format(", padding {}", options.padding);
  return text + ")";
}

}  // namespace

MaxPool2d::MaxPool2d(const PoolOptions& options) : options_(complete("MaxPool2d", options)) {}

std::string MaxPool2d::describe() const {
  return describe_pool("MaxPool2d", options_);
}

AvgPool2d::AvgPool2d(const PoolOptions& options) : options_(complete("AvgPool2d", options)) {}

std::string AvgPool2d::describe() const {
  return describe_pool("AvgPool2d", options_);
}

}  // namespace limbeck
