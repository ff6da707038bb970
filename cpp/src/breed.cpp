#include "cambrian/breed.hpp"

#include <algorithm>
#include <array>

namespace cambrian {
namespace {

constexpr std::size_t kMostRows = Streams::kMost / 2;  // two parents each

void prefetch([[maybe_unused]] const void* address) {
#ifdef __GNUC__
    __builtin_prefetch(address);
#endif
}

template <class T>
class Breeder {
  public:
    Breeder(const Layout& layout, const T* parents, const double* key, std::uint32_t population,
            const Operators& operators, const Source& source)
        : width_(layout.width()),
          parents_(parents),
          key_(key),
          population_(population),
          selection_(operators.selection),
          crosser_(layout, operators.crossover),
          mutator_(layout, operators.mutations),
          limit_(layout),
          source_(source) {}

    // Children from … from + count - 1, count <= kMostRows, into `block`.
    void breed(std::uint32_t from, std::size_t count, T* block, Scratch<T>& scratch) const {
        std::array<std::uint32_t, 2 * kMostRows> winners;
        select(from, count, winners.data());
        cross(from, count, winners.data(), block);
        mutate_block(mutator_, source_, from, count, width_, block, scratch);
    }

  private:
    void select(std::uint32_t from, std::size_t count, std::uint32_t* winners) const {
        const Streams streams(source_, kSelect, 2 * from, 2 * count);
        const std::size_t step = crosser_.needs_second() ? 1 : 2;
        for (std::size_t i = 0; i < 2 * count; i += step) {
            Stream stream = streams[i];
            winners[i] = selection_.pick(key_, population_, stream);
            prefetch(parents_ + winners[i] * width_);
        }
    }

    void cross(std::uint32_t from, std::size_t count, const std::uint32_t* winners, T* block) const {
        const Streams streams(source_, kCross, from, count);
        for (std::size_t i = 0; i < count; ++i) {
            T* child = block + i * width_;
            std::copy_n(parents_ + winners[2 * i] * width_, width_, child);
            if (crosser_.needs_second()) {
                Stream stream = streams[i];
                crosser_.cross(child, parents_ + winners[2 * i + 1] * width_, stream);
            }
            limit_.apply(child);
        }
    }

    std::size_t width_;
    const T* parents_;
    const double* key_;
    Bound population_;
    Tournament selection_;
    Crosser crosser_;
    Mutator mutator_;
    Limit<T> limit_;
    const Source& source_;
};

}  // namespace

template <class T>
void breed(const Layout& layout, const T* parents, const double* key, std::uint32_t population, std::size_t n,
           const Operators& operators, const Source& source, const Threads& threads, T* out) {
    const Breeder<T> breeder(layout, parents, key, population, operators, source);
    const std::size_t width = layout.width();
    const std::size_t rows = rows_at_once<T>(width);
    const std::size_t work = 16 * (width * (operators.mutations.size() + 1) + operators.selection.size);
    parallel_for(n, rows_of_block(work, 8 * rows), threads, [&](std::size_t begin, std::size_t end) {
        Scratch<T> scratch(layout);
        std::vector<T> block(rows * width);
        for (std::size_t from = begin; from < end; from += rows) {
            const std::size_t count = std::min(rows, end - from);
            breeder.breed(static_cast<std::uint32_t>(from), count, block.data(), scratch);
            std::copy_n(block.data(), count * width, out + from * width);
        }
    });
}

template void breed(const Layout&, const std::uint8_t*, const double*, std::uint32_t, std::size_t,
                    const Operators&, const Source&, const Threads&, std::uint8_t*);
template void breed(const Layout&, const std::uint16_t*, const double*, std::uint32_t, std::size_t,
                    const Operators&, const Source&, const Threads&, std::uint16_t*);

}  // namespace cambrian
