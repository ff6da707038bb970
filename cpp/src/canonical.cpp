#include "cambrian/canonical.hpp"

#include "canonical_search.hpp"
#include "certificate.hpp"

namespace cambrian {
namespace {

constexpr std::uint64_t kRecipeVersion = kHashVersion + (std::uint64_t{1} << 32);
constexpr std::uint64_t kPlainVersion = kHashVersion + (std::uint64_t{2} << 32);

}  // namespace

void Canonical::order(const Graph& graph) {
    leaves_ = 0;
    if (!walk_.run(graph)) leaves_ = search_order(graph, walk_);
}

std::span<const Value> Canonical::inputs(const Graph& graph, const Node& node) {
    return input_positions(graph, node, walk_.number.data(), sorted_);
}

Digest::Value Canonical::digest(const Graph& graph) {
    const std::size_t bound = certificate_bound(graph);
    if (words_.size() < bound) words_.resize(bound);
    const std::uint64_t* word = words_.data();
    const std::uint64_t* const end =
        write_certificate(graph, walk_.order, walk_.number.data(), sorted_, words_.data());
    Digest digest(kHashVersion);
    for (; word != end; word += 2) digest.absorb(word[0], word[1]);
    return digest.value();
}

Digest::Value with_recipe(const Digest::Value& graph, std::span<const std::int32_t> recipe_columns,
                          std::span<const std::uint16_t> normal, std::span<const std::uint8_t> active) {
    Digest digest(kRecipeVersion);
    digest.absorb(graph.low, graph.high);
    for (const std::int32_t column : recipe_columns) {
        const auto c = static_cast<std::size_t>(column);
        if (active[c] != 0) digest.absorb(c, normal[c]);
    }
    return digest.value();
}

Digest::Value plain_digest(std::span<const std::uint16_t> normal, std::span<const std::uint8_t> active) {
    Digest digest(kPlainVersion);
    for (std::size_t c = 0; c < normal.size(); ++c) {
        if (active[c] != 0) digest.absorb(c, normal[c]);
    }
    return digest.value();
}

}  // namespace cambrian
