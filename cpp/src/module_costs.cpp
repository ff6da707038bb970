#include "cambrian/module_costs.hpp"

#include <algorithm>
#include <stdexcept>

namespace cambrian {

ModuleKey module_key(const Node& node, const Shape& in) {
    ModuleKey key;
    auto out = std::copy(node.attrs.begin(), node.attrs.end(), key.begin());
    *out++ = in.rank;
    std::copy(in.dim.begin(), in.dim.end(), out);
    return key;
}

ModuleCosts::ModuleCosts(std::span<const std::int32_t> keys, std::span<const std::int64_t> costs) {
    constexpr std::size_t width = std::tuple_size_v<ModuleKey>;
    if (keys.size() / width * width != keys.size() || costs.size() != keys.size() / width * 2)
        throw std::invalid_argument("modules: keys and costs don't belong together");
    for (std::size_t i = 0; i < keys.size() / width; ++i) {
        Row row{{}, {costs[2 * i], costs[2 * i + 1]}};
        std::copy_n(keys.begin() + static_cast<std::ptrdiff_t>(width * i), width, row.key.begin());
        if (row.cost.params < 0 || row.cost.macs < 0)
            throw std::invalid_argument("modules: a cost is below 0");
        rows_.push_back(row);
    }
    std::sort(rows_.begin(), rows_.end(), [](const Row& a, const Row& b) { return a.key < b.key; });
    const auto twice = std::adjacent_find(rows_.begin(), rows_.end(),
                                          [](const Row& a, const Row& b) { return a.key == b.key; });
    if (twice != rows_.end()) throw std::invalid_argument("modules: a key comes twice");
}

const ModuleCost* ModuleCosts::find(const ModuleKey& key) const {
    const auto at =
        std::lower_bound(rows_.begin(), rows_.end(), key,
                         [](const Row& row, const ModuleKey& wanted) { return row.key < wanted; });
    return at != rows_.end() && at->key == key ? &at->cost : nullptr;
}

void MissingModules::add(const ModuleKey& key) {
    const std::lock_guard lock(mutex_);
    keys_.insert(key);
}

}  // namespace cambrian
