// Normalisations, activations and pools.
#include "cambrian/train/kernels.hpp"
#include "layer.hpp"

namespace cambrian::train {
namespace {

constexpr float kEpsilon = 1e-5F, kMomentum = 0.1F;  // torch's

class BatchNorm final : public Layer {
  public:
    explicit BatchNorm(const Draft& draft)
        : rows_(draft.output.rows()), channels_(static_cast<int>(draft.output.channels)) {
        draft.channels(*this, "weight");
        draft.channels(*this, "bias");
        draft.channels(*this, "running_mean", Role::kTracked);
        draft.channels(*this, "running_var", Role::kTracked);
        saved_size = 2 * draft.output.channels;
        inputs_kept = passes = true;
    }

    void forward(const Batch& batch) override {
        const float *x = inputs[0].x, *gamma = weights[0].data, *beta = weights[1].data;
        float *mean = weights[2].data, *variance = weights[3].data;
        if (batch.training) {
            batch_norm_forward(batch.n * rows_, channels_, x, gamma, beta, kEpsilon, kMomentum, mean,
                               variance, saved, saved + channels_, y);
        } else {
            batch_norm_eval(batch.n * rows_, channels_, x, gamma, beta, kEpsilon, mean, variance, y);
        }
    }

    void backward(const Batch& batch) override {
        const Input& input = inputs[0];
        batch_norm_backward(batch.n * rows_, channels_, input.x, weights[0].data, saved, saved + channels_,
                            dy, input.dx, input.add, weights[0].gradient, weights[1].gradient);
    }

  private:
    std::size_t rows_;
    int channels_;
};

class LayerNorm final : public Layer {
  public:
    explicit LayerNorm(const Draft& draft)
        : samples_(draft.output.image ? 1 : draft.output.rows()),
          rows_(draft.output.image ? draft.output.rows() : 1),
          channels_(static_cast<int>(draft.output.channels)) {
        draft.channels(*this, "weight");
        draft.channels(*this, "bias");
        saved_size = 2 * draft.batch * samples_;
        inputs_kept = passes = true;
    }

    void forward(const Batch& batch) override {
        const std::size_t n = batch.n * samples_;
        layer_norm_forward(n, rows_, channels_, inputs[0].x, weights[0].data, weights[1].data, kEpsilon,
                           saved, saved + n, y);
    }

    void backward(const Batch& batch) override {
        const Input& input = inputs[0];
        const std::size_t n = batch.n * samples_;
        layer_norm_backward(n, rows_, channels_, input.x, weights[0].data, saved, saved + n, dy, input.dx,
                            input.add, weights[0].gradient, weights[1].gradient);
    }

  private:
    std::size_t samples_, rows_;
    int channels_;
};

class RmsNorm final : public Layer {
  public:
    explicit RmsNorm(const Draft& draft)
        : rows_(draft.output.rows()), channels_(static_cast<int>(draft.output.channels)) {
        draft.channels(*this, "weight");
        saved_size = draft.batch * rows_;
        inputs_kept = passes = true;
    }

    void forward(const Batch& batch) override {
        rms_norm_forward(batch.n * rows_, channels_, inputs[0].x, weights[0].data, kEpsilon, saved, y);
    }

    void backward(const Batch& batch) override {
        const Input& input = inputs[0];
        rms_norm_backward(batch.n * rows_, channels_, input.x, weights[0].data, saved, dy, input.dx,
                          input.add, weights[0].gradient);
    }

  private:
    std::size_t rows_;
    int channels_;
};

class Activated final : public Layer {
  public:
    explicit Activated(const Draft& draft)
        : kind_(static_cast<Activation>(draft.spec.attrs[0])), size_(draft.output.size()) {
        // The slope of these two is known by the sign of what they give, so what they read may go.
        by_output_ = kind_ == Activation::kRelu || kind_ == Activation::kLeakyRelu;
        output_kept = overwrites = by_output_;
        inputs_kept = !by_output_;
        passes = true;
    }

    void forward(const Batch& batch) override { activation_forward(kind_, batch.n * size_, inputs[0].x, y); }
    void backward(const Batch& batch) override {
        const Input& input = inputs[0];
        activation_backward(kind_, batch.n * size_, by_output_ ? y : input.x, dy, input.dx, input.add);
    }

  private:
    Activation kind_;
    std::size_t size_;
    bool by_output_;
};

Pool pool_of(const Draft& draft) {
    const Form& in = draft.inputs[0];
    return {static_cast<int>(draft.batch), static_cast<int>(in.height),   static_cast<int>(in.width),
            static_cast<int>(in.channels), draft.spec.attrs[kPoolKernel], draft.spec.attrs[kPoolStride]};
}

class MaxPool final : public Layer {
  public:
    explicit MaxPool(const Draft& draft) : pool_(pool_of(draft)) {
        static_assert(sizeof(std::int32_t) == sizeof(float));
        saved_size = draft.batch * draft.output.size();
    }

    void forward(const Batch& batch) override {
        pool_.n = static_cast<int>(batch.n);
        max_pool_forward(pool_, inputs[0].x, y, batch.training ? where() : nullptr);
    }
    void backward(const Batch& batch) override {
        pool_.n = static_cast<int>(batch.n);
        max_pool_backward(pool_, where(), dy, inputs[0].dx, inputs[0].add);
    }

  private:
    std::int32_t* where() { return reinterpret_cast<std::int32_t*>(saved); }

    Pool pool_;
};

class AveragePool final : public Layer {
  public:
    explicit AveragePool(const Draft& draft) : pool_(pool_of(draft)) {}

    void forward(const Batch& batch) override {
        pool_.n = static_cast<int>(batch.n);
        avg_pool_forward(pool_, inputs[0].x, y);
    }
    void backward(const Batch& batch) override {
        pool_.n = static_cast<int>(batch.n);
        avg_pool_backward(pool_, dy, inputs[0].dx, inputs[0].add);
    }

  private:
    Pool pool_;
};

class Resize final : public Layer {
  public:
    explicit Resize(const Draft& draft)
        : height_(static_cast<int>(draft.inputs[0].height)),
          width_(static_cast<int>(draft.inputs[0].width)),
          channels_(static_cast<int>(draft.output.channels)),
          to_height_(static_cast<int>(draft.output.height)),
          to_width_(static_cast<int>(draft.output.width)) {}

    void forward(const Batch& batch) override {
        adaptive_avg_pool_forward(static_cast<int>(batch.n), height_, width_, channels_, to_height_,
                                  to_width_, inputs[0].x, y);
    }
    void backward(const Batch& batch) override {
        adaptive_avg_pool_backward(static_cast<int>(batch.n), height_, width_, channels_, to_height_,
                                   to_width_, dy, inputs[0].dx, inputs[0].add);
    }

  private:
    int height_, width_, channels_, to_height_, to_width_;
};

}  // namespace

Made make_norm(const Draft& draft) {
    switch (static_cast<Norm>(draft.spec.attrs[0])) {
        case Norm::kBatch:
            return std::make_unique<BatchNorm>(draft);
        case Norm::kLayer:
            return std::make_unique<LayerNorm>(draft);
        default:
            return std::make_unique<RmsNorm>(draft);
    }
}
Made make_activation(const Draft& draft) {
    return std::make_unique<Activated>(draft);
}
Made make_max_pool(const Draft& draft) {
    return std::make_unique<MaxPool>(draft);
}
Made make_average_pool(const Draft& draft) {
    return std::make_unique<AveragePool>(draft);
}
Made make_resize(const Draft& draft) {
    return std::make_unique<Resize>(draft);
}

}  // namespace cambrian::train
