#include <limits>
#include <stdexcept>
#include <vector>

#include "cambrian/resources.hpp"
#include "check.hpp"
#include "networks.hpp"

using namespace cambrian;
using namespace cambrian::testing;

namespace {

Value apply(GraphBuilder& builder, Op op, std::vector<Value> inputs, std::vector<std::int64_t> args = {}) {
    return builder.apply(op, inputs, args);
}

// More shareable nodes than the table starts with, twice, with one builder: nothing of the first network is
// left.
void sharing_outgrows_its_table() {
    GraphBuilder builder;
    for (int round = 0; round < 2; ++round) {
        builder.start(kShape);
        std::vector<Value> pools;
        Value x = 0;
        for (int i = 0; i < 1000; ++i) pools.push_back(x = apply(builder, Op::kMaxPool, {x}, {3, 1}));
        x = 0;
        for (int i = 0; i < 1000; ++i) {
            x = apply(builder, Op::kMaxPool, {x}, {3, 1});
            CHECK(x == pools[static_cast<std::size_t>(i)]);
        }
        CHECK(builder.graph().nodes.size() == 1001);
        CHECK(builder.graph().inputs.size() == 1000);
    }
}

void what_is_found_again_leaves_no_trace() {
    GraphBuilder builder;
    builder.start(kShape);
    const Value a = apply(builder, Op::kConv2d, {0}, {4, 3, 1, 1, 1, 0});
    const Value b = apply(builder, Op::kConv2d, {0}, {4, 3, 1, 1, 1, 0});
    CHECK(a != b);
    const Value sum = apply(builder, Op::kAdd, {a, b});
    const auto inputs = builder.graph().inputs.size();
    CHECK(apply(builder, Op::kAdd, {b, a}) == sum);
    CHECK(builder.graph().inputs.size() == inputs);
    CHECK(apply(builder, Op::kConcat, {a, b}) != apply(builder, Op::kConcat, {b, a}));
    CHECK(apply(builder, Op::kAdd, {a, a}) != a);
    CHECK(apply(builder, Op::kAdd, {kAbsent, a, kAbsent}) == a);
    CHECK(apply(builder, Op::kMultiply, {kAbsent, kAbsent}) == kAbsent);
    CHECK(apply(builder, Op::kConv2d, {kAbsent}, {4, 3, 1, 1, 1, 0}) == kAbsent);
}

void networks_end_somewhere() {
    GraphBuilder builder;
    builder.start(kShape);
    Value x = 0;
    const auto grow = [&] {
        for (std::size_t i = 0; i <= kMaxNodes; ++i) x = apply(builder, Op::kNorm, {x}, {1});
    };
    CHECK_THROWS(grow(), std::invalid_argument);
    CHECK(builder.graph().nodes.size() == kMaxNodes);
}

// A chain of the largest allowed length goes through every pass: none may recurse along it.
void the_longest_chain_is_walked() {
    GraphBuilder builder;
    Canonical canonical;
    ResourceCounter counter;
    builder.start(kShape);
    Value x = 0;
    for (std::size_t i = 1; i < kMaxNodes; ++i) x = apply(builder, Op::kNorm, {x}, {1});
    builder.finish(x);
    canonical.order(builder.graph());
    CHECK(canonical.nodes().size() == kMaxNodes);
    const Resources resources = counter.count(builder.graph(), canonical);
    CHECK(resources.kernels == static_cast<std::int64_t>(kMaxNodes) - 1);
    CHECK(resources.memory == 2 * 4 * 4 * 8 * 8);
}

void a_network_may_be_its_input() {
    GraphBuilder builder;
    Canonical canonical;
    ResourceCounter counter;
    builder.start(kShape);
    builder.finish(0);
    canonical.order(builder.graph());
    CHECK(canonical.nodes().size() == 1);
    const Resources resources = counter.count(builder.graph(), canonical);
    CHECK(resources.params == 0 && resources.kernels == 0 && resources.memory == 4 * 4 * 8 * 8);
}

void counts_beyond_64_bits_are_refused() {
    GraphBuilder builder;
    Canonical canonical;
    ResourceCounter counter;
    const std::int64_t most = std::numeric_limits<std::int32_t>::max();
    const std::int64_t shape[] = {most};
    builder.start(shape);
    Value x = 0;
    for (int i = 0; i < 3; ++i) x = apply(builder, Op::kLinear, {x}, {most, 1});
    builder.finish(x);
    canonical.order(builder.graph());
    CHECK_THROWS(counter.count(builder.graph(), canonical), std::invalid_argument);
    const std::int64_t cube[] = {most, most, most};
    CHECK_THROWS(builder.start(cube), std::invalid_argument);
}

}  // namespace

int main() {
    sharing_outgrows_its_table();
    what_is_found_again_leaves_no_trace();
    networks_end_somewhere();
    the_longest_chain_is_walked();
    a_network_may_be_its_input();
    counts_beyond_64_bits_are_refused();
    return failures();
}
