// What pieces of templates expanded to, remembered from slot to slot and from genome to genome.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "cambrian/canonical.hpp"
#include "cambrian/graph.hpp"
#include "cambrian/resources.hpp"
#include "cambrian/site.hpp"

namespace cambrian {

// Of one thread at a time. Whatever is forgotten, results don't depend on it.
class Memo {
  public:
    static constexpr std::size_t kMaxWords = 2 + kMaxSiteWords;
    static constexpr std::size_t kNear = 6;  // words of a key that are read with what comes first

    // All that an expansion depends on: the site, the shape of its input, and what else it reads.
    struct Key {
        std::array<std::uint64_t, kMaxWords> words;
        std::uint32_t count;

        std::uint64_t hash() const {
            std::uint64_t hash = count;
            for (std::size_t i = 0; i < count; i += 2) {
                hash += mix(words[i] + i, i + 1 < count ? words[i + 1] : 0);
            }
            return hash;
        }
    };

    struct alignas(64) Entry {
        bool known = false;   // else the expansion has to be made each time
        bool prefix = false;  // its first node may be shared with others outside; it is held apart
        bool body = false;    // there are other nodes
        std::uint8_t words = 0;
        std::uint32_t genome = 0;  // that used it last
        std::uint64_t steps = 0;
        std::array<std::uint64_t, kNear> near;
        Fragment fragment;
        Shape shape;
        std::array<std::uint64_t, kMaxWords - kNear> far;
        Node first;

        bool is(const Key& key) const;
        void set(const Key& key);
        Key key() const;
    };

    explicit Memo(std::size_t sites);

    void start() {  // another genome
        if (++genome_ != 0) return;
        for (const auto& chunk : chunks_) {
            for (std::size_t i = 0; i < kChunk; ++i) chunk[i].genome = 0;
        }
        genome_ = 1;
    }

    // False where remembering has not paid lately.
    bool pays(std::int32_t site) {
        Use& use = uses_[static_cast<std::size_t>(site)];
        if (use.rest == 0) return true;
        --use.rest;
        return false;
    }

    // What is known of a key, or null.
    const Entry* find(std::int32_t site, const Key& key, std::uint64_t hash);

    // Puts a known expansion on a value.
    Value apply(const Entry& entry, GraphBuilder& builder, Value input);

    // Remembers that `output` was made of `input` by the nodes since `mark`, and puts one node in their place
    // if that can be. Returns the output.
    Value record(const Key& key, std::uint64_t hash, GraphBuilder& builder, const GraphBuilder::Mark& mark,
                 Value input, Value output, std::size_t steps);

  private:
    struct Use {
        std::uint32_t tries = 0, hits = 0, trial = kFirstTrial;
        std::uint32_t rest = 0;  // tries that are left out
    };
    struct Slot {
        std::uint32_t tag = 0;    // of the hash; 0: free
        std::uint32_t entry = 0;  // number
    };
    static constexpr std::size_t kWays = 4;  // slots that a key can take
    static constexpr std::size_t kChunk = 64;
    static constexpr std::uint32_t kFirstTrial = 1024, kLastTrial = 16384, kRest = 1 << 18;

    static std::uint32_t tag(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32) | 1; }
    Slot* ways(std::uint64_t hash) { return slots_.data() + (hash * kWays & (slots_.size() - 1)); }
    Entry& entry(std::uint32_t number) { return chunks_[number / kChunk][number % kChunk]; }
    static void judge(Use& use);
    void grow();
    Entry* place(std::uint64_t hash);
    bool summarise(Entry& entry, const Graph& graph, std::size_t fresh, Value input, Value output);

    std::vector<Use> uses_;
    std::vector<Slot> slots_;
    std::vector<std::unique_ptr<Entry[]>> chunks_;  // they stay where they are
    std::uint32_t made_ = 0;
    std::uint32_t turn_ = 0;
    std::uint32_t genome_ = 0;
    Canonical canonical_;
    ResourceCounter counter_;
};

}  // namespace cambrian
