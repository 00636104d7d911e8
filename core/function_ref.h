// A function that is lent: the type of parameters that are called and not kept.
#pragma once

#include <type_traits>

namespace limbeck {

// What can be had of an expression of a type: its value, or nothing at all.
template <class From, class To>
concept Gives = std::is_void_v<To> || std::is_convertible_v<From, To>;

// What can be called with arguments of these types for such a result.
template <class F, class Result, class... Args>
concept CallableFor = requires(F& f, Args... args) {
  { f(static_cast<Args&&>(args)...) } -> Gives<Result>;
};

// FunctionRef<double(int)> is made of whatever can be called with an int and gives a double, most
// often a lambda, and only remembers where that is: no copy, no memory of its own, and a fraction
// of the code that a std::function gives the compiler. A std::function is for what is kept: this is
// valid no longer than what it was made of, so let nothing but a parameter be one. (C++26 has
// std::function_ref.)
//
//   double sum(int n, FunctionRef<double(int)> term);
//   sum(10, [&](int i) { return a[i]; });
template <class Signature>
class FunctionRef;

// With the result and the arguments apart.
template <class Result, class... Args>
class FunctionRef<Result(Args...)> {
 public:
  // Of f, which is called itself. Functions, their addresses and objects will do.
  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, FunctionRef> && CallableFor<F, Result, Args...>)
      FunctionRef(F&& f)
      : object_(const_cast<void*>(reinterpret_cast<const void*>(&f))),
        call_(&call<std::remove_reference_t<F>>) {}

  // What f gives.
  Result operator()(Args... args) const { return call_(object_, static_cast<Args&&>(args)...); }

 private:
  template <class F>
  static Result call(void* f, Args... args) {
    if constexpr (std::is_void_v<Result>) {
      (*reinterpret_cast<F*>(f))(static_cast<Args&&>(args)...);
    } else {
      return (*reinterpret_cast<F*>(f))(static_cast<Args&&>(args)...);
    }
  }

  void* object_;  // or function: on POSIX systems a pointer to it is as large
  Result (*call_)(void* object, Args... args);
};

}  // namespace limbeck
