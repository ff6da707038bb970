#include <random>
#include <set>
#include <stdexcept>
#include <utility>

#include "check.hpp"
#include "networks.hpp"

using namespace cambrian;
using namespace cambrian::testing;

namespace {

using Edges = std::vector<std::pair<int, int>>;
using Random = std::mt19937;  // its sequence is fixed by the standard

void same_form(const Network& network, Random& random, int times) {
    const Form first = form_of(network);
    for (int i = 0; i < times; ++i) {
        const Form again = form_of(shuffled(network, random));
        CHECK(again.digest == first.digest);
        CHECK(again.nodes == first.nodes);
    }
}

void construction_order_means_nothing() {
    Random random(1);
    for (int i = 0; i < 400; ++i)
        same_form(random_network(random, 3 + static_cast<int>(random() % 20)), random, 5);
}

void canonical_order_is_topological() {
    Random random(2);
    for (int i = 0; i < 200; ++i) {
        GraphBuilder builder;
        Canonical canonical;
        const Graph& graph = build(builder, random_network(random, 15));
        canonical.order(graph);
        CHECK(canonical.nodes().front() == 0);
        CHECK(canonical.nodes().back() == graph.output);
        for (std::size_t p = 0; p < canonical.nodes().size(); ++p) {
            const Value node = canonical.nodes()[p];
            CHECK(canonical.positions()[static_cast<std::size_t>(node)] == static_cast<Value>(p));
            for (const Value input : graph.inputs_of(graph.nodes[static_cast<std::size_t>(node)])) {
                const Value position = canonical.positions()[static_cast<std::size_t>(input)];
                CHECK(position >= 0 && position < static_cast<Value>(p));
            }
        }
    }
}

Edges cycle(int first, int n) {
    Edges edges;
    for (int i = 0; i < n; ++i) edges.emplace_back(first + i, first + (i + 1) % n);
    return edges;
}

Edges joined(Edges a, const Edges& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

Edges petersen() {
    Edges edges = cycle(0, 5);
    for (int i = 0; i < 5; ++i) {
        edges.emplace_back(i, i + 5);
        edges.emplace_back(5 + i, 5 + (i + 2) % 5);
    }
    return edges;
}

// 4 × 4 squares: rooks see along rows and columns. Shrikhande's graph has the same counts everywhere.
Edges rook_or_shrikhande(bool shrikhande) {
    Edges edges;
    for (int a = 0; a < 16; ++a) {
        for (int b = a + 1; b < 16; ++b) {
            const int rows = (b / 4 - a / 4 + 4) % 4, columns = (b % 4 - a % 4 + 4) % 4;
            const bool rook = rows == 0 || columns == 0;
            const bool step = (rows == 0 && columns % 2 == 1) || (columns == 0 && rows % 2 == 1) ||
                              (rows == columns && rows % 2 == 1);
            if (shrikhande ? step : rook) edges.emplace_back(a, b);
        }
    }
    return edges;
}

Edges hypercube(int dimensions) {
    Edges edges;
    for (int a = 0; a < 1 << dimensions; ++a) {
        for (int d = 0; d < dimensions; ++d) {
            if ((a >> d & 1) == 0) edges.emplace_back(a, a | 1 << d);
        }
    }
    return edges;
}

// Refinement alone can't tell these pairs apart.
void what_refinement_confuses_is_told_apart() {
    Random random(3);
    const std::pair<Network, Network> pairs[] = {
        {from_edges(6, cycle(0, 6)), from_edges(6, joined(cycle(0, 3), cycle(3, 3)))},
        {from_edges(9, cycle(0, 9)), from_edges(9, joined(cycle(0, 4), cycle(4, 5)))},
        {from_edges(16, rook_or_shrikhande(false)), from_edges(16, rook_or_shrikhande(true))},
    };
    for (const auto& [first, second] : pairs) {
        CHECK(form_of(first).nodes == form_of(second).nodes);
        CHECK(form_of(first).digest != form_of(second).digest);
        same_form(first, random, 10);
        same_form(second, random, 10);
    }
}

void symmetric_graphs_take_few_leaves() {
    Random random(4);
    const Network networks[] = {from_edges(10, petersen()), from_edges(16, hypercube(4)),
                                from_edges(24, cycle(0, 24)), from_edges(16, rook_or_shrikhande(false))};
    for (const Network& network : networks) {
        const Form form = form_of(network);
        CHECK(form.leaves > 1 && form.leaves < 60);
        same_form(network, random, 5);
    }
}

// k branches of two convolutions each between the input and a sum.
Network branches(int k) {
    Network network;
    Step sum{Op::kAdd, {}, 0};
    for (int i = 0; i < k; ++i) {
        network.push_back({Op::kConv2d, {-1}, 3});
        network.push_back({Op::kConv2d, {2 * i}, 3});
        sum.inputs.push_back(2 * i + 1);
    }
    network.push_back(sum);
    return network;
}

// k pairs whose first convolutions also feed a second sum, so that no branch stands alone.
Network woven(int k) {
    Network network = branches(k);
    network.pop_back();
    Step sum{Op::kAdd, {}, 0}, product{Op::kAdd, {}, 0};
    for (int i = 0; i < k; ++i) {
        sum.inputs.push_back(2 * i + 1);
        product.inputs.push_back(2 * i);
    }
    network.push_back(sum);
    network.push_back(product);
    network.push_back({Op::kMultiply, {2 * k, 2 * k + 1}, 0});
    return network;
}

void identical_branches_are_cheap() {
    Random random(5);
    for (const int k : {2, 8, 40}) {
        CHECK(form_of(branches(k)).leaves == 0);
        same_form(branches(k), random, 3);
        const Form form = form_of(woven(k));
        CHECK(form.leaves <= static_cast<std::size_t>(k * k));
        same_form(woven(k), random, 3);
    }
    std::set<std::uint64_t> digests;
    for (int k = 1; k <= 12; ++k) {
        digests.insert(form_of(branches(k)).digest.low);
        digests.insert(form_of(woven(k)).digest.high);
    }
    CHECK(digests.size() == 24);
}

// Symmetry within symmetry: every branch is itself a sum of equal branches.
Network nested(int outer, int inner) {
    Network network;
    Step all{Op::kAdd, {}, 0};
    for (int i = 0; i < outer; ++i) {
        const int first = static_cast<int>(network.size());
        network.push_back({Op::kConv2d, {-1}, 3});
        Step sum{Op::kAdd, {}, 0};
        for (int j = 0; j < inner; ++j) {
            network.push_back({Op::kConv2d, {first}, 3});
            sum.inputs.push_back(static_cast<int>(network.size()) - 1);
        }
        network.push_back(sum);
        all.inputs.push_back(static_cast<int>(network.size()) - 1);
    }
    network.push_back(all);
    return network;
}

void nested_symmetry_is_cheap() {
    Random random(6);
    for (const auto& [outer, inner] : Edges{{2, 2}, {4, 4}, {8, 8}, {3, 6}, {6, 3}}) {
        CHECK(form_of(nested(outer, inner)).leaves <= static_cast<std::size_t>(outer * inner * 8));
        same_form(nested(outer, inner), random, 3);
    }
}

void hopeless_symmetry_is_refused() {
    CHECK_THROWS(form_of(woven(1500)), std::invalid_argument);
}

void shared_is_not_copied() {
    const Network once = {{Op::kConv2d, {-1}, 3}, {Op::kActivation, {0}, 1}, {Op::kAdd, {0, 1}, 0}};
    const Network twice = {
        {Op::kConv2d, {-1}, 3}, {Op::kConv2d, {-1}, 3}, {Op::kActivation, {1}, 1}, {Op::kAdd, {0, 2}, 0}};
    CHECK(form_of(once).digest != form_of(twice).digest);
    const Network doubled = {{Op::kConv2d, {-1}, 3}, {Op::kAdd, {0, 0}, 0}};
    const Network summed = {{Op::kConv2d, {-1}, 3}, {Op::kConv2d, {-1}, 3}, {Op::kAdd, {0, 1}, 0}};
    CHECK(form_of(doubled).digest != form_of(summed).digest);
}

// Two users of one tied node against one user each: equal trees, different networks.
void ties_between_nodes_far_apart() {
    const auto network = [](int first, int second) {
        return Network{{Op::kConv2d, {-1}, 3},     {Op::kConv2d, {-1}, 3},     {Op::kConv2d, {first}, 1},
                       {Op::kConv2d, {second}, 5}, {Op::kMultiply, {0, 1}, 0}, {Op::kConcat, {2, 3}, 0},
                       {Op::kAdd, {4, 5}, 0}};
    };
    Random random(7);
    CHECK(form_of(network(0, 0)).digest != form_of(network(0, 1)).digest);
    CHECK(form_of(network(0, 0)).digest == form_of(network(1, 1)).digest);
    CHECK(form_of(network(0, 1)).digest == form_of(network(1, 0)).digest);
    same_form(network(0, 1), random, 10);
}

void a_digest_uses_all_its_bits() {
    std::set<std::uint64_t> low, high;
    std::uint64_t ones = ~std::uint64_t{0}, zeros = 0;
    for (std::uint64_t i = 0; i < 4096; ++i) {
        Digest digest(1);
        digest.absorb(i, 0);
        const auto value = digest.value();
        low.insert(value.low);
        high.insert(value.high);
        ones &= value.low & value.high;
        zeros |= value.low | value.high;
    }
    CHECK(low.size() == 4096 && high.size() == 4096 && ones == 0 && zeros == ~std::uint64_t{0});
}

}  // namespace

int main() {
    construction_order_means_nothing();
    canonical_order_is_topological();
    what_refinement_confuses_is_told_apart();
    symmetric_graphs_take_few_leaves();
    identical_branches_are_cheap();
    nested_symmetry_is_cheap();
    hopeless_symmetry_is_refused();
    shared_is_not_copied();
    ties_between_nodes_far_apart();
    a_digest_uses_all_its_bits();
    return failures();
}
