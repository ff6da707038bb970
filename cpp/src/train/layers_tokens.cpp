// Layers of tokens: embeddings, positions, and logits by the weights of an embedding.
#include <stdexcept>
#include <string>

#include "cambrian/train/kernels.hpp"
#include "layer.hpp"

namespace cambrian::train {
namespace {

class Embedding final : public Layer {
  public:
    explicit Embedding(const Draft& draft)
        : tokens_(draft.output.rows()),
          width_(draft.output.channels),
          vocab_(static_cast<std::size_t>(draft.spec.attrs[kVocab])) {
        draft.table(*this, vocab_ * width_);
        draft.parameters.back().summed = true;
        inputs_kept = true;
    }

    void forward(const Batch& batch) override {
        for (std::size_t i = 0; i < batch.n * tokens_; ++i) {
            copy_columns(1, static_cast<int>(width_), weights[0].data + id(i) * width_, width_,
                         y + i * width_, width_);
        }
    }

    void backward(const Batch& batch) override {
        for (std::size_t i = 0; i < batch.n * tokens_; ++i) {
            add_to(width_, dy + i * width_, weights[0].gradient + id(i) * width_);
        }
    }

  private:
    std::size_t id(std::size_t i) const {
        const float value = inputs[0].x[i];
        if (!(value >= 0.0F && value < static_cast<float>(vocab_))) {
            throw std::invalid_argument("inputs: no id from 0 to " + std::to_string(vocab_ - 1) + ": " +
                                        std::to_string(value));
        }
        return static_cast<std::size_t>(value);
    }

    std::size_t tokens_, width_, vocab_;
};

// Adds a row to every token: learned, or a constant that is given.
class Positions final : public Layer {
  public:
    explicit Positions(const Draft& draft)
        : size_(draft.output.size()),
          learned_(draft.spec.attrs[0] == static_cast<std::int32_t>(cambrian::Position::kLearned)) {
        if (learned_) {
            draft.table(*this, size_);
        } else {
            draft.constant(*this, size_);
        }
        overwrites = passes = true;
    }

    void forward(const Batch& batch) override {
        for (std::size_t i = 0; i < batch.n; ++i) {
            add(size_, inputs[0].x + i * size_, weights[0].data, y + i * size_);
        }
    }

    void backward(const Batch& batch) override {
        if (learned_) column_sums(batch.n, static_cast<int>(size_), dy, weights[0].gradient);
        const Input& input = inputs[0];
        if (input.dx == nullptr || input.dx == dy) return;
        copy_columns(batch.n, static_cast<int>(size_), dy, size_, input.dx, size_, input.add);
    }

  private:
    std::size_t size_;
    bool learned_;
};

class Unembedding final : public Layer {
  public:
    Unembedding(const Draft& draft, std::size_t table)
        : rows_(draft.output.rows()),
          width_(static_cast<int>(draft.inputs[0].channels)),
          vocab_(static_cast<int>(draft.output.channels)) {
        weights.push_back({table});
        inputs_kept = true;
    }

    void forward(const Batch& batch) override {
        gemm(false, true, rows(batch), vocab_, width_, inputs[0].x, width_, weights[0].data, width_, y,
             vocab_, false);
    }

    void backward(const Batch& batch) override {
        const Input& input = inputs[0];
        const int n = rows(batch);
        gemm(true, false, vocab_, width_, n, dy, vocab_, input.x, width_, weights[0].gradient, width_, true);
        if (input.dx == nullptr) return;
        gemm(false, false, n, width_, vocab_, dy, vocab_, weights[0].data, width_, input.dx, width_,
             input.add);
    }

  private:
    int rows(const Batch& batch) const { return static_cast<int>(batch.n * rows_); }

    std::size_t rows_;
    int width_, vocab_;
};

}  // namespace

Made make_embedding(const Draft& draft) {
    return std::make_unique<Embedding>(draft);
}
Made make_position(const Draft& draft) {
    return std::make_unique<Positions>(draft);
}
Made make_unembed(const Draft& draft, std::size_t table) {
    return std::make_unique<Unembedding>(draft, table);
}

}  // namespace cambrian::train
