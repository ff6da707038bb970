#include "cambrian/diversity.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "cambrian/activity.hpp"
#include "cambrian/mix.hpp"
#include "cambrian/real.hpp"
#include "hamming.hpp"

namespace cambrian {
namespace {

constexpr std::size_t kMostRows = std::size_t{1} << 16;
// Genes with more options than this together are counted in several passes, so that tables stay small.
constexpr std::size_t kMostCounts = std::size_t{1} << 22;

// Tables of counts, one for each thread that is counting at the same time.
class Tables {
  public:
    explicit Tables(std::size_t size) : size_(size) {}

    std::uint32_t* take() {
        const std::scoped_lock lock(mutex_);
        if (free_.empty()) {
            all_.push_back(std::make_unique<std::vector<std::uint32_t>>(size_));
            free_.push_back(all_.back()->data());
        }
        std::uint32_t* table = free_.back();
        free_.pop_back();
        return table;
    }
    void give_back(std::uint32_t* table) {
        const std::scoped_lock lock(mutex_);
        free_.push_back(table);
    }
    std::vector<std::uint32_t> total() const {
        std::vector<std::uint32_t> sum(size_);
        for (const auto& table : all_)
            std::transform(sum.begin(), sum.end(), table->begin(), sum.begin(), std::plus<>());
        return sum;
    }

  private:
    const std::size_t size_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<std::vector<std::uint32_t>>> all_;
    std::vector<std::uint32_t*> free_;
};

// Some neighbouring genes, and where the counts of each begin.
struct Genes {
    std::size_t first;
    std::vector<std::size_t> base;  // one more than there are genes
};

Genes genes_from(const Layout& layout, std::size_t first) {
    Genes genes{first, {0}};
    for (std::size_t c = first; c < layout.width(); ++c) {
        const auto options = static_cast<std::size_t>(layout.columns[c].options);
        if (c > first && genes.base.back() + options > kMostCounts) break;
        genes.base.push_back(genes.base.back() + options);
    }
    return genes;
}

// How many genomes hold each option of these genes and have the gene active.
template <class T>
std::vector<std::uint32_t> count_options(const Layout& layout, const T* genomes, std::size_t n,
                                         const Genes& genes, const Threads& threads) {
    const std::size_t width = layout.width(), counted = genes.base.size() - 1;
    Tables tables(genes.base.back());
    parallel_for(n, rows_of_block(2 * width, kMostRows), threads, [&](std::size_t begin, std::size_t end) {
        std::vector<T> normal(width);
        std::vector<std::uint8_t> active(width);
        std::uint32_t* const table = tables.take();
        const T* const value = normal.data() + genes.first;
        const std::uint8_t* const on = active.data() + genes.first;
        const std::size_t* const base = genes.base.data();
        for (std::size_t row = begin; row < end; ++row) {
            normalise(layout, genomes + row * width, normal.data(), active.data());
            for (std::size_t c = 0; c < counted; ++c) table[base[c] + value[c]] += on[c];
        }
        tables.give_back(table);
    });
    return tables.total();
}

// Logarithm to base 2 of a normal number of 1 or more; exact for powers of two.
double log2_of(double x) {
    constexpr std::uint64_t kOne = 0x3FF0'0000'0000'0000, kMantissa = 0x000F'FFFF'FFFF'FFFF;
    constexpr double kByLn2 = 1.4426950408889634074;
    const auto bits = std::bit_cast<std::uint64_t>(x);
    const double mantissa = std::bit_cast<double>((bits & kMantissa) | kOne);
    return static_cast<double>(bits >> 52) - 1023 + portable_log(mantissa) * kByLn2;
}

double entropy_of(const std::uint32_t* counts, std::size_t options) {
    double total = 0;
    for (std::size_t v = 0; v < options; ++v) total += counts[v];
    double bits = 0;
    for (std::size_t v = 0; v < options; ++v) {
        if (counts[v] != 0) bits += counts[v] / total * log2_of(total / counts[v]);
    }
    return bits;
}

// Genomes in which the gene is inactive hold 0 in their normal form.
std::uint64_t differing_of(const std::uint32_t* counts, std::size_t options, std::uint64_t n) {
    std::uint64_t others = 0, equal = 0;
    for (std::size_t v = 1; v < options; ++v) {
        others += counts[v];
        equal += std::uint64_t{counts[v]} * counts[v];
    }
    return (n * n - equal - (n - others) * (n - others)) / 2;
}

// A private copy of normal forms, padded for `nearest_of`; nobody else can change it meanwhile.
template <class T>
class NormalRows {
  public:
    NormalRows(const Layout& layout, const T* genomes, std::size_t n, const Threads& threads)
        : stride_((layout.width() * sizeof(T) + kHammingStride - 1) / kHammingStride * kHammingStride),
          memory_(n * stride_ / sizeof(T) + kLine / sizeof(T)) {
        // From a cache line's start on, so that no vector lies across two.
        const auto past = reinterpret_cast<std::uintptr_t>(memory_.data()) % kLine;
        rows_ = memory_.data() + (past == 0 ? 0 : (kLine - past) / sizeof(T));
        const std::size_t width = layout.width();
        parallel_for(n, rows_of_block(width, kMostRows), threads, [&](std::size_t begin, std::size_t end) {
            std::vector<std::uint8_t> active(width);
            for (std::size_t row = begin; row < end; ++row)
                normalise(layout, genomes + row * width, rows_ + row * stride_ / sizeof(T), active.data());
        });
    }
    NormalRows(const NormalRows&) = delete;
    NormalRows& operator=(const NormalRows&) = delete;

    std::size_t stride() const { return stride_; }
    const T* row(std::size_t i) const { return rows_ + i * stride_ / sizeof(T); }

  private:
    static constexpr std::size_t kLine = 64;
    std::size_t stride_;
    std::vector<T> memory_;
    T* rows_;
};

void lower_to(std::atomic<std::uint32_t>& least, std::uint32_t value) {
    std::uint32_t known = least.load(std::memory_order_relaxed);
    while (value < known && !least.compare_exchange_weak(known, value, std::memory_order_relaxed)) {
    }
}

template <class T>
Digest::Value digest_of(const std::vector<T>& padded) {
    Digest digest(1);
    for (std::size_t at = 0; at < padded.size(); at += 16 / sizeof(T)) {
        std::uint64_t words[2];
        std::memcpy(words, padded.data() + at, sizeof words);
        digest.absorb(words[0], words[1]);
    }
    return digest.value();
}

template <class T>
std::vector<Digest::Value> digests(const Layout& layout, const T* genomes, std::size_t n,
                                   const Threads& threads) {
    const std::size_t width = layout.width();
    std::vector<Digest::Value> digest(n);
    parallel_for(n, rows_of_block(width, kMostRows), threads, [&](std::size_t begin, std::size_t end) {
        std::vector<T> normal((width * sizeof(T) + 15) / 16 * (16 / sizeof(T)));
        std::vector<std::uint8_t> active(width);
        for (std::size_t row = begin; row < end; ++row) {
            normalise(layout, genomes + row * width, normal.data(), active.data());
            digest[row] = digest_of(normal);
        }
    });
    return digest;
}

}  // namespace

template <class T>
void gene_spread(const Layout& layout, const T* genomes, std::size_t n, const Threads& threads,
                 double* entropy, std::uint64_t* differing) {
    for (std::size_t first = 0; first < layout.width();) {
        const Genes genes = genes_from(layout, first);
        const std::vector<std::uint32_t> counts = count_options(layout, genomes, n, genes, threads);
        for (std::size_t g = 0; g + 1 < genes.base.size(); ++g) {
            const std::uint32_t* of_gene = counts.data() + genes.base[g];
            const std::size_t options = genes.base[g + 1] - genes.base[g];
            if (entropy != nullptr) entropy[first + g] = entropy_of(of_gene, options);
            if (differing != nullptr) differing[first + g] = differing_of(of_gene, options, n);
        }
        first += genes.base.size() - 1;
    }
}

// In tiles of rows by others: the others of a tile stay in the first cache, and tiles are short enough to be
// interrupted. A tile begins from the distances that others have found by then, which saves time but changes
// no minimum.
template <class T>
void nearest_distance(const Layout& layout, const T* genomes, std::size_t n, const T* others, std::size_t m,
                      const Threads& threads, std::int64_t* out) {
    constexpr std::size_t kTileBytes = std::size_t{1} << 14, kTileRows = 256;
    const NormalRows<T> rows(layout, genomes, n, threads);
    std::unique_ptr<const NormalRows<T>> apart;
    if (others != nullptr) apart = std::make_unique<const NormalRows<T>>(layout, others, m, threads);
    const NormalRows<T>& to = others != nullptr ? *apart : rows;
    if (others == nullptr) m = n;

    const std::size_t stride = rows.stride();
    const std::size_t across = std::max<std::size_t>(kTileBytes / std::max<std::size_t>(stride, 1), 16);
    const std::size_t tiles_across = (m + across - 1) / across;
    std::vector<std::atomic<std::uint32_t>> least(n);
    for (auto& each : least)
        each.store(static_cast<std::uint32_t>(layout.width()), std::memory_order_relaxed);
    parallel_for(
        (n + kTileRows - 1) / kTileRows * tiles_across, 1, threads, [&](std::size_t tile, std::size_t) {
            const std::size_t begin = tile % tiles_across * across, end = std::min(begin + across, m);
            const std::size_t first = tile / tiles_across * kTileRows;
            for (std::size_t i = first; i < std::min(first + kTileRows, n); ++i) {
                std::uint32_t best = least[i].load(std::memory_order_relaxed);
                const bool itself = others == nullptr && begin <= i && i < end;
                const std::size_t middle = itself ? i : end;
                best = nearest_of(rows.row(i), to.row(begin), middle - begin, stride, best);
                if (itself) best = nearest_of(rows.row(i), to.row(i + 1), end - (i + 1), stride, best);
                lower_to(least[i], best);
            }
        });
    for (std::size_t i = 0; i < n; ++i) out[i] = least[i].load(std::memory_order_relaxed);
}

template <class T>
void repeats(const Layout& layout, const T* genomes, std::size_t n, const Threads& threads, bool* out) {
    repeats(digests(layout, genomes, n, threads), threads, out);
}

#define CAMBRIAN_FOR(T)                                                                         \
    template void gene_spread(const Layout&, const T*, std::size_t, const Threads&, double*,    \
                              std::uint64_t*);                                                  \
    template void nearest_distance(const Layout&, const T*, std::size_t, const T*, std::size_t, \
                                   const Threads&, std::int64_t*);                              \
    template void repeats(const Layout&, const T*, std::size_t, const Threads&, bool*);
CAMBRIAN_FOR(std::uint8_t)
CAMBRIAN_FOR(std::uint16_t)

}  // namespace cambrian
