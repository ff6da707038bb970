#include "cambrian/train/program.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "layer.hpp"
#include "plan.hpp"

namespace cambrian::train {

Form form_of(const Shape& shape) {
    const auto side = [&](std::size_t i) { return static_cast<std::size_t>(shape.dim[i]); };
    if (shape.rank == 3) return {side(1), side(2), side(0), true};
    if (shape.rank == 2) return {1, side(0), side(1), false};
    return {1, 1, side(0), false};
}

void Draft::kernel(Layer& layer, std::size_t outer, std::size_t middle, std::size_t inner) const {
    layer.weights.push_back({parameters.size()});
    parameters.push_back({node, "weight", Role::kTrained, true, outer, middle, inner});
}

void Draft::channels(Layer& layer, const char* name, Role role) const {
    layer.weights.push_back({parameters.size()});
    // Torch's layer norm of a single number has weights of three dimensions.
    const bool decayed = role == Role::kTrained && spec.op == Op::kNorm && output.image &&
                         output.size() == 1 &&
                         spec.attrs[0] == static_cast<std::int32_t>(cambrian::Norm::kLayer);
    parameters.push_back({node, name, role, decayed, output.channels, 1, 1});
}

void Draft::table(Layer& layer, std::size_t size) const {
    layer.weights.push_back({parameters.size()});
    parameters.push_back({node, "weight", Role::kTrained, true, 1, 1, size});
}

void Draft::constant(Layer& layer, std::size_t size) const {
    layer.weights.push_back({parameters.size()});
    parameters.push_back({node, "table", Role::kConstant, false, 1, 1, size});
}

Program::Program(const std::vector<NodeSpec>& nodes, std::size_t batch) {
    const std::string reason = refuses(nodes, batch);
    if (!reason.empty()) throw std::invalid_argument(reason);
    Plan plan = read(nodes, batch, parameters_);
    input_size_ = static_cast<std::size_t>(nodes.front().shape.elements());
    output_size_ = static_cast<std::size_t>(nodes.back().shape.elements());
    output_channels_ = static_cast<std::size_t>(nodes.back().shape.channels());
    follow_gradients(plan, parameters_);
    lay_out();
    share_memory(plan);
    connect(plan);
}

Program::~Program() = default;

std::size_t Program::memory() const {
    return (weights_.size() + gradients_.size() + arena_.size()) * sizeof(float);
}

// Parameters are put where one pass over them does for all of a kind; each begins at a cache line.
void Program::lay_out() {
    constexpr std::size_t kStep = kAlign / sizeof(float);
    std::size_t end = 0;
    const auto group = [&](auto belongs) {
        for (Parameter& parameter : parameters_) {
            if (!belongs(parameter)) continue;
            parameter.offset = end;
            end += (parameter.size() + kStep - 1) / kStep * kStep;
        }
        return end;
    };
    const auto live = [](const Parameter& p) { return p.role == Role::kTrained && p.live; };
    decayed_ = group([&](const Parameter& p) { return live(p) && p.decayed; });
    trained_ = group([&](const Parameter& p) { return live(p) && !p.decayed; });
    group([&](const Parameter& p) { return p.role == Role::kTrained && !p.live; });
    state_ = group([&](const Parameter& p) { return p.role == Role::kTracked; });
    group([&](const Parameter& p) { return p.role == Role::kConstant; });
    weights_ = Block(end);
    gradients_ = Block(trained_);
    weights_.clear();
    gradients_.clear();
}

void Program::connect(Plan& plan) {
    arena_ = Block(plan.floats);
    const auto of = [&](std::size_t span) { return at(plan.spans[span].offset); };
    for (const auto& layer : plan.layers) {
        const Value& output = plan.values[layer->output];
        layer->y = of(output.span);
        layer->dy = output.reached ? of(output.gradient) : nullptr;
        if (layer->saved_size > 0) layer->saved = of(layer->saved_span);
        layer->work = of(plan.work);
        for (Layer::Input& input : layer->inputs) {
            const Value& value = plan.values[input.value];
            input.x = of(value.span);
            input.dx = output.reached && value.reached && !layer->constant ? of(value.gradient) : nullptr;
        }
        for (Layer::Weight& weight : layer->weights) {
            const Parameter& parameter = parameters_[weight.parameter];
            weight.data = weights_.data() + parameter.offset;
            const bool trained = parameter.role == Role::kTrained && parameter.live;
            weight.gradient = trained ? gradients_.data() + parameter.offset : nullptr;
        }
    }
    input_ = plan.spans[plan.values[0].span].offset;
    output_ = plan.spans[plan.values[plan.output].span].offset;
    output_gradient_ = plan.spans[plan.values[plan.output].gradient].offset;
    layers_ = std::move(plan.layers);
}

void Program::forward(const Batch& batch) {
    for (const auto& layer : layers_) layer->forward(batch);
}

void Program::backward(const Batch& batch) {
    for (const Parameter& parameter : parameters_) {
        if (!parameter.summed || !parameter.live) continue;
        std::memset(gradients_.data() + parameter.offset, 0, parameter.size() * sizeof(float));
    }
    for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer) {
        if ((*layer)->dy != nullptr) (*layer)->backward(batch);
    }
}

}  // namespace cambrian::train
