// From nodes to layers.
#include <algorithm>
#include <stdexcept>

#include "plan.hpp"

namespace cambrian::train {
namespace {

class Reader {
  public:
    Reader(const std::vector<NodeSpec>& nodes, std::size_t batch, std::vector<Parameter>& parameters)
        : nodes_(nodes),
          batch_(batch),
          parameters_(parameters),
          values_(nodes.size()),
          readers_(nodes.size()) {
        for (std::size_t i = 0; i < nodes.size(); ++i) {
            for (const std::int32_t input : nodes[i].inputs) readers_[number(input)].push_back(i);
        }
    }

    Plan read() {
        plan_.values.push_back({batch_ * elements(0), kNone, {}});
        for (std::size_t i = 1; i < nodes_.size(); ++i) node(i);
        plan_.output = values_.back();
        return std::move(plan_);
    }

  private:
    static std::size_t number(std::int32_t value) { return static_cast<std::size_t>(value); }
    std::size_t elements(std::size_t i) const {
        return number(1) * static_cast<std::size_t>(nodes_[i].shape.elements());
    }

    // The node's value has the same bytes as what it reads.
    bool changes_nothing(std::size_t i) const {
        const NodeSpec& spec = nodes_[i];
        const Form in = form_of(nodes_[number(spec.inputs[0])].shape);
        switch (spec.op) {
            case Op::kIdentity:
            case Op::kTokens:
                return true;
            case Op::kNorm:
            case Op::kActivation:
            case Op::kDropout:
            case Op::kPosition:
                return spec.attrs[0] == 0;
            case Op::kMean:
                return nodes_[number(spec.inputs[0])].shape.rank == 1;
            case Op::kFlatten:
                return !in.image || in.rows() == 1 || in.channels == 1 || only_linear(i);
            default:
                return false;
        }
    }

    // Then the rows of their weights are put in another order instead.
    bool only_linear(std::size_t i) const {
        return i + 1 < nodes_.size() &&
               std::all_of(readers_[i].begin(), readers_[i].end(),
                           [&](std::size_t r) { return nodes_[r].op == Op::kLinear; });
    }

    // Places of the image that a linear layer reads as if it were flattened; 1 where it does not.
    std::size_t places(std::size_t source) const {
        if (nodes_[source].op != Op::kFlatten || !only_linear(source)) return 1;
        const Form in = form_of(nodes_[number(nodes_[source].inputs[0])].shape);
        return in.image && in.channels > 1 ? in.rows() : 1;
    }

    void node(std::size_t i) {
        const NodeSpec& spec = nodes_[i];
        if (changes_nothing(i)) {
            values_[i] = values_[number(spec.inputs[0])];
            return;
        }
        Draft draft{spec, static_cast<std::int32_t>(i), batch_, {}, form_of(spec.shape), parameters_};
        for (const std::int32_t input : spec.inputs)
            draft.inputs.push_back(form_of(nodes_[number(input)].shape));
        auto layer = make(draft, i);
        const std::size_t read = spec.op == Op::kUnembed ? 1 : spec.inputs.size();  // else weights only
        for (std::size_t k = 0; k < read; ++k) layer->inputs.push_back({values_[number(spec.inputs[k])]});
        append(std::move(layer), i);
    }

    void append(std::unique_ptr<Layer> layer, std::size_t i) {
        const std::size_t at = plan_.layers.size();
        for (const Layer::Input& input : layer->inputs) plan_.values[input.value].readers.push_back(at);
        values_[i] = layer->output = plan_.values.size();
        plan_.values.push_back({batch_ * elements(i), at, {}});
        plan_.layers.push_back(std::move(layer));
    }

    // The number of an embedding's weights.
    std::size_t table_of(std::int32_t embedding) const {
        const auto found =
            std::find_if(parameters_.begin(), parameters_.end(),
                         [&](const Parameter& parameter) { return parameter.node == embedding; });
        return static_cast<std::size_t>(found - parameters_.begin());
    }

    Made make(Draft& draft, std::size_t i) const {
        switch (nodes_[i].op) {
            case Op::kConv2d:
            case Op::kConv1d:
                return make_convolution(draft);
            case Op::kLinear: {
                const std::size_t count = places(number(nodes_[i].inputs[0]));
                draft.inputs[0].channels /= count;
                return make_linear(draft, count);
            }
            case Op::kNorm:
                return make_norm(draft);
            case Op::kActivation:
                return make_activation(draft);
            case Op::kMaxPool:
                return make_max_pool(draft);
            case Op::kAvgPool:
                return make_average_pool(draft);
            case Op::kMean:
                return make_mean(draft);
            case Op::kFlatten:
                return make_flatten(draft);
            case Op::kDropout:
                return make_dropout(draft);
            case Op::kAdd:
                return make_add(draft);
            case Op::kConcat:
                return make_concat(draft);
            case Op::kMultiply:
                return make_multiply(draft);
            case Op::kResize:
                return make_resize(draft);
            case Op::kZero:
                return make_zero(draft);
            case Op::kLast:
                return make_last(draft);
            case Op::kAttention:
                return make_attention(draft);
            case Op::kEmbedding:
                return make_embedding(draft);
            case Op::kPosition:
                return make_position(draft);
            case Op::kUnembed:
                return make_unembed(draft, table_of(nodes_[i].inputs[1]));
            default:
                throw std::invalid_argument("an operation that is not made for this mode of training");
        }
    }

    const std::vector<NodeSpec>& nodes_;
    std::size_t batch_;
    std::vector<Parameter>& parameters_;
    std::vector<std::size_t> values_;  // of nodes
    std::vector<std::vector<std::size_t>> readers_;
    Plan plan_;
};

}  // namespace

Plan read(const std::vector<NodeSpec>& nodes, std::size_t batch, std::vector<Parameter>& parameters) {
    return Reader(nodes, batch, parameters).read();
}

}  // namespace cambrian::train
