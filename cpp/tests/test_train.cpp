// Programs that train random networks: slopes against differences of the loss, memory, and bad graphs.
#include <algorithm>
#include <stdexcept>

#include "cambrian/train/trainer.hpp"
#include "kernel_checks.hpp"

using namespace cambrian;
using namespace cambrian::train;
using namespace cambrian::testing;

namespace {

Numbers numbers;

constexpr std::size_t kBatch = 6;
constexpr int kClasses = 3;

// Random nodes over images, of every kind that keeps the sides or halves them.
class Grower {
  public:
    std::vector<NodeSpec> grow(int count) {
        nodes_ = {{Op::kInput, {3, {2, 6, 5, 0}}, {}, {}}};
        add(Op::kConv2d, {4, 6, 5}, {4, 3, 1, 1, 1, 1}, {0});
        for (int i = 0; i < count; ++i) any();
        add(Op::kMean, {last().shape.dim[0]}, {}, {end()});
        add(Op::kLinear, {kClasses}, {kClasses, 1}, {end()});
        return nodes_;
    }

  private:
    const NodeSpec& last() const { return nodes_.back(); }
    std::int32_t end() const { return static_cast<std::int32_t>(nodes_.size()) - 1; }

    void add(Op op, std::vector<std::int32_t> sides, Attrs attrs, std::vector<std::int32_t> inputs) {
        Shape shape{static_cast<std::uint8_t>(sides.size()), {}};
        std::copy(sides.begin(), sides.end(), shape.dim.begin());
        nodes_.push_back({op, shape, attrs, std::move(inputs)});
    }

    // A node of the same shape as the last one, which may be itself.
    std::int32_t like() {
        std::vector<std::int32_t> found;
        for (std::int32_t i = 1; i <= end(); ++i) {
            if (nodes_[size(i)].shape == last().shape) found.push_back(i);
        }
        return found[size(numbers.below(static_cast<int>(found.size())))];
    }

    void any() {
        const std::int32_t c = last().shape.dim[0], h = last().shape.dim[1], w = last().shape.dim[2];
        const std::int32_t x = end(), half_h = (h + 1) / 2, half_w = (w + 1) / 2;
        switch (numbers.below(11)) {
            case 0:
                return add(Op::kConv2d, {5, h, w}, {5, 3, 1, 2, 1, 0}, {x});
            case 1:
                return add(Op::kConv2d, {c, half_h, half_w}, {c, 3, 2, 1, c, 1}, {x});
            case 2:
                return add(Op::kNorm, {c, h, w}, {1 + numbers.below(3)}, {x});
            case 3:
                return add(Op::kActivation, {c, h, w}, {4 + numbers.below(5)}, {x});
            case 4:
                return add(Op::kAvgPool, {c, half_h, half_w}, {2 + numbers.below(2), 2}, {x});
            case 5:
                return add(Op::kAdd, {c, h, w}, {}, {like(), x, like()});
            case 6:
                return add(Op::kConcat, {c + c, h, w}, {}, {like(), x});
            case 7:
                return add(Op::kMultiply, {c, h, w}, {}, {like(), x});
            case 8:
                add(Op::kMean, {c}, {}, {like()});
                return add(Op::kMultiply, {c, h, w}, {}, {x, end()});
            case 9:
                return add(Op::kResize, {c, 4, 3}, {4, 3}, {x});
            default:
                return add(Op::kDropout, {c, h, w}, {200'000}, {x});
        }
    }

    std::vector<NodeSpec> nodes_;
};

struct Data {
    Floats inputs = numbers(kBatch * 60);
    std::vector<std::int64_t> classes, order;

    Data() {
        for (std::size_t i = 0; i < kBatch; ++i) {
            classes.push_back(numbers.below(kClasses));
            order.push_back(static_cast<std::int64_t>(kBatch - 1 - i));
        }
    }
    Samples samples() const { return {kBatch, inputs.data(), classes.data(), nullptr}; }
};

double step(Trainer& trainer, const Data& data, double rate) {
    double loss = 0;
    trainer.run(data.samples(), data.order, std::vector<double>{rate}, {}, &loss);
    return loss;
}

void set_weights(Trainer& trainer) {
    for (const Parameter& p : trainer.program().parameters()) {
        const Floats values = numbers(p.size(), p.middle * p.inner > 1 ? 0.6F : 0.2F);
        float* to = trainer.program().weights() + p.offset;
        const bool scales = p.name == "running_var" || (p.name == "weight" && p.middle * p.inner == 1);
        for (std::size_t i = 0; i < p.size(); ++i) to[i] = values[i] + (scales ? 1.0F : 0.0F);
    }
}

// The first step's loss with weights of one's own, and its gradient.
double loss_at(const std::vector<NodeSpec>& nodes, const Data& data, Floats& weights, Floats* slope) {
    Trainer trainer(nodes, kBatch, Settings{});
    Program& program = trainer.program();
    if (weights.empty()) {
        set_weights(trainer);
        weights.assign(program.weights(), program.weights() + program.state());
    }
    std::copy(weights.begin(), weights.end(), program.weights());
    const double loss = step(trainer, data, 0.0);
    if (slope != nullptr) slope->assign(program.gradients(), program.gradients() + program.trained());
    return loss;
}

// Along the gradient the loss must change by the gradient's square.
bool slopes_agree(const std::vector<NodeSpec>& nodes, const Data& data) {
    Floats start, slope;
    loss_at(nodes, data, start, &slope);
    double square = 0;
    for (const float g : slope) square += static_cast<double>(g) * g;
    const double reach = 0.005 / std::max(std::sqrt(square), 1e-3);
    Floats up = start, down = start;
    for (std::size_t i = 0; i < slope.size(); ++i) {
        up[i] += static_cast<float>(reach * slope[i]);
        down[i] -= static_cast<float>(reach * slope[i]);
    }
    const double change = loss_at(nodes, data, up, nullptr) - loss_at(nodes, data, down, nullptr);
    return std::abs(change - 2 * reach * square) < 0.1 * 2 * reach * square + 2e-5;
}

void test_slopes() {
    Grower grower;
    const Data data;
    int wrong = 0;
    for (int i = 0; i < 60; ++i) wrong += !slopes_agree(grower.grow(2 + i % 12), data);
    CHECK(wrong == 0);
}

void test_training_lowers_the_loss() {
    Grower grower;
    const Data data;
    for (const auto rule : {train::Rule::kSgd, train::Rule::kAdamw}) {
        Settings settings;
        settings.rule = rule;
        settings.ema = 0.9;
        Trainer trainer(grower.grow(3), kBatch, settings);
        set_weights(trainer);
        trainer.start();
        const double first = step(trainer, data, 0.01);
        double last = first;
        for (int i = 0; i < 60; ++i) last = step(trainer, data, 0.01);
        CHECK(last < first);
        trainer.finish();
        Floats outputs(5 * kClasses);
        trainer.evaluate(5, data.inputs.data(), outputs.data());
        CHECK(std::all_of(outputs.begin(), outputs.end(), [](float x) { return std::isfinite(x); }));
    }
}

// A trainer as another one stands: all that a training needs to go on.
void take_over(Trainer& to, Trainer& from) {
    const std::size_t trained = from.program().trained(), state = from.program().state();
    std::copy_n(from.program().weights(), state, to.program().weights());
    std::copy_n(from.first(), trained, to.first());
    if (from.second() != nullptr) std::copy_n(from.second(), trained, to.second());
    if (from.averages() != nullptr) std::copy_n(from.averages(), state, to.averages());
    to.go_on(from.step());
}

void test_going_on_is_as_if_nothing_had_happened() {
    Grower grower;
    const Data data;
    for (int i = 0; i < 24; ++i) {
        Settings settings;
        settings.rule = i % 2 == 0 ? train::Rule::kSgd : train::Rule::kAdamw;
        settings.ema = i % 3 == 0 ? 0.9 : 0.0;
        settings.noise = 7;
        const auto nodes = grower.grow(2 + i % 8);
        Trainer whole(nodes, kBatch, settings), part(nodes, kBatch, settings);
        set_weights(whole);
        whole.start();
        for (int made = 0; made < 5; ++made) step(whole, data, 0.01);
        take_over(part, whole);
        CHECK(part.step() == 5);
        for (int made = 5; made < 9; ++made) CHECK(step(whole, data, 0.02) == step(part, data, 0.02));
        whole.finish();
        part.finish();
        CHECK(std::equal(whole.program().weights(), whole.program().weights() + whole.program().state(),
                         part.program().weights()));
    }
}

void test_spans_needed_together_lie_apart() {
    for (int round = 0; round < 200; ++round) {
        std::vector<Span> spans;
        for (int i = 0; i < 40; ++i) {
            const auto first = size(numbers.below(50));
            spans.push_back({size(numbers.below(100)), first, first + size(numbers.below(20))});
        }
        const std::size_t end = place(spans);
        bool apart = true;
        for (std::size_t i = 0; i < spans.size(); ++i) {
            const Span& a = spans[i];
            apart &= a.offset + a.size <= end;
            for (std::size_t j = 0; j < i; ++j) {
                const Span& b = spans[j];
                const bool together = a.first <= b.last && b.first <= a.last && a.size > 0 && b.size > 0;
                apart &= !together || a.offset + a.size <= b.offset || b.offset + b.size <= a.offset;
            }
        }
        CHECK(apart);
    }
}

// Whatever a graph says, it is refused, or runs inside its memory.
void test_spoilt_graphs() {
    Grower grower;
    const Data data;
    int refused = 0;
    for (int i = 0; i < 400; ++i) {
        auto nodes = grower.grow(6);
        NodeSpec& node = nodes[size(numbers.below(static_cast<int>(nodes.size())))];
        const std::int32_t value = numbers.below(12) - 2;
        switch (numbers.below(4)) {
            case 0:
                node.attrs[size(numbers.below(6))] = value;
                break;
            case 1:
                node.shape.dim[size(numbers.below(3))] = value;
                break;
            case 2:
                node.op = static_cast<Op>(numbers.below(27));
                break;
            default:
                if (!node.inputs.empty()) node.inputs[0] = value;
        }
        const bool bad = !refuses(nodes, kBatch).empty();
        refused += bad;
        if (bad || nodes.front().shape.elements() != 60 || nodes.back().shape.channels() != kClasses)
            continue;
        Trainer trainer(nodes, kBatch, Settings{});
        set_weights(trainer);
        step(trainer, data, 0.01);
    }
    CHECK(refused > 100);
}

void test_samples_that_are_not_there() {
    Grower grower;
    Data data;
    Trainer trainer(grower.grow(2), kBatch, Settings{});
    data.order[2] = kBatch;
    CHECK_THROWS(step(trainer, data, 0.1), std::invalid_argument);
    data.order[2] = 0;
    data.classes[1] = kClasses;
    CHECK_THROWS(step(trainer, data, 0.1), std::invalid_argument);
}

}  // namespace

int main() {
    test_slopes();
    test_training_lowers_the_loss();
    test_going_on_is_as_if_nothing_had_happened();
    test_spans_needed_together_lie_apart();
    test_spoilt_graphs();
    test_samples_that_are_not_there();
    return failures();
}
