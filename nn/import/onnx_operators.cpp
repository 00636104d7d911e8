#include "nn/import/onnx_operators.h"

#include <cmath>

namespace limbeck::imported {

const Value& Call::value(std::size_t i) const {
  if (!has(i)) refuse("input {} is missing", i);
  return inputs_[i];
}

std::vector<Index> Call::wholes(std::size_t i) const {
  if (!value(i).whole) refuse("input {} should be whole numbers", i);
  std::vector<Index> all;
  for (const real x : tensor(i).values()) all.push_back(static_cast<Index>(x));
  return all;
}

double Call::scalar(std::size_t i) const {
  if (tensor(i).size() != 1) {
    refuse("input {} should be one number; it has the shape {}", i, tensor(i).shape());
  }
  return static_cast<double>(tensor(i).item());
}

const Attribute* Call::find(const std::string& name) const {
  if (asked_ != nullptr) asked_->insert(name);
  for (const Attribute& attribute : node_.attributes) {
    if (attribute.name == name) return &attribute;
  }
  return nullptr;
}

namespace {

// The attribute's value as T.
template <class T>
const T& as(const Call& call, const Attribute& attribute) {
  const T* const value = std::get_if<T>(&attribute.value);
  if (value == nullptr) {
    call.refuse("the attribute {} is of another kind than it should be", attribute.name);
  }
  return *value;
}

}  // namespace

Index Call::integer(const std::string& name, Index otherwise) const {
  const Attribute* const found = find(name);
  return found == nullptr ? otherwise : as<Index>(*this, *found);
}

double Call::number(const std::string& name, double otherwise) const {
  const Attribute* const found = find(name);
  return found == nullptr ? otherwise : as<double>(*this, *found);
}

std::string Call::word(const std::string& name, const std::string& otherwise) const {
  const Attribute* const found = find(name);
  return found == nullptr ? otherwise : as<std::string>(*this, *found);
}

std::vector<Index> Call::integers(const std::string& name, std::vector<Index> otherwise) const {
  const Attribute* const found = find(name);
  return found == nullptr ? otherwise : as<std::vector<Index>>(*this, *found);
}

const Value* Call::constant(const std::string& name) const {
  const Attribute* const found = find(name);
  return found == nullptr ? nullptr : &as<Value>(*this, *found);
}

std::vector<Index> Call::list(std::size_t i, const std::string& name) const {
  std::vector<Index> attribute = integers(name);
  return has(i) ? wholes(i) : attribute;
}

int Call::axis(Index axis, int rank) const {
  if (axis < -rank || axis >= rank) refuse("there is no axis {} of {}", axis, rank);
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

const Operators& operators() {
  static const Operators all = [] {
    Operators table;
    add_functions(table);
    add_windows(table);
    add_shapes(table);
    return table;
  }();
  return all;
}

}  // namespace limbeck::imported
