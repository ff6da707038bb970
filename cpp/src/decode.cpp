#include "cambrian/decode.hpp"

#include <stdexcept>
#include <string>

#include "cambrian/canonical.hpp"
#include "cambrian/interpret.hpp"
#include "cambrian/resources.hpp"

namespace cambrian {
namespace {

constexpr std::size_t kBlock = 512;  // genomes that share a workspace

class Decoder {
  public:
    Decoder(const Layout& layout, std::size_t n, const Decoded& out)
        : layout_(layout), n_(n), out_(out), interpreter_(layout) {
        for (std::size_t c = 0; c < layout.recipe.size(); ++c) {
            if (layout.recipe[c] != 0) recipe_.push_back(static_cast<std::int32_t>(c));
        }
    }

    template <class T>
    void row(const T* genome, std::size_t row) {
        interpreter_.read(genome);
        if (layout_.plain()) {
            const auto digest = plain_digest(interpreter_.normal(), interpreter_.active());
            write(out_.hash, row, digest);
            write(out_.recipe_hash, row, digest);
            return;
        }
        try {
            network(row);
        } catch (const std::invalid_argument& error) {
            throw std::invalid_argument("genomes: row " + std::to_string(row) + ": " + error.what());
        }
    }

  private:
    void network(std::size_t row) {
        const Graph& graph = interpreter_.expand();
        canonical_.order(graph);
        if (out_.hash != nullptr || out_.recipe_hash != nullptr) {
            const auto digest = canonical_.digest(graph);
            write(out_.hash, row, digest);
            if (out_.recipe_hash != nullptr) {
                write(out_.recipe_hash, row,
                      with_recipe(digest, recipe_, interpreter_.normal(), interpreter_.active()));
            }
        }
        if (out_.resources == nullptr) return;
        const auto counts = counter_.count(graph, canonical_, out_.batch).values();
        for (std::size_t i = 0; i < counts.size(); ++i) out_.resources[i * n_ + row] = counts[i];
    }

    static void write(std::uint64_t* hashes, std::size_t row, const Digest::Value& digest) {
        if (hashes == nullptr) return;
        hashes[2 * row] = digest.low;
        hashes[2 * row + 1] = digest.high;
    }

    const Layout& layout_;
    std::size_t n_;  // genomes in all
    const Decoded& out_;
    Interpreter interpreter_;
    Canonical canonical_;
    ResourceCounter counter_;
    std::vector<std::int32_t> recipe_;
};

}  // namespace

template <class T>
void decode(const Layout& layout, const T* genomes, std::size_t n, const Decoded& out,
            const Threads& threads) {
    parallel_for(n, kBlock, threads, [&](std::size_t begin, std::size_t end) {
        Decoder decoder(layout, n, out);
        for (std::size_t row = begin; row < end; ++row) decoder.row(genomes + row * layout.width(), row);
    });
}

template void decode(const Layout&, const std::uint8_t*, std::size_t, const Decoded&, const Threads&);
template void decode(const Layout&, const std::uint16_t*, std::size_t, const Decoded&, const Threads&);

}  // namespace cambrian
