// Attention of tokens.
#include <algorithm>

#include "cambrian/train/kernels.hpp"
#include "layer.hpp"

namespace cambrian::train {
namespace {

class Attending final : public Layer {
  public:
    explicit Attending(const Draft& draft) {
        const Attrs& attrs = draft.spec.attrs;
        const Form &q = draft.inputs[0], &k = draft.inputs[1];
        about_.n = static_cast<int>(draft.batch);
        about_.queries = static_cast<int>(q.rows());
        about_.keys = static_cast<int>(k.rows());
        about_.heads = attrs[kHeads];
        about_.kv_heads = attrs[kKvHeads];
        about_.width = about_.value_width = static_cast<int>(q.channels) / attrs[kHeads];
        about_.causal = attrs[kCausal] != 0;
        const auto kind = static_cast<cambrian::Attending>(attrs[kAttentionPosition]);
        turned_ = kind == cambrian::Attending::kRope;
        biased_ = kind == cambrian::Attending::kAlibi;
        positions_ = std::max(about_.queries, about_.keys);
        const auto heads = static_cast<std::size_t>(attrs[kHeads]);
        if (turned_) draft.constant(*this, 2 * std::max(q.rows(), k.rows()) * (q.channels / heads));
        if (biased_) draft.constant(*this, heads * q.rows() * k.rows());
        saved_size = attention_probabilities(about_);
        work_size = attention_workspace(about_);
        inputs_kept = true;
    }

    void forward(const Batch& batch) override {
        about_.n = static_cast<int>(batch.n);
        attention_forward(about_, inputs[0].x, inputs[1].x, inputs[2].x, biased_ ? weights[0].data : nullptr,
                          turned_ ? weights[0].data : nullptr, positions_, saved, y, work);
    }

    void backward(const Batch& batch) override {
        about_.n = static_cast<int>(batch.n);
        const Input &q = inputs[0], &k = inputs[1], &v = inputs[2];
        attention_backward(about_, q.x, k.x, v.x, turned_ ? weights[0].data : nullptr, positions_, saved, dy,
                           {q.dx, k.dx, v.dx, q.add, k.add, v.add}, work);
    }

  private:
    Attention about_;
    bool turned_, biased_;
    int positions_;
};

}  // namespace

Made make_attention(const Draft& draft) {
    return std::make_unique<Attending>(draft);
}

}  // namespace cambrian::train
