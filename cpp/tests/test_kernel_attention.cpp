// Attention against its definition in double precision, and its slopes.
#include <algorithm>

#include "cambrian/train/kernels.hpp"
#include "kernel_checks.hpp"

using namespace cambrian::train;
using namespace cambrian::testing;

namespace {

Numbers numbers;

struct Given {
    Attention a;
    Floats bias, rotation;
    int positions;

    // Feature j of a token of a head, turned by its position.
    double turned(const Doubles& x, int sample, int token, int tokens, int heads, int head, int j) const {
        const std::size_t first = size(((sample * tokens + token) * heads + head) * a.width);
        if (rotation.empty()) return x[first + size(j)];
        const int half = a.width / 2, other = j < half ? j + half : j - half;
        const double cosine = rotation[size(token * a.width + j)];
        const double sine = rotation[size((positions + token) * a.width + j)];
        return x[first + size(j)] * cosine + (j < half ? -1.0 : 1.0) * x[first + size(other)] * sine;
    }
    Doubles y(const Doubles& q, const Doubles& k, const Doubles& v) const {
        Doubles result;
        for (int sample = 0; sample < a.n; ++sample)
            for (int i = 0; i < a.queries; ++i)
                for (int head = 0; head < a.heads; ++head) {
                    const int kv = head / (a.heads / a.kv_heads),
                              seen = a.causal ? std::min(i + 1, a.keys) : a.keys;
                    Doubles weight(size(seen));
                    double sum = 0.0;
                    for (int t = 0; t < seen; ++t) {
                        double product = 0.0;
                        for (int j = 0; j < a.width; ++j) {
                            product += turned(q, sample, i, a.queries, a.heads, head, j) *
                                       turned(k, sample, t, a.keys, a.kv_heads, kv, j);
                        }
                        product /= std::sqrt(a.width);
                        if (!bias.empty()) product += bias[size((head * a.queries + i) * a.keys + t)];
                        sum += weight[size(t)] = std::exp(product);
                    }
                    for (int j = 0; j < a.value_width; ++j) {
                        double value = 0.0;
                        for (int t = 0; t < seen; ++t) {
                            const int at = ((sample * a.keys + t) * a.kv_heads + kv) * a.value_width + j;
                            value += weight[size(t)] / sum * v[size(at)];
                        }
                        result.push_back(value);
                    }
                }
        return result;
    }
};

void check(const Attention& a, bool biased, bool turned) {
    const int positions = std::max(a.queries, a.keys) + 2;
    const Given given{a, numbers(biased ? size(a.heads * a.queries * a.keys) : 0),
                      numbers(turned ? size(2 * positions * a.width) : 0), positions};
    const Floats q = numbers(size(a.n * a.queries * a.heads * a.width), 2.0f);
    const Floats k = numbers(size(a.n * a.keys * a.kv_heads * a.width), 2.0f);
    const Floats v = numbers(size(a.n * a.keys * a.kv_heads * a.value_width));
    const Floats dy = numbers(size(a.n * a.queries * a.heads * a.value_width));
    Floats work(attention_workspace(a), kUnset), kept(attention_probabilities(a), kUnset),
        y(dy.size(), kUnset);
    const float *bias = biased ? given.bias.data() : nullptr,
                *rotation = turned ? given.rotation.data() : nullptr;
    attention_forward(a, q.data(), k.data(), v.data(), bias, rotation, positions, kept.data(), y.data(),
                      work.data());
    const Doubles wide_q = widened(q), wide_k = widened(k), wide_v = widened(v);
    CHECK(all_close(y, given.y(wide_q, wide_k, wide_v), 1e-5));

    Doubles exact_q = slopes([&](const Doubles& at) { return given.y(at, wide_k, wide_v); }, wide_q, dy);
    Doubles exact_k = slopes([&](const Doubles& at) { return given.y(wide_q, at, wide_v); }, wide_k, dy);
    Doubles exact_v = slopes([&](const Doubles& at) { return given.y(wide_q, wide_k, at); }, wide_v, dy);
    Floats dq(q.size(), kUnset), dk(k.size(), kUnset), dv(v.size(), kUnset);
    attention_backward(a, q.data(), k.data(), v.data(), rotation, positions, kept.data(), dy.data(),
                       {dq.data(), dk.data(), dv.data(), false, false, false}, work.data());
    CHECK(all_close(dq, exact_q, 2e-5) && all_close(dk, exact_k, 2e-5) && all_close(dv, exact_v, 2e-5));
    if (q.size() == k.size() && k.size() == v.size()) {  // of one array
        Floats sum = numbers(q.size()), before = sum;
        attention_backward(a, q.data(), k.data(), v.data(), rotation, positions, kept.data(), dy.data(),
                           {sum.data(), sum.data(), sum.data(), true, true, true}, work.data());
        for (std::size_t i = 0; i < q.size(); ++i) exact_q[i] += exact_k[i] + exact_v[i] + before[i];
        CHECK(all_close(sum, exact_q, 4e-5));
    }
    attention_backward(a, q.data(), k.data(), v.data(), rotation, positions, kept.data(), dy.data(),
                       {nullptr, dk.data(), nullptr, false, false, false}, work.data());
    CHECK(all_close(dk, exact_k, 2e-5));
}

}  // namespace

int main() {
    for (const bool causal : {false, true}) {
        for (const bool biased : {false, true}) {
            for (const bool turned : {false, true}) {
                check({2, 5, 5, 2, 2, 4, 4, causal}, biased, turned);
                check({1, 3, 7, 4, 2, 6, 5, causal}, biased, turned);
                check({2, 6, 2, 3, 1, 2, 3, causal}, biased, turned);
                check({1, 17, 17, 1, 1, 8, 8, causal}, biased, turned);
            }
        }
    }
    check({1, 1, 1, 1, 1, 1, 1, false}, false, false);
    return failures();
}
