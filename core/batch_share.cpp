#include "core/batch_share.h"

#include <utility>

namespace limbeck {
namespace {

thread_local const BatchShare* current = nullptr;

}  // namespace

const BatchShare* batch_share() {
  return current;
}

BatchShareScope::BatchShareScope(const BatchShare* share)
    : before_(std::exchange(current, share)) {}

BatchShareScope::~BatchShareScope() {
  current = before_;
}

}  // namespace limbeck
