// How genomes are changed. Only active genes are hit, and no draw is spent on the others.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "cambrian/hits.hpp"
#include "cambrian/layout.hpp"
#include "cambrian/parallel.hpp"
#include "cambrian/rng.hpp"
#include "cambrian/structure.hpp"

namespace cambrian {

// `rate`: the probability that a gene is hit; none: 1 / (number of active genes with two options or more).
struct ResetMutation {  // a hit gene gets one of its other options, uniformly
    std::optional<double> rate;
};
struct StepMutation {  // a hit ordered gene moves by at most `step` options, others are reset
    std::optional<double> rate;
    std::uint32_t step;
};
struct PointMutation {};  // one gene, uniformly chosen, gets one of its other options
using Mutation = std::variant<ResetMutation, StepMutation, PointMutation, StructuralMutation>;

// Mutations made ready for one layout.
class Mutator {
  public:
    Mutator(const Layout& layout, const std::vector<Mutation>& mutations);

    std::size_t stages() const { return stages_.size(); }

    // `genome` is private to the caller and in range; `stream` is that of purpose kMutate + stage.
    template <class T>
    void mutate(std::size_t stage, T* genome, Stream& stream, Scratch<T>& scratch) const;

  private:
    struct Stage {
        std::optional<Hits> hits;  // none: one gene is hit
        std::uint32_t step = 0;    // 0: ordered genes are reset too
        std::optional<Structure> structure;
    };

    template <class T>
    void genes(const T* genome, Scratch<T>& scratch) const;
    template <class T>
    void hit(const Stage& stage, T* gene, std::uint32_t column, Stream& stream) const;

    const Layout& layout_;
    std::vector<std::uint32_t> always_;  // changeable genes that take part in every genome
    bool conditional_ = false;           // others may take part
    std::vector<Stage> stages_;
};

// Rows that are worked on together: a block of them stays in the nearest caches.
template <class T>
std::size_t rows_at_once(std::size_t width) {
    constexpr std::size_t kBytes = std::size_t{1} << 18;
    return std::clamp<std::size_t>(kBytes / (sizeof(T) * std::max<std::size_t>(width, 1)), 1,
                                   Streams::kMost / 2);
}

// All mutations of genomes first … first + count - 1, which stand in `genomes`, private to the caller.
template <class T>
void mutate_block(const Mutator& mutator, const Source& source, std::uint32_t first, std::size_t count,
                  std::size_t width, T* genomes, Scratch<T>& scratch) {
    for (std::uint32_t stage = 0; stage < mutator.stages(); ++stage) {
        const Streams streams(source, kMutate + stage, first, count);
        for (std::size_t i = 0; i < count; ++i) {
            Stream stream = streams[i];
            mutator.mutate(stage, genomes + i * width, stream, scratch);
        }
    }
}

// Sets values beyond a gene's options to its last one. A population may be changed by another thread after it
// was checked, so what is read from it is limited before it is used.
template <class T>
class Limit {
  public:
    explicit Limit(const Layout& layout) {
        for (const Column& column : layout.columns) limit_.push_back(static_cast<T>(column.options - 1));
    }
    void apply(T* genome) const {
        // Plain pointers: a byte that is written could otherwise be one of the vector's own, and no loop over
        // bytes would become a vector loop.
        const T* limit = limit_.data();
        const std::size_t width = limit_.size();
        for (std::size_t c = 0; c < width; ++c) genome[c] = genome[c] < limit[c] ? genome[c] : limit[c];
    }

  private:
    std::vector<T> limit_;
};

// `out` may be `genomes` itself.
template <class T>
void mutate(const Layout& layout, const T* genomes, std::size_t n, const std::vector<Mutation>& mutations,
            const Source& source, const Threads& threads, T* out);

}  // namespace cambrian
