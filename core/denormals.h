// Denormals: numbers so near to 0 (below 1.2e-38 in float, 2.2e-308 in double) that they have fewer
// digits than others. Many processors compute with them by microcode, ten to a hundred times as
// slowly, and training makes them without end: Adam's moments of a weight whose gradient has
// become 0 fall by a factor a step until they are denormal, and stay so. To a network they are 0.
#pragma once

#include <cstdint>

namespace limbeck {

namespace detail {

// The register of this thread that says how floating-point numbers are computed, and the bits of
// it by which denormal results, and denormal operands, count as 0. (Intel, "Software Developer's
// Manual", volume 1, 10.2.3: FTZ and DAZ of MXCSR; Arm, "Architecture Reference Manual", FPCR: FZ.)
#if defined(__SSE__)
inline constexpr std::uint64_t flush_bits = 0x8040;
inline std::uint64_t float_control() {
  return __builtin_ia32_stmxcsr();
}
inline void set_float_control(std::uint64_t bits) {
  __builtin_ia32_ldmxcsr(static_cast<unsigned>(bits));
}
#elif defined(__aarch64__)
inline constexpr std::uint64_t flush_bits = std::uint64_t{1} << 24;
inline std::uint64_t float_control() {
  std::uint64_t bits = 0;
  asm volatile("mrs %0, fpcr" : "=r"(bits));
  return bits;
}
inline void set_float_control(std::uint64_t bits) {
  asm volatile("msr fpcr, %0" : : "r"(bits));
}
#else  // denormals are computed with, as slowly as it may be
inline constexpr std::uint64_t flush_bits = 0;
inline std::uint64_t float_control() {
  return 0;
}
inline void set_float_control(std::uint64_t) {}
#endif

}  // namespace detail

// While one of these lives, its thread takes denormals for 0; then as before. The library's loops,
// layers, backward() and optimizers each open one, so a program need not; one around a loop of its
// own does no harm, since they nest.
class FlushDenormals {
 public:
  FlushDenormals() : before_(detail::float_control() & detail::flush_bits) {
    if (before_ != detail::flush_bits) {
      detail::set_float_control(detail::float_control() | detail::flush_bits);
    }
  }
  ~FlushDenormals() {
    if (before_ != detail::flush_bits) {
      detail::set_float_control((detail::float_control() & ~detail::flush_bits) | before_);
    }
  }
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
  std::uint64_t before_;
};

}  // namespace limbeck
