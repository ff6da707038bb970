// What pieces of templates expanded to, remembered from slot to slot and from genome to genome.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "cambrian/canonical.hpp"
#include "cambrian/graph.hpp"
#include "cambrian/resources.hpp"
#include "cambrian/site.hpp"

namespace cambrian {

// Of one thread. Whatever is forgotten, results don't depend on it.
class Memo {
  public:
    // All that an expansion depends on: the site, the shape of its input, and what else it reads.
    struct Key {
        std::array<std::uint64_t, 3 + kMaxSiteWords> words;
        std::size_t count;

        std::uint64_t hash() const {
            std::uint64_t hash = count;
            for (std::size_t i = 0; i < count; i += 2) {
                hash += mix(words[i] + i, i + 1 < count ? words[i + 1] : 0);
            }
            return hash;
        }
    };

    struct Entry {
        enum State : std::uint8_t { kNothing, kExpand, kFragment };

        State state = kNothing;
        bool prefix =
            false;          // its first node is one that may be shared with others outside; it is held apart
        bool body = false;  // there are other nodes
        std::uint32_t genome = 0;  // that used it last
        std::uint64_t hash = 0;
        std::size_t steps = 0;
        Key key;
        Shape shape;
        Fragment fragment;
        Node first;
    };

    explicit Memo(std::size_t sites) : uses_(sites), entries_(kEntries) {}

    void start() {  // another genome
        if (++genome_ != 0) return;
        for (Entry& entry : entries_) entry.genome = 0;
        genome_ = 1;
    }

    // False where remembering has not paid.
    bool pays(std::int32_t site) const { return uses_[static_cast<std::size_t>(site)].pays; }

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
        std::uint32_t tries = 0, hits = 0;
        bool pays = true;
    };
    static constexpr std::size_t kEntries = 4096;

    Entry& slot(std::uint64_t hash) { return entries_[hash % kEntries]; }
    bool summarise(Entry& entry, const Graph& graph, std::size_t fresh, Value input, Value output);

    std::vector<Use> uses_;
    std::vector<Entry> entries_;
    std::uint32_t genome_ = 0;
    Canonical canonical_;
    ResourceCounter counter_;
};

}  // namespace cambrian
