// Networks of a space that has few: each is decoded once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cambrian/layout.hpp"
#include "cambrian/mix.hpp"
#include "cambrian/resources.hpp"

namespace cambrian {

// What decoding a network gives.
struct Outcome {
    Digest::Value digest{};
    std::array<std::int64_t, Resources::kNames.size()> resources{};
};

// Outcomes by the number that the genes of the normal form make, but for those of the recipe. Of one thread.
class Known {
  public:
    // What of an outcome is worked out.
    struct Asked {
        bool digest, resources;
        std::int64_t batch;
        bool operator==(const Asked&) const = default;
    };

    Known(const Layout& layout, const Asked& asked) : asked_(asked) {
        std::size_t count = 1;
        for (std::size_t c = 0; c < layout.columns.size() && count <= kMost; ++c) {
            // Masks that no template reads still decide how others of their Repeat are repaired.
            if (layout.recipe[c] != 0 && layout.columns[c].kind != GeneKind::kMask) continue;
            places_.push_back({c, count});
            count *= static_cast<std::size_t>(layout.columns[c].options);
        }
        if (count <= kMost) rows_.resize(count, 0);
    }

    bool few() const { return !rows_.empty(); }
    const Asked& asked() const { return asked_; }

    std::size_t number(const std::uint16_t* normal) const {
        std::size_t number = 0;
        for (const Place& place : places_) number += normal[place.column] * place.weight;
        return number;
    }
    const Outcome* find(std::size_t number) const {
        return rows_[number] == 0 ? nullptr : &outcomes_[rows_[number] - 1];
    }
    void add(std::size_t number, const Outcome& outcome) {
        outcomes_.push_back(outcome);
        rows_[number] = static_cast<std::uint32_t>(outcomes_.size());
    }

  private:
    static constexpr std::size_t kMost = std::size_t{1} << 16;

    struct Place {
        std::size_t column, weight;
    };
    Asked asked_;
    std::vector<Place> places_;
    std::vector<std::uint32_t> rows_;  // 1 + row of the outcome, or 0
    std::vector<Outcome> outcomes_;
};

}  // namespace cambrian
