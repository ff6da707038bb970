// A head of a sample at a time, as products of matrices.
#include "cambrian/train/attention.hpp"

#include <algorithm>
#include <cmath>

#include "cambrian/train/elementwise.hpp"
#include "cambrian/train/gemm.hpp"
#include "exponential.hpp"
#include "lanes.hpp"

namespace cambrian::train {
namespace {

using Size = std::size_t;

Size size(int n) {
    return static_cast<Size>(n);
}

// Products to probabilities, row by row; zeros where query i sees no key.
CAMBRIAN_INLINE void soften(Size queries, Size keys, bool causal, float factor, const float* bias,
                            float* rows) {
    for (Size i = 0; i < queries; ++i, rows += keys) {
        const Size seen = causal && i + 1 < keys ? i + 1 : keys;
        float greatest = -3.4e38f, sum = 0.0f;
        if (bias != nullptr) {
            const float* more = bias + i * keys;
            CAMBRIAN_SEPARATE for (Size j = 0; j < seen; ++j) rows[j] = rows[j] * factor + more[j];
        } else {
            CAMBRIAN_SEPARATE for (Size j = 0; j < seen; ++j) rows[j] *= factor;
        }
        for (Size j = 0; j < seen; ++j) greatest = rows[j] > greatest ? rows[j] : greatest;
        CAMBRIAN_SUM(sum)
        for (Size j = 0; j < seen; ++j) {
            rows[j] = exponential(rows[j] - greatest);
            sum += rows[j];
        }
        const float part = 1.0f / sum;
        CAMBRIAN_SEPARATE for (Size j = 0; j < seen; ++j) rows[j] *= part;
        std::fill(rows + seen, rows + keys, 0.0f);
    }
}

// The gradients of probabilities p to those of products, in place.
CAMBRIAN_INLINE void harden(Size queries, Size keys, float factor, const float* p, float* rows) {
    for (Size i = 0; i < queries; ++i, p += keys, rows += keys) {
        float sum = 0.0f;
        CAMBRIAN_SUM(sum)
        for (Size j = 0; j < keys; ++j) sum += p[j] * rows[j];
        CAMBRIAN_SEPARATE for (Size j = 0; j < keys; ++j) rows[j] = p[j] * (rows[j] - sum) * factor;
    }
}

CAMBRIAN_KERNEL(void, soften,
                (Size queries, Size keys, bool causal, float factor, const float* bias, float* rows),
                (queries, keys, causal, factor, bias, rows))
CAMBRIAN_KERNEL(void, harden, (Size queries, Size keys, float factor, const float* p, float* rows),
                (queries, keys, factor, p, rows))

// Tokens of one head, `stride` floats from one to the next.
struct Head {
    const float* x;
    int stride;
};

// to (tokens, width) = the tokens, turned by their positions.
Head turn(Head from, int tokens, int width, const float* rotation, int positions, float* to) {
    if (rotation == nullptr) return from;
    const float *cosines = rotation, *sines = rotation + size(positions) * size(width);
    const int half = width / 2;
    float* row = to;
    for (int i = 0; i < tokens; ++i, row += width, cosines += width, sines += width) {
        const float* x = from.x + size(i) * size(from.stride);
        for (int j = 0; j < half; ++j) {
            row[j] = x[j] * cosines[j] - x[j + half] * sines[j];
            row[j + half] = x[j + half] * cosines[j + half] + x[j] * sines[j + half];
        }
    }
    return {to, width};
}

// The gradient of `turn`, in place.
void turn_back(int tokens, int width, const float* rotation, int positions, float* row) {
    if (rotation == nullptr) return;
    const float *cosines = rotation, *sines = rotation + size(positions) * size(width);
    const int half = width / 2;
    for (int i = 0; i < tokens; ++i, row += width, cosines += width, sines += width) {
        for (int j = 0; j < half; ++j) {
            const float first = row[j], second = row[j + half];
            row[j] = first * cosines[j] + second * sines[j + half];
            row[j + half] = second * cosines[j + half] - first * sines[j];
        }
    }
}

// Parts of the work space.
struct Space {
    float *q, *k, *products, *gradient;

    Space(const Attention& a, float* work)
        : q(work),
          k(q + size(a.queries) * size(a.width)),
          products(k + size(a.keys) * size(a.width)),
          gradient(products + size(a.queries) * size(a.keys)) {}
};

// The parts of one head of one sample, and where they begin.
struct Place {
    int q_stride, k_stride, v_stride, y_stride;
    Size q, k, v, y, probabilities;
    bool first;  // of the heads that share k and v

    Place(const Attention& a, int sample, int head)
        : q_stride(a.heads * a.width),
          k_stride(a.kv_heads * a.width),
          v_stride(a.kv_heads * a.value_width),
          y_stride(a.heads * a.value_width) {
        const int shared = a.heads / a.kv_heads, kv = head / shared;
        q = size(sample) * size(a.queries) * size(q_stride) + size(head * a.width);
        k = size(sample) * size(a.keys) * size(k_stride) + size(kv * a.width);
        v = size(sample) * size(a.keys) * size(v_stride) + size(kv * a.value_width);
        y = size(sample) * size(a.queries) * size(y_stride) + size(head * a.value_width);
        probabilities = (size(sample) * size(a.heads) + size(head)) * size(a.queries) * size(a.keys);
        first = head % shared == 0;
    }
};

float factor(const Attention& a) {
    return 1.0f / std::sqrt(static_cast<float>(a.width));
}

}  // namespace

std::size_t attention_probabilities(const Attention& a) {
    return size(a.n) * size(a.heads) * size(a.queries) * size(a.keys);
}

std::size_t attention_workspace(const Attention& a) {
    const Size longest = size(std::max(a.queries, a.keys));
    return (size(a.queries) + size(a.keys) + longest) * size(a.width) + size(a.queries) * size(a.keys);
}

void attention_forward(const Attention& a, const float* q, const float* k, const float* v, const float* bias,
                       const float* rotation, int positions, float* probabilities, float* y, float* work) {
    const Space space(a, work);
    const auto run = choose_soften();
    for (int sample = 0; sample < a.n; ++sample) {
        for (int head = 0; head < a.heads; ++head) {
            const Place at(a, sample, head);
            const Head left = turn({q + at.q, at.q_stride}, a.queries, a.width, rotation, positions, space.q);
            const Head right = turn({k + at.k, at.k_stride}, a.keys, a.width, rotation, positions, space.k);
            float* p = probabilities + at.probabilities;
            gemm(false, true, a.queries, a.keys, a.width, left.x, left.stride, right.x, right.stride, p,
                 a.keys, false);
            const Size of_head = size(head) * size(a.queries) * size(a.keys);
            run(size(a.queries), size(a.keys), a.causal, factor(a),
                bias == nullptr ? nullptr : bias + of_head, p);
            gemm(false, false, a.queries, a.value_width, a.keys, p, a.keys, v + at.v, at.v_stride, y + at.y,
                 at.y_stride, false);
        }
    }
}

void attention_backward(const Attention& a, const float* q, const float* k, const float* v,
                        const float* rotation, int positions, const float* probabilities, const float* dy,
                        const AttentionGradients& to, float* work) {
    const Space space(a, work);
    const auto run = choose_harden();
    // The gradient of products times `other` (tokens of the other side), turned back, to one of q or k.
    const auto give = [&](bool transpose, Head other, float* dx, int stride, bool add) {
        const int tokens = transpose ? a.keys : a.queries, others = transpose ? a.queries : a.keys;
        gemm(transpose, false, tokens, a.width, others, space.products, a.keys, other.x, other.stride,
             space.gradient, a.width, false);
        turn_back(tokens, a.width, rotation, positions, space.gradient);
        copy_columns(size(tokens), a.width, space.gradient, size(a.width), dx, size(stride), add);
    };
    for (int sample = 0; sample < a.n; ++sample) {
        for (int head = 0; head < a.heads; ++head) {
            const Place at(a, sample, head);
            const Head left = turn({q + at.q, at.q_stride}, a.queries, a.width, rotation, positions, space.q);
            const Head right = turn({k + at.k, at.k_stride}, a.keys, a.width, rotation, positions, space.k);
            const float *p = probabilities + at.probabilities, *slope = dy + at.y;
            gemm(false, true, a.queries, a.keys, a.value_width, slope, at.y_stride, v + at.v, at.v_stride,
                 space.products, a.keys, false);
            run(size(a.queries), size(a.keys), factor(a), p, space.products);
            if (to.q != nullptr) give(false, right, to.q + at.q, at.q_stride, to.add_q);
            if (to.k != nullptr) give(true, left, to.k + at.k, at.k_stride, to.add_k || !at.first);
            if (to.v == nullptr) continue;
            gemm(true, false, a.keys, a.value_width, a.queries, p, a.keys, slope, at.y_stride, to.v + at.v,
                 at.v_stride, to.add_v || !at.first);
        }
    }
}

}  // namespace cambrian::train
