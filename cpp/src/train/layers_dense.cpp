// Layers with a product of matrices inside.
#include "cambrian/train/kernels.hpp"
#include "layer.hpp"

namespace cambrian::train {
namespace {

class Convolution final : public Layer {
  public:
    explicit Convolution(const Draft& draft) : biased_(draft.spec.attrs[kConvBias] != 0) {
        const Form& in = draft.inputs[0];
        const Attrs& attrs = draft.spec.attrs;
        conv_.n = static_cast<int>(draft.batch);
        conv_.h = static_cast<int>(in.height);
        conv_.w = static_cast<int>(in.width);
        conv_.in = static_cast<int>(in.channels);
        conv_.out = attrs[kConvChannels];
        conv_.kernel_h = in.image ? attrs[kConvKernel] : 1;
        conv_.kernel_w = attrs[kConvKernel];
        conv_.stride_h = in.image ? attrs[kConvStride] : 1;
        conv_.stride_w = attrs[kConvStride];
        conv_.dilation = attrs[kConvDilation];
        conv_.groups = attrs[kConvGroups];
        const auto area = static_cast<std::size_t>(conv_.kernel_h) * static_cast<std::size_t>(conv_.kernel_w);
        draft.kernel(*this, draft.output.channels, in.channels / groups(), area);
        if (biased_) draft.channels(*this, "bias");
        work_size = conv_workspace(conv_);
        inputs_kept = true;
    }

    void forward(const Batch& batch) override {
        conv_.n = static_cast<int>(batch.n);
        conv_forward(conv_, inputs[0].x, weights[0].data, biased_ ? weights[1].data : nullptr, y, work);
    }

    void backward(const Batch& batch) override {
        conv_.n = static_cast<int>(batch.n);
        conv_backward(conv_, inputs[0].x, weights[0].data, dy, inputs[0].dx, inputs[0].add,
                      weights[0].gradient, biased_ ? weights[1].gradient : nullptr, work);
    }

  private:
    std::size_t groups() const { return static_cast<std::size_t>(conv_.groups); }

    Conv conv_;
    bool biased_;
};

class Linear final : public Layer {
  public:
    Linear(const Draft& draft, std::size_t places)
        : rows_(places > 1 ? 1 : draft.inputs[0].rows()),
          in_(static_cast<int>(draft.inputs[0].channels * places)),
          out_(static_cast<int>(draft.output.channels)),
          biased_(draft.spec.attrs[1] != 0) {
        draft.kernel(*this, draft.output.channels, draft.inputs[0].channels, places);
        if (biased_) draft.channels(*this, "bias");
        inputs_kept = true;
    }

    void forward(const Batch& batch) override {
        gemm(false, false, rows(batch), out_, in_, inputs[0].x, in_, weights[0].data, out_, y, out_, false,
             biased_ ? weights[1].data : nullptr);
    }

    void backward(const Batch& batch) override {
        const Input& input = inputs[0];
        const int n = rows(batch);
        gemm(true, false, in_, out_, n, input.x, in_, dy, out_, weights[0].gradient, out_, false);
        if (biased_) column_sums(static_cast<std::size_t>(n), out_, dy, weights[1].gradient);
        if (input.dx == nullptr) return;
        gemm(false, true, n, in_, out_, dy, out_, weights[0].data, out_, input.dx, in_, input.add);
    }

  private:
    int rows(const Batch& batch) const { return static_cast<int>(batch.n * rows_); }

    std::size_t rows_;
    int in_, out_;
    bool biased_;
};

}  // namespace

Made make_convolution(const Draft& draft) {
    return std::make_unique<Convolution>(draft);
}
Made make_linear(const Draft& draft, std::size_t places) {
    return std::make_unique<Linear>(draft, places);
}

}  // namespace cambrian::train
