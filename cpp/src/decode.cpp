#include "cambrian/decode.hpp"

#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "cambrian/canonical.hpp"
#include "cambrian/interpret.hpp"
#include "cambrian/resources.hpp"
#include "memos.hpp"

namespace cambrian {
namespace {

constexpr std::size_t kBlock = 512;  // genomes that share a workspace

class Decoder {
  public:
    Decoder(const Layout& layout, std::size_t n, const Decoded& out)
        : layout_(layout),
          n_(n),
          out_(out),
          interpreter_(layout),
          counter_(layout.modules.get(), out.missing),
          known_(out.fragments && !layout.plain() ? known() : nullptr) {
        for (std::size_t c = 0; c < layout.recipe.size(); ++c) {
            if (layout.recipe[c] != 0) recipe_.push_back(static_cast<std::int32_t>(c));
        }
    }

    ~Decoder() {
        if (known_ && lasting_) layout_.memos->give_back(std::move(known_));
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
    std::unique_ptr<Known> known() {
        // What users' modules cost may be told later.
        for (const Procedure& procedure : layout_.procedures) {
            for (const Instr& instr : procedure.instrs)
                lasting_ = lasting_ && !(instr.kind == InstrKind::kOp && instr.target == kModule);
        }
        const Known::Asked asked{out_.hash != nullptr || out_.recipe_hash != nullptr,
                                 out_.resources != nullptr, out_.batch};
        auto known = lasting_ ? layout_.memos->take(asked) : nullptr;
        if (!known) known = std::make_unique<Known>(layout_, asked);
        return known->few() ? std::move(known) : nullptr;
    }

    void network(std::size_t row) {
        if (!known_) {
            put(row, outcome());
            return;
        }
        interpreter_.wire();  // so that the recipe is told in the same words whether or not this is expanded
        const std::size_t number = known_->number(interpreter_.normal().data());
        if (known_->find(number) == nullptr) known_->add(number, outcome());
        put(row, *known_->find(number));
    }

    Outcome outcome() {
        Outcome outcome;
        const Graph& graph = expand();
        if (out_.hash != nullptr || out_.recipe_hash != nullptr) outcome.digest = canonical_.digest(graph);
        if (out_.resources != nullptr)
            outcome.resources = counter_.count(graph, canonical_, out_.batch).values();
        return outcome;
    }

    void put(std::size_t row, const Outcome& outcome) {
        write(out_.hash, row, outcome.digest);
        if (out_.recipe_hash != nullptr) {
            write(out_.recipe_hash, row,
                  with_recipe(outcome.digest, recipe_, interpreter_.normal(), interpreter_.active()));
        }
        if (out_.resources == nullptr) return;
        for (std::size_t i = 0; i < outcome.resources.size(); ++i)
            out_.resources[i * n_ + row] = outcome.resources[i];
    }

    // With what is known of other genomes, if that is enough; errors are those of the whole network.
    const Graph& expand() {
        if (out_.fragments) {
            try {
                const Graph& known = interpreter_.expand_known();
                if (canonical_.order(known)) return known;
            } catch (const std::invalid_argument&) {
            }
        }
        const Graph& whole = interpreter_.expand();
        canonical_.order(whole);
        return whole;
    }

    static void write(std::uint64_t* hashes, std::size_t row, const Digest::Value& digest) {
        if (hashes == nullptr) return;
        hashes[2 * row] = digest.low;
        hashes[2 * row + 1] = digest.high;
    }

    static constexpr auto kModule = static_cast<std::int32_t>(Op::kModule);

    const Layout& layout_;
    std::size_t n_;  // genomes in all
    const Decoded& out_;
    Interpreter interpreter_;
    Canonical canonical_;
    ResourceCounter counter_;
    bool lasting_ = true;  // what is known holds for calls to come
    std::unique_ptr<Known> known_;
    std::vector<std::int32_t> recipe_;
};

// One for each thread that is at work.
class Decoders {
  public:
    Decoders(const Layout& layout, std::size_t n, const Decoded& out) : layout_(layout), n_(n), out_(out) {}

    std::unique_ptr<Decoder> take() {
        const std::scoped_lock lock(mutex_);
        if (free_.empty()) return std::make_unique<Decoder>(layout_, n_, out_);
        auto decoder = std::move(free_.back());
        free_.pop_back();
        return decoder;
    }
    void give_back(std::unique_ptr<Decoder> decoder) {
        const std::scoped_lock lock(mutex_);
        free_.push_back(std::move(decoder));
    }

  private:
    const Layout& layout_;
    const std::size_t n_;
    const Decoded& out_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<Decoder>> free_;
};

}  // namespace

template <class T>
void decode(const Layout& layout, const T* genomes, std::size_t n, const Decoded& out,
            const Threads& threads) {
    Decoders decoders(layout, n, out);
    parallel_for(n, kBlock, threads, [&](std::size_t begin, std::size_t end) {
        auto decoder = decoders.take();
        for (std::size_t row = begin; row < end; ++row) decoder->row(genomes + row * layout.width(), row);
        decoders.give_back(std::move(decoder));
    });
}

template void decode(const Layout&, const std::uint8_t*, std::size_t, const Decoded&, const Threads&);
template void decode(const Layout&, const std::uint16_t*, std::size_t, const Decoded&, const Threads&);

}  // namespace cambrian
