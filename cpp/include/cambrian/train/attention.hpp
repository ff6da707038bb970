// Attention of tokens (Vaswani et al. 2017); several heads may share one of the kv_heads (Ainslie et al.
// 2023).
#pragma once

#include <cstddef>

namespace cambrian::train {

// q (n, queries, heads · width), k (n, keys, kv_heads · width), v (n, keys, kv_heads · value_width) and
// y (n, queries, heads · value_width). With `causal` query i sees keys 0 to i. kv_heads divides heads.
struct Attention {
    int n = 1, queries = 1, keys = 1, heads = 1, kv_heads = 1, width = 1, value_width = 1;
    bool causal = false;
};

// Floats of `probabilities` (n, heads, queries, keys), and of `work`.
std::size_t attention_probabilities(const Attention& attention);
std::size_t attention_workspace(const Attention& attention);

// bias (heads, queries, keys), or null, is added to the products of all samples, which are divided by
// sqrt(width) before. rotation (2, positions, width), or null, has cosines and sines by which q and k are
// turned (Su et al. 2021), at least as many as there are queries and keys; width is even then.
// `probabilities` are kept for attention_backward.
void attention_forward(const Attention& attention, const float* q, const float* k, const float* v,
                       const float* bias, const float* rotation, int positions, float* probabilities,
                       float* y, float* work);

// Gradients of q, k and v, where wanted. Those of the same array may go to the same array, if only the first
// of them that is not null is not added.
struct AttentionGradients {
    float *q = nullptr, *k = nullptr, *v = nullptr;
    bool add_q = false, add_k = false, add_v = false;
};
void attention_backward(const Attention& attention, const float* q, const float* k, const float* v,
                        const float* rotation, int positions, const float* probabilities, const float* dy,
                        const AttentionGradients& gradients, float* work);

}  // namespace cambrian::train
