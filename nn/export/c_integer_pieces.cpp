// The exported functions that compute with bytes, as nn/export/quantize.h defines it. In all of
// them `zero` is the byte that stands for 0 in x.
#include "nn/export/c_pieces.h"

namespace limbeck {
namespace {

constexpr std::string_view image_to_bytes = R"(
// Pixels from 0 to 1 as bytes; what is beyond counts as 0 or 1.
static inline void NAME_image_to_bytes(uint8_t *y, const float *x, int32_t size)
{
    for (int32_t i = 0; i < size; ++i) {
        const double scaled = (double)x[i] * 255.0;
        y[i] = (uint8_t)(scaled > 0 ? (scaled < 255 ? scaled + 0.5 : 255) : 0);
    }
}
)";

constexpr std::string_view to_byte = R"(
// What makes bytes of a channel's sums: zero + (sum + bias) * multiplier / 2^shift.
struct NAME_byte {
    int32_t bias, multiplier;
    uint8_t shift, zero;
};

// Rounded, halves away from zero, and cut to 0 ... 255.
static inline uint8_t NAME_to_byte(int32_t sum, const struct NAME_byte *channel)
{
    const int64_t product = (int64_t)(sum + channel->bias) * channel->multiplier;
    const int64_t half = (int64_t)1 << (channel->shift - 1);
    const int64_t size = ((product < 0 ? -product : product) + half) >> channel->shift;
    const int64_t q = product < 0 ? channel->zero - size : channel->zero + size;
    return (uint8_t)(q < 0 ? 0 : q > 255 ? 255 : q);
}
)";

constexpr std::string_view to_logit = R"(
// What makes logits of a channel's sums: (sum + bias) * scale.
struct NAME_logit {
    int32_t bias;
    float scale;
};

static inline float NAME_to_logit(int32_t sum, const struct NAME_logit *channel)
{
    return (float)(sum + channel->bias) * channel->scale;
}
)";

constexpr std::string_view linear_to = R"(
// y = weight x, weight (outs, ins).
static inline void NAME_linear_to_KIND(RESULT *y, const uint8_t *x, const int8_t *weight,
        const struct NAME_KIND *channels, int32_t zero,
        int32_t ins, int32_t outs)
{
    for (int32_t o = 0; o < outs; ++o, weight += ins) {
        int32_t sum = 0;
        for (int32_t i = 0; i < ins; ++i)
            sum += weight[i] * (x[i] - zero);
        y[o] = NAME_to_KIND(sum, channels + o);
    }
}
)";

constexpr std::string_view filter = R"(
// The weights of a filter times the values of x that they lie on, summed; beyond its edge x is 0.
static inline int32_t NAME_filter(const uint8_t *x, const int8_t *weight, int32_t zero,
        const struct NAME_window *w, int32_t row, int32_t column)
{
    const struct NAME_part part = NAME_part_within(w, row, column);
    int32_t sum = 0;
    for (int32_t c = 0; c < w->channels / w->groups; ++c) {
        for (int32_t i = part.top; i < part.bottom; ++i)
            for (int32_t j = part.left; j < part.right; ++j)
                sum += weight[i * w->kernel_width + j] *
                       (x[(row + i) * w->width + column + j] - zero);
        weight += w->kernel_height * w->kernel_width;
        x += w->height * w->width;
    }
    return sum;
}
)";

constexpr std::string_view conv2d_to = R"(
// y = x convolved with weight (out_channels, channels / groups, kernel_height, kernel_width).
static inline void NAME_conv2d_to_KIND(RESULT *y, const uint8_t *x, const int8_t *weight,
        const struct NAME_KIND *channels, int32_t zero,
        const struct NAME_window *w)
{
    const int32_t group_ins = w->channels / w->groups, group_outs = w->out_channels / w->groups;
    for (int32_t o = 0; o < w->out_channels; ++o) {
        const uint8_t *group = x + o / group_outs * group_ins * w->height * w->width;
        for (int32_t i = 0; i < w->out_height; ++i)
            for (int32_t j = 0; j < w->out_width; ++j) {
                const int32_t row = i * w->stride_height - w->padding_height;
                const int32_t column = j * w->stride_width - w->padding_width;
                *y++ = NAME_to_KIND(NAME_filter(group, weight, zero, w, row, column), channels + o);
            }
        weight += group_ins * w->kernel_height * w->kernel_width;
    }
}
)";

constexpr std::string_view avg_pool_to = R"(
// y = the mean of each window; beyond its edge x is 0. The channel has the window's size in it.
static inline void NAME_avg_pool_to_KIND(RESULT *y, const uint8_t *x,
        const struct NAME_KIND *channel, int32_t zero,
        const struct NAME_window *w)
{
    for (int32_t c = 0; c < w->channels; ++c, x += w->height * w->width) {
        for (int32_t o = 0; o < w->out_height * w->out_width; ++o) {
            const int32_t row = o / w->out_width * w->stride_height - w->padding_height;
            const int32_t column = o % w->out_width * w->stride_width - w->padding_width;
            const struct NAME_part part = NAME_part_within(w, row, column);
            int32_t sum = 0;
            for (int32_t i = part.top; i < part.bottom; ++i)
                for (int32_t j = part.left; j < part.right; ++j)
                    sum += x[(row + i) * w->width + column + j] - zero;
            *y++ = NAME_to_KIND(sum, channel);
        }
    }
}
)";

constexpr std::string_view relu_bytes = R"(
// y = max(x, 0); y may be x.
static inline void NAME_relu(uint8_t *y, const uint8_t *x, uint8_t zero, int32_t size)
{
    for (int32_t i = 0; i < size; ++i)
        y[i] = x[i] > zero ? x[i] : zero;
}
)";

constexpr std::string_view add_bytes = R"(
// What makes bytes of two of other units:
// zero + ((a - zeros[0]) * multipliers[0] + (b - zeros[1]) * multipliers[1]) / 2^shift.
struct NAME_sum {
    int32_t multipliers[2];
    uint8_t zeros[2], shift, zero;
};

// y = a + b, rounded and cut as other sums are; y may be either.
static inline void NAME_add(uint8_t *y, const uint8_t *a, const uint8_t *b,
        const struct NAME_sum *units, int32_t size)
{
    const int64_t half = (int64_t)1 << (units->shift - 1);
    for (int32_t i = 0; i < size; ++i) {
        const int64_t sum = (int64_t)(a[i] - units->zeros[0]) * units->multipliers[0] +
                            (int64_t)(b[i] - units->zeros[1]) * units->multipliers[1];
        const int64_t part = ((sum < 0 ? -sum : sum) + half) >> units->shift;
        const int64_t q = sum < 0 ? units->zero - part : units->zero + part;
        y[i] = (uint8_t)(q < 0 ? 0 : q > 255 ? 255 : q);
    }
}
)";

}  // namespace

std::vector<CPiece> integer_pieces() {
  const std::vector<std::string_view> sums = {"linear", "conv2d", "avg_pool"};
  return {{{"image_to_bytes"}, "", image_to_bytes},
          {sums, "_to_byte", to_byte},
          {sums, "_to_logit", to_logit},
          {{"conv2d"}, "", filter},
          {{"linear"}, "_to_KIND", linear_to},
          {{"conv2d"}, "_to_KIND", conv2d_to},
          {{"avg_pool"}, "_to_KIND", avg_pool_to},
          {{"relu"}, "", relu_bytes},
          {{"add"}, "", add_bytes}};
}

}  // namespace limbeck
