#include "plan.hpp"

#include <algorithm>

namespace cambrian::train {
namespace {

// Times: the input is there at 0, layer i runs forward at i + 1 and backward at 2 L + 1 - i; the loss
// between.
class Sharing {
  public:
    explicit Sharing(Plan& plan) : plan_(plan), layers_(plan.layers.size()) {}

    void run() {
        values();
        gradients();
        plan_.work = span(0, 0);
        plan_.spans[plan_.work].last = 2 * layers_ + 2;
        for (std::size_t i = 0; i < layers_; ++i) {
            Layer& layer = *plan_.layers[i];
            auto& work = plan_.spans[plan_.work].size;
            work = std::max(work, layer.work_size);
            layer.saved_span = span(layer.saved_size, i + 1);
            plan_.spans[layer.saved_span].last = backward(i);
        }
        plan_.floats = place(plan_.spans);
    }

  private:
    std::size_t loss() const { return layers_ + 1; }
    std::size_t backward(std::size_t layer) const { return 2 * layers_ + 2 - layer; }
    bool trained(std::size_t layer) const { return plan_.values[plan_.layers[layer]->output].reached; }

    std::size_t span(std::size_t size, std::size_t first) {
        plan_.spans.push_back({size, first, first});
        return plan_.spans.size() - 1;
    }

    void extend(std::size_t number, std::size_t last) {
        plan_.spans[number].last = std::max(plan_.spans[number].last, last);
    }

    bool once(std::size_t value, const Layer& layer) const {
        return std::count_if(layer.inputs.begin(), layer.inputs.end(),
                             [&](const Layer::Input& input) { return input.value == value; }) == 1;
    }

    void values() {
        plan_.values[0].span = span(plan_.values[0].size, 0);
        keep(0);
        for (std::size_t i = 0; i < layers_; ++i) {
            Layer& layer = *plan_.layers[i];
            Value& output = plan_.values[layer.output];
            output.span = layer.overwrites && overwritten(i) ? plan_.values[layer.inputs[0].value].span
                                                             : span(output.size, i + 1);
            keep(layer.output);
        }
    }

    // Until the last who reads it.
    void keep(std::size_t number) {
        const Value& value = plan_.values[number];
        for (const std::size_t reader : value.readers) extend(value.span, reader + 1);
        if (number == plan_.output) extend(value.span, loss());
        if (value.producer != kNone) extend(value.span, value.producer + 1);
        extend(value.span, kept_until(number));
    }

    // When a backward pass reads the value for the last time; 0 if none does.
    std::size_t kept_until(std::size_t number) const {
        const Value& value = plan_.values[number];
        std::size_t last = 0;
        const auto keeps = [&](std::size_t layer, bool asked) {
            if (asked && trained(layer)) last = std::max(last, backward(layer));
        };
        for (const std::size_t reader : value.readers) keeps(reader, plan_.layers[reader]->inputs_kept);
        if (value.producer != kNone) keeps(value.producer, plan_.layers[value.producer]->output_kept);
        return last;
    }

    // Whether layer i may write over its first input, which a sum of two may choose.
    bool overwritten(std::size_t i) {
        Layer& layer = *plan_.layers[i];
        const auto may = [&](std::size_t number) {
            const Value& value = plan_.values[number];
            return number != plan_.output && value.readers.back() == i && once(number, layer) &&
                   kept_until(number) == 0 && value.size == plan_.values[layer.output].size;
        };
        if (may(layer.inputs[0].value)) return true;
        if (layer.inputs.size() != 2 || !may(layer.inputs[1].value)) return false;
        std::swap(layer.inputs[0], layer.inputs[1]);
        return true;
    }

    void gradients() {
        Value& output = plan_.values[plan_.output];
        output.gradient = span(output.size, loss());
        for (std::size_t i = layers_; i-- > 0;) {
            Layer& layer = *plan_.layers[i];
            if (!trained(i)) continue;
            const std::size_t own = plan_.values[layer.output].gradient;
            extend(own, backward(i));
            bool passed = !layer.passes;
            for (Layer::Input& input : layer.inputs) {
                Value& value = plan_.values[input.value];
                if (!value.reached || layer.constant) continue;
                input.add = value.gradient != kNone;
                if (input.add) {
                    extend(value.gradient, backward(i));
                } else if (!passed && once(input.value, layer)) {
                    value.gradient = own;
                    passed = true;
                } else {
                    value.gradient = span(value.size, backward(i));
                }
            }
        }
    }

    Plan& plan_;
    std::size_t layers_;
};

}  // namespace

void follow_gradients(Plan& plan, std::vector<Parameter>& parameters) {
    for (const auto& layer : plan.layers) {
        bool wanted = std::any_of(layer->weights.begin(), layer->weights.end(), [&](const auto& weight) {
            return parameters[weight.parameter].role == Role::kTrained;
        });
        for (const auto& input : layer->inputs) wanted = wanted || plan.values[input.value].wanted;
        plan.values[layer->output].wanted = wanted && !layer->constant;
    }
    plan.values[plan.output].reached = plan.values[plan.output].wanted;
    for (Parameter& parameter : parameters) parameter.live = false;
    for (auto layer = plan.layers.rbegin(); layer != plan.layers.rend(); ++layer) {
        if (!plan.values[(*layer)->output].reached) continue;
        for (const auto& weight : (*layer)->weights) parameters[weight.parameter].live = true;
        for (const auto& input : (*layer)->inputs) {
            plan.values[input.value].reached = plan.values[input.value].wanted;
        }
    }
}

void share_memory(Plan& plan) {
    Sharing(plan).run();
}

}  // namespace cambrian::train
