#include "cambrian/sample.hpp"

#include <algorithm>
#include <type_traits>
#include <vector>

namespace cambrian {
namespace {

// A gene of at most 256 options takes half a word of random bits, of a wide layout a whole one;
// multiply-shift. A refused draw, rare enough, is made again from a stream of its own: so all columns are
// computed alike.
template <class T>
class Row {
    static constexpr bool kNarrow = std::is_same_v<T, std::uint8_t>;
    using Draw = std::conditional_t<kNarrow, std::uint16_t, std::uint32_t>;
    using Product = std::conditional_t<kNarrow, std::uint32_t, std::uint64_t>;
    static constexpr int kBits = kNarrow ? 16 : 32;

  public:
    explicit Row(const Layout& layout)
        : words_((layout.width() * sizeof(Draw) + 15) / 16 * 4), draws_(4 / sizeof(Draw) * words_.size()) {
        for (const Column& column : layout.columns) {
            const auto options = static_cast<Draw>(column.options);
            options_.push_back(options);
            refuse_.push_back(
                static_cast<Draw>((Product{1} << kBits) % static_cast<Product>(column.options)));
        }
    }

    void draw(const Source& source, std::uint32_t individual, T* out) {
        philox_fill(source.key, {0, kSample, individual, source.generation}, 0, words_.size() / 4,
                    words_.data());
        unpack();
        // Plain pointers, so that bytes written through `out` are known not to change the vectors themselves.
        const Draw* draws = draws_.data();
        const Draw* options = options_.data();
        const Draw* refuse = refuse_.data();
        const std::size_t width = options_.size();
        Draw refused = 0;
        for (std::size_t c = 0; c < width; ++c) {
            const auto product = static_cast<Product>(Product{draws[c]} * options[c]);
            out[c] = static_cast<T>(product >> kBits);
            refused = static_cast<Draw>(refused | Draw(static_cast<Draw>(product) < refuse[c]));
        }
        if (refused != 0) draw_again(source, individual, out);
    }

  private:
    // Halves are taken low first whatever the byte order of the machine.
    void unpack() {
        if constexpr (kNarrow) {
            for (std::size_t w = 0; w < words_.size(); ++w) {
                draws_[2 * w] = static_cast<Draw>(words_[w]);
                draws_[2 * w + 1] = static_cast<Draw>(words_[w] >> 16);
            }
        } else {
            std::copy(words_.begin(), words_.end(), draws_.begin());
        }
    }

    void draw_again(const Source& source, std::uint32_t individual, T* out) const {
        Stream stream(source, kSampleAgain, individual);
        for (std::size_t c = 0; c < options_.size(); ++c) {
            const auto product = static_cast<Product>(Product{draws_[c]} * options_[c]);
            if (static_cast<Draw>(product) >= refuse_[c]) continue;
            out[c] = static_cast<T>(stream.below(static_cast<std::uint32_t>(options_[c])));
        }
    }

    std::vector<Draw> options_;
    std::vector<Draw> refuse_;
    std::vector<std::uint32_t> words_;
    std::vector<Draw> draws_;
};

}  // namespace

template <class T>
void sample(const Layout& layout, std::size_t n, const Source& source, const Threads& threads, T* out) {
    const std::size_t width = layout.width();
    parallel_for(n, rows_of_block(width, 1024), threads, [&](std::size_t begin, std::size_t end) {
        Row<T> row(layout);
        std::vector<T> genome(width);
        for (std::size_t i = begin; i < end; ++i) {
            row.draw(source, static_cast<std::uint32_t>(i), genome.data());
            std::copy(genome.begin(), genome.end(), out + i * width);
        }
    });
}

template void sample(const Layout&, std::size_t, const Source&, const Threads&, std::uint8_t*);
template void sample(const Layout&, std::size_t, const Source&, const Threads&, std::uint16_t*);

}  // namespace cambrian
