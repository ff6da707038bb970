// Layers that join, move and drop values.
#include <cstring>

#include "cambrian/train/draws.hpp"
#include "cambrian/train/kernels.hpp"
#include "layer.hpp"

namespace cambrian::train {
namespace {

// y = x, or y += x.
void pass(std::size_t n, const float* x, float* y, bool add) {
    if (add) {
        add_to(n, x, y);
    } else if (x != y && n > 0) {
        std::memcpy(y, x, n * sizeof(float));
    }
}

class Add final : public Layer {
  public:
    explicit Add(const Draft& draft) : size_(draft.output.size()) { overwrites = passes = true; }

    void forward(const Batch& batch) override {
        const std::size_t n = batch.n * size_;
        if (inputs.size() == 1) return pass(n, inputs[0].x, y, false);
        add(n, inputs[0].x, inputs[1].x, y);
        for (std::size_t i = 2; i < inputs.size(); ++i) add_to(n, inputs[i].x, y);
    }

    void backward(const Batch& batch) override {
        for (const Input& input : inputs) {
            if (input.dx != nullptr) pass(batch.n * size_, dy, input.dx, input.add);
        }
    }

  private:
    std::size_t size_;
};

class Concat final : public Layer {
  public:
    explicit Concat(const Draft& draft) : rows_(draft.output.rows()), channels_(draft.output.channels) {
        for (const Form& form : draft.inputs) parts_.push_back(form.channels);
    }

    void forward(const Batch& batch) override {
        std::size_t at = 0;
        for (std::size_t i = 0; i < inputs.size(); at += parts_[i++]) {
            const auto width = static_cast<int>(parts_[i]);
            copy_columns(batch.n * rows_, width, inputs[i].x, parts_[i], y + at, channels_);
        }
    }

    void backward(const Batch& batch) override {
        std::size_t at = 0;
        for (std::size_t i = 0; i < inputs.size(); at += parts_[i++]) {
            if (inputs[i].dx == nullptr) continue;
            const auto width = static_cast<int>(parts_[i]);
            copy_columns(batch.n * rows_, width, dy + at, channels_, inputs[i].dx, parts_[i], inputs[i].add);
        }
    }

  private:
    std::size_t rows_, channels_;
    std::vector<std::size_t> parts_;
};

// Of two values of one shape, or of an image by a factor for each channel.
class Multiply final : public Layer {
  public:
    explicit Multiply(const Draft& draft)
        : rows_(draft.output.rows()),
          channels_(draft.output.channels),
          scales_(draft.inputs[1].size() != draft.output.size()) {
        inputs_kept = true;
    }

    void forward(const Batch& batch) override {
        const float *a = inputs[0].x, *b = inputs[1].x;
        if (scales_) {
            multiply_rows(batch.n, rows_, static_cast<int>(channels_), a, b, y);
        } else {
            multiply(batch.n * rows_ * channels_, a, b, y);
        }
    }

    void backward(const Batch& batch) override {
        const Input &a = inputs[0], &b = inputs[1];
        const std::size_t n = batch.n * rows_ * channels_;
        const auto width = static_cast<int>(channels_);
        if (scales_) {
            if (a.dx != nullptr) multiply_rows(batch.n, rows_, width, dy, b.x, a.dx, a.add);
            if (b.dx != nullptr) multiply_rows_backward(batch.n, rows_, width, a.x, dy, b.dx, b.add);
        } else {
            if (a.dx != nullptr) multiply(n, dy, b.x, a.dx, a.add);  // first, if it is b's too
            if (b.dx != nullptr) multiply(n, dy, a.x, b.dx, b.add);
        }
    }

  private:
    std::size_t rows_, channels_;
    bool scales_;
};

class Mean final : public Layer {
  public:
    explicit Mean(const Draft& draft)
        : rows_(draft.inputs[0].rows()), channels_(static_cast<int>(draft.inputs[0].channels)) {}

    void forward(const Batch& batch) override {
        mean_rows_forward(batch.n, rows_, channels_, inputs[0].x, y);
    }
    void backward(const Batch& batch) override {
        mean_rows_backward(batch.n, rows_, channels_, dy, inputs[0].dx, inputs[0].add);
    }

  private:
    std::size_t rows_;
    int channels_;
};

// y (columns, rows) = x (rows, columns), or y += x.
void transpose(std::size_t rows, std::size_t columns, const float* x, float* y, bool add) {
    for (std::size_t c = 0; c < columns; ++c) {
        for (std::size_t r = 0; r < rows; ++r) {
            const float value = x[r * columns + c];
            y[c * rows + r] = add ? y[c * rows + r] + value : value;
        }
    }
}

// To torch's order: channels first.
class Flatten final : public Layer {
  public:
    explicit Flatten(const Draft& draft)
        : rows_(draft.inputs[0].rows()), channels_(draft.inputs[0].channels) {}

    void forward(const Batch& batch) override {
        const std::size_t size = rows_ * channels_;
        for (std::size_t i = 0; i < batch.n; ++i) {
            transpose(rows_, channels_, inputs[0].x + i * size, y + i * size, false);
        }
    }
    void backward(const Batch& batch) override {
        const std::size_t size = rows_ * channels_;
        for (std::size_t i = 0; i < batch.n; ++i) {
            transpose(channels_, rows_, dy + i * size, inputs[0].dx + i * size, inputs[0].add);
        }
    }

  private:
    std::size_t rows_, channels_;
};

class Dropout final : public Layer {
  public:
    explicit Dropout(const Draft& draft)
        : node_(static_cast<std::uint64_t>(draft.node)),
          p_(static_cast<std::uint32_t>(draft.spec.attrs[0])),
          rows_(draft.output.image ? draft.output.rows() : 1),
          channels_(draft.output.image ? draft.output.channels : draft.output.size()) {
        overwrites = passes = true;
    }

    void forward(const Batch& batch) override {
        if (!batch.training) return pass(batch.n * rows_ * channels_, inputs[0].x, y, false);
        run(batch, inputs[0].x, y, false);
    }
    void backward(const Batch& batch) override { run(batch, dy, inputs[0].dx, inputs[0].add); }

  private:
    void run(const Batch& batch, const float* from, float* to, bool add) const {
        const std::uint64_t key = draw_key(batch.noise, node_, batch.step);
        if (rows_ == 1) return drop(key, p_, 0, 1, batch.n * channels_, from, to, add);
        const std::size_t size = rows_ * channels_;
        for (std::size_t i = 0; i < batch.n; ++i) {
            const auto first = static_cast<std::uint32_t>(i * size);
            drop(key, p_, first, rows_, channels_, from + i * size, to + i * size, add);
        }
    }

    std::uint64_t node_;
    std::uint32_t p_;
    std::size_t rows_, channels_;
};

class Zero final : public Layer {
  public:
    explicit Zero(const Draft& draft) : size_(draft.output.size()) { constant = true; }

    void forward(const Batch& batch) override { std::memset(y, 0, batch.n * size_ * sizeof(float)); }
    void backward(const Batch&) override {}

  private:
    std::size_t size_;
};

class Last final : public Layer {
  public:
    explicit Last(const Draft& draft) : tokens_(draft.inputs[0].rows()), width_(draft.output.channels) {}

    void forward(const Batch& batch) override {
        const std::size_t all = tokens_ * width_;
        copy_columns(batch.n, static_cast<int>(width_), inputs[0].x + all - width_, all, y, width_);
    }
    void backward(const Batch& batch) override {
        const std::size_t all = tokens_ * width_;
        float* dx = inputs[0].dx;
        if (!inputs[0].add) std::memset(dx, 0, batch.n * all * sizeof(float));
        copy_columns(batch.n, static_cast<int>(width_), dy, width_, dx + all - width_, all, true);
    }

  private:
    std::size_t tokens_, width_;
};

}  // namespace

Made make_add(const Draft& draft) {
    return std::make_unique<Add>(draft);
}
Made make_concat(const Draft& draft) {
    return std::make_unique<Concat>(draft);
}
Made make_multiply(const Draft& draft) {
    return std::make_unique<Multiply>(draft);
}
Made make_mean(const Draft& draft) {
    return std::make_unique<Mean>(draft);
}
Made make_flatten(const Draft& draft) {
    return std::make_unique<Flatten>(draft);
}
Made make_dropout(const Draft& draft) {
    return std::make_unique<Dropout>(draft);
}
Made make_zero(const Draft& draft) {
    return std::make_unique<Zero>(draft);
}
Made make_last(const Draft& draft) {
    return std::make_unique<Last>(draft);
}

}  // namespace cambrian::train
