// What users' modules cost: a table that is given from outside, and the keys that it lacked.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <set>
#include <span>
#include <vector>

#include "cambrian/graph.hpp"

namespace cambrian {

// Attributes of a module's node, then rank and sides of what it reads.
using ModuleKey = std::array<std::int32_t, kMaxAttrs + 5>;

struct ModuleCost {
    std::int64_t params = 0;
    std::int64_t macs = 0;
};

ModuleKey module_key(const Node& node, const Shape& in);

class ModuleCosts {
  public:
    // Throws std::invalid_argument for a key that comes twice and for costs below 0.
    ModuleCosts(std::span<const std::int32_t> keys, std::span<const std::int64_t> costs);
    ModuleCosts() = default;

    const ModuleCost* find(const ModuleKey& key) const;

  private:
    struct Row {
        ModuleKey key;
        ModuleCost cost;
    };
    std::vector<Row> rows_;  // sorted by key
};

// Filled by many threads.
class MissingModules {
  public:
    void add(const ModuleKey& key);
    const std::set<ModuleKey>& keys() const { return keys_; }

  private:
    std::mutex mutex_;
    std::set<ModuleKey> keys_;
};

}  // namespace cambrian
