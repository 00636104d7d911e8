#include "core/kernels/elementary.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <numbers>
#include <type_traits>

#include "core/kernels/plain.h"

namespace limbeck {
namespace {

#if defined(__AVX2__)
constexpr int pack_bytes = 32;
#else
constexpr int pack_bytes = 16;
#endif

// What numbers of a type are made of: `mantissa` bits that are stored, and what is added to the
// exponent. Pack is a register of them, Bits the whole numbers that have their bits. (vector.h is
// of reals, and here doubles are computed in a build of floats as well.)
//
// ln 2 is the sum of two numbers, the first so short that its product with an exponent is exact
// (Cody and Waite, "Software Manual for the Elementary Functions", 1980, chapter 6).
template <class T>
struct Format;
template <>
struct Format<float> {
  using Pack = float __attribute__((vector_size(pack_bytes)));
  using Bits = std::int32_t __attribute__((vector_size(pack_bytes)));
  static constexpr int mantissa = 23, bias = 127;
  static constexpr float ln2_high = 0x1.62e4p-1F, ln2_low = 0x1.7f7d1cp-20F;
};
template <>
struct Format<double> {
  using Pack = double __attribute__((vector_size(pack_bytes)));
  using Bits = std::int64_t __attribute__((vector_size(pack_bytes)));
  static constexpr int mantissa = 52, bias = 1023;
  static constexpr double ln2_high = 0x1.62e42feep-1, ln2_low = 0x1.a39ef35793c76p-33;
};

template <class T>
using Pack = typename Format<T>::Pack;
template <class T>
using Bits = typename Format<T>::Bits;
template <class T>
using Integer = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
template <class T>
inline constexpr Index width = pack_bytes / sizeof(T);

template <class T>
Pack<T> all(T x) {
  return Pack<T>{} + x;
}

template <class T>
Bits<T> bits(Pack<T> x) {
  return std::bit_cast<Bits<T>>(x);
}

template <class T>
Pack<T> from_bits(Bits<T> x) {
  return std::bit_cast<Pack<T>>(x);
}

// A number so large that its last bit is worth 1: what is added to it is rounded to a whole number,
// which then stands in the lowest bits.
template <class T>
inline constexpr T shifter = T{3} * (std::int64_t{1} << (Format<T>::mantissa - 1));

// 2ᵏ for k from 1 − bias to bias + 1, the last being ∞.
template <class T>
Pack<T> power_of_2(Bits<T> k) {
  return from_bits<T>((k + Format<T>::bias) << Format<T>::mantissa);
}

// x = k ln 2 + r with k whole and |r| ≤ ½ ln 2, and eʳ − 1 by its series r + r²/2! + r³/3! + …
template <class T>
struct Reduced {
  Bits<T> k;
  Pack<T> expm1;
  static constexpr std::size_t terms = sizeof(T) == 4 ? 7 : 13;  // what is left out is 1e-8, 1e-17

  explicit Reduced(Pack<T> x) {
    using F = Format<T>;
    const Pack<T> shifted = x * std::numbers::log2e_v<T> + shifter<T>;
    const Pack<T> whole = shifted - shifter<T>;
    k = bits<T>(shifted) - std::bit_cast<Integer<T>>(shifter<T>);
    const Pack<T> r = (x - whole * F::ln2_high) - whole * F::ln2_low;
    Pack<T> sum = all(inverse_factorials[terms - 1]);
    for (std::size_t i = terms - 1; i-- > 0;) sum = sum * r + inverse_factorials[i];
    expm1 = sum * r;
  }

  // 1 / 1!, 1 / 2!, …
  static constexpr auto inverse_factorials = [] {
    std::array<T, terms> f{};
    T factorial = 1;
    for (std::size_t i = 0; i < f.size(); ++i) {
      factorial *= static_cast<T>(i + 1);
      f[i] = 1 / factorial;
    }
    return f;
  }();
};

// Of two steps the first is exact, and the second rounds once where the result is denormal. (What
// is beyond the ends comes to ∞ or 0 as these do.)
template <class T>
[[gnu::always_inline]] inline Pack<T> exp(Pack<T> x) {
  constexpr T most = (Format<T>::bias + 2) * std::numbers::ln2_v<T>;
  constexpr T least = -(Format<T>::bias + Format<T>::mantissa + 2) * std::numbers::ln2_v<T>;
  x = x > most ? all(most) : x;
  x = x < least ? all(least) : x;
  const Reduced<T> of(x);
  const Bits<T> half = of.k >> 1;
  return (1 + of.expm1) * power_of_2<T>(half) * power_of_2<T>(of.k - half);
}

template <class T>
[[gnu::always_inline]] inline Pack<T> sigmoid(Pack<T> x) {
  return 1 / (1 + exp<T>(-x));
}

// By e = e^(−2|x|) − 1, of which near 0 no digit is lost: tanh |x| = −e / (2 + e).
template <class T>
[[gnu::always_inline]] inline Pack<T> tanh(Pack<T> x) {
  const Bits<T> sign = bits<T>(x) & std::numeric_limits<Integer<T>>::min();
  Pack<T> twice = -2 * from_bits<T>(bits<T>(x) ^ sign);
  constexpr T least = -50;  // from here on e is −1
  twice = twice < least ? all(least) : twice;
  const Reduced<T> of(twice);
  const Pack<T> scale = power_of_2<T>(of.k);
  const Pack<T> e = scale * of.expm1 + (scale - 1);
  return from_bits<T>(bits<T>((0 - e) / (2 + e)) | sign);
}

// x = 2ᵏ m with m = 1 + f from √½ to √2, and with s = f / (2 + f)
//   ln m = 2 artanh s = 2 s + s R,   R = 2 s² / 3 + 2 s⁴ / 5 + …,   2 s = f − s f
template <class T>
[[gnu::always_inline]] inline Pack<T> log(Pack<T> x) {
  using F = Format<T>;
  using Limits = std::numeric_limits<T>;
  constexpr int up = F::mantissa + 1;  // a denormal number times 2^up is none
  const auto small = x < Limits::min();
  // (Of what has no logarithm the bits would overflow below: it takes 1's place till the end.)
  const Pack<T> positive = x > 0 ? x : all(T{1});
  const Pack<T> normal = small ? positive * static_cast<T>(std::int64_t{1} << up) : positive;
  constexpr auto root = std::bit_cast<Integer<T>>(static_cast<T>(1 / std::numbers::sqrt2));
  const Bits<T> power = (bits<T>(normal) - root) >> F::mantissa;
  const Pack<T> f = from_bits<T>(bits<T>(normal) - (power << F::mantissa)) - 1;
  const Pack<T> k =
      from_bits<T>(power - (small & up) + std::bit_cast<Integer<T>>(shifter<T>)) - shifter<T>;
  const Pack<T> s = f / (2 + f), squared = s * s;
  constexpr int terms = sizeof(T) == 4 ? 4 : 10;
  Pack<T> sum = {};
  for (int i = terms; i > 0; --i) sum = (sum + T{2} / static_cast<T>(2 * i + 1)) * squared;
  Pack<T> y = k * F::ln2_high + (f - (s * (f - sum) - k * F::ln2_low));
  y = x == Limits::infinity() ? x : y;
  y = x == 0 ? all(-Limits::infinity()) : y;
  return x < 0 || x != x ? all(Limits::quiet_NaN()) : y;
}

// Φ(x), and e^(−x²/2). For u ≥ 0, Φ(−u) = e^(−u²/2) t q(s) with t = 1 / (1 + 0.35 u) and s = 1 − t:
// what is left for q falls from ½ to 0.14, and q is the polynomial through it at the nine Chebyshev
// nodes of 0 ≤ u ≤ 14, beyond which no float is left. Its relative error is below 4e-8.
struct Normal {
  Pack<real> cdf, bell;

  explicit Normal(Pack<real> x) {
    const Pack<real> u = x < 0 ? -x : x;
    bell = exp<real>(real{-0.5} * u * u);
    Pack<real> tail;
    if constexpr (std::is_same_v<real, float>) {
      constexpr std::array<real, 9> q = {0.499999983F,   -0.639831678F,  0.261035647F,
                                         0.102742606F,   -0.0647047983F, -0.0146122385F,
                                         -0.0662781029F, 0.0909697702F,  -0.0297025185F};
      const Pack<real> near = u > 20 ? all(real{20}) : u;  // ∞ / ∞ would be NaN
      const Pack<real> t = 1 / (1 + 0.35F * near), s = 0.35F * near * t;
      Pack<real> sum = all(q.back());
      for (std::size_t i = q.size() - 1; i-- > 0;) sum = sum * s + q[i];
      tail = bell * t * sum;
    } else {
      for (Index i = 0; i < width<real>; ++i) {
        tail[i] = std::erfc(u[i] / std::numbers::sqrt2_v<real>) / 2;
      }
    }
    cdf = x < 0 ? tail : 1 - tail;
  }
};

constexpr auto density_scale =
    static_cast<real>(std::numbers::inv_sqrtpi / std::numbers::sqrt2);  // 1 / √(2π)

// y[i] = f(x[i]): whole packs, and what is left over with the pack that ends there, which is made
// before y may have overwritten x. With LIMBECK_KERNELS=plain by g, one by one.
template <class T, class F, class G>
void map(T* y, const T* x, Index n, F f, G g) {
  if (plain_kernels()) {
    for (Index i = 0; i < n; ++i) y[i] = g(x[i]);
    return;
  }
  const auto at = [&](Index i, Index count) {
    Pack<T> p = {};
    std::memcpy(&p, x + i, static_cast<std::size_t>(count) * sizeof(T));
    return f(p);
  };
  const Index end = std::max<Index>(n - width<T>, 0), count = n - end;
  if (count < width<T>) {
    const Pack<T> p = at(0, count);
    std::memcpy(y, &p, static_cast<std::size_t>(count) * sizeof(T));
    return;
  }
  const Pack<T> last = at(end, width<T>);
  for (Index i = 0; i < end; i += width<T>) {
    const Pack<T> p = at(i, width<T>);
    std::memcpy(y + i, &p, sizeof p);
  }
  std::memcpy(y + end, &last, sizeof last);
}

// 0, 1, 2, …
template <class T>
Bits<T> lane_numbers() {
  std::array<Integer<T>, width<T>> lane;
  for (std::size_t i = 0; i < lane.size(); ++i) lane[i] = static_cast<Integer<T>>(i);
  return std::bit_cast<Bits<T>>(lane);
}

// One number of a pack's.
template <class T, class F>
T across(Pack<T> p, F f) {
  std::array<T, width<T>> lane;
  std::memcpy(lane.data(), &p, sizeof p);
  for (std::size_t half = lane.size() / 2; half > 0; half /= 2) {
    for (std::size_t i = 0; i < half; ++i) lane[i] = f(lane[i], lane[i + half]);
  }
  return lane[0];
}

template <class T>
Pack<T> load(const T* x) {
  Pack<T> p;
  std::memcpy(&p, x, sizeof p);
  return p;
}

template <class T>
ExpRow<T> plain_exp_of_row(T* e, const T* x, Index n, T t) {
  ExpRow<T> row{.largest = *std::max_element(x, x + n), .sum = 0};
  for (Index i = 0; i < n; ++i) row.sum += e[i] = std::exp((x[i] - row.largest) / t);
  return row;
}

}  // namespace

// The last pack ends where the row does, so that some of its numbers are the pack's before, too.
template <class T>
ExpRow<T> exp_of_row(T* e, const T* x, Index n, T t) {
  if (plain_kernels()) return plain_exp_of_row(e, x, n, t);
  const Index end = n - width<T>;
  Pack<T> last = all(-std::numeric_limits<T>::infinity());
  std::memcpy(&last, x + std::max<Index>(end, 0),
              static_cast<std::size_t>(std::min(n, width<T>)) * sizeof(T));
  Pack<T> most = last;
  for (Index i = 0; i < end; i += width<T>) {
    const Pack<T> p = load(x + i);
    most = p > most ? p : most;
  }
  const T largest = across<T>(most, [](T a, T b) { return a > b ? a : b; });
  Pack<T> sum = {};
  Index i = 0;
  for (; i < end; i += width<T>) {
    const Pack<T> p = exp<T>((load(x + i) - largest) / t);
    std::memcpy(e + i, &p, sizeof p);
    sum += p;
  }
  Pack<T> p = exp<T>((last - largest) / t);
  if (end < 0) {
    std::memcpy(e, &p, static_cast<std::size_t>(n) * sizeof(T));
  } else {
    std::memcpy(e + end, &p, sizeof p);
    p = lane_numbers<T>() < static_cast<Integer<T>>(i - end) ? Pack<T>{} : p;
  }
  return {largest, across<T>(sum + p, std::plus<>())};
}

template ExpRow<float> exp_of_row(float*, const float*, Index, float);
template ExpRow<double> exp_of_row(double*, const double*, Index, double);

void exp_of(float* y, const float* x, Index n) {
  map(
      y, x, n, [](Pack<float> v) { return exp<float>(v); }, [](float v) { return std::exp(v); });
}

void exp_of(double* y, const double* x, Index n) {
  map(
      y, x, n, [](Pack<double> v) { return exp<double>(v); }, [](double v) { return std::exp(v); });
}

void log_of(real* y, const real* x, Index n) {
  map(
      y, x, n, [](Pack<real> v) { return log<real>(v); }, [](real v) { return std::log(v); });
}

void sigmoid_of(real* y, const real* x, Index n) {
  map(
      y, x, n, [](Pack<real> v) { return sigmoid<real>(v); },
      [](real v) { return 1 / (1 + std::exp(-v)); });
}

void tanh_of(real* y, const real* x, Index n) {
  map(
      y, x, n, [](Pack<real> v) { return tanh<real>(v); }, [](real v) { return std::tanh(v); });
}

void gelu_of(real* y, const real* x, Index n) {
  map(
      y, x, n, [](Pack<real> v) { return v * Normal(v).cdf; },
      [](real v) { return v * (std::erfc(-v / std::numbers::sqrt2_v<real>) / 2); });
}

void gelu_slope_of(real* y, const real* x, Index n) {
  map(
      y, x, n,
      [](Pack<real> v) {
        const Normal normal(v);
        return normal.cdf + v * (density_scale * normal.bell);
      },
      [](real v) {
        return std::erfc(-v / std::numbers::sqrt2_v<real>) / 2 +
               v * (density_scale * std::exp(v * v / -2));
      });
}

}  // namespace limbeck
