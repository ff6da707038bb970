// Every kernel that runs on threads, for the thread sanitizer, and for the promise that threads change
// nothing; `breed` is in test_variation, measures of diversity in test_diversity, parallel_for in
// test_parallel.
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <vector>

#include "cambrian/crossover.hpp"
#include "cambrian/decode.hpp"
#include "cambrian/diversity.hpp"
#include "cambrian/mutation.hpp"
#include "cambrian/sample.hpp"
#include "cambrian/selection.hpp"
#include "check.hpp"
#include "records.hpp"

using namespace cambrian;
using cambrian::testing::kConvolutional;

namespace {

constexpr std::size_t kRows = 3000;
constexpr int kThreads = 4;

using Rows = std::vector<std::uint8_t>;

Rows sampled(const Layout& layout, std::uint32_t generation, int threads) {
    Rows genomes(kRows * layout.width());
    sample(layout, kRows, Source(3, 0, generation), {threads, {}}, genomes.data());
    return genomes;
}

Rows crossed(const Layout& layout, const Rows& first, const Rows& second, const Crossover& by, int threads) {
    Rows children(first.size());
    crossover(layout, first.data(), second.data(), kRows, by, Source(4, 0, 0), {threads, {}},
              children.data());
    return children;
}

Rows mutated(const Layout& layout, const Rows& genomes, int threads) {
    const std::vector<Mutation> all = {
        StructuralMutation{0.9, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1}}, StepMutation{0.1, 2},
        ResetMutation{std::nullopt}, PointMutation{},
        NewNetworkMutation{
            std::make_shared<const InnerMutation>(InnerMutation{OneMutation{ResetMutation{std::nullopt}}}),
            0.1, 3}};
    Rows children(genomes.size());
    mutate<std::uint8_t>(layout, {genomes.data(), kRows, children.data()}, all, 0, Source(5, 0, 0),
                         {threads, {}});
    return children;
}

std::vector<std::int64_t> chosen(int threads) {
    std::vector<double> key(kRows);
    for (std::size_t i = 0; i < kRows; ++i) key[i] = static_cast<double>(i % 97);
    std::vector<std::int64_t> winners(20'000);
    select(key.data(), kRows, winners.size(), Tournament{3}, Source(6, 0, 0), {threads, {}}, winners.data());
    return winners;
}

void threads_change_nothing(const Layout& layout) {
    const Rows first = sampled(layout, 0, 1), second = sampled(layout, 1, 1);
    CHECK(sampled(layout, 0, kThreads) == first);
    CHECK(chosen(kThreads) == chosen(1));
    const Crossover crossovers[] = {UniformCrossover{0.9, 0.5, By::kGene},
                                    UniformCrossover{0.9, 0.5, By::kSlot}, PointCrossover{0.9, 1, By::kSlot},
                                    PointCrossover{0.9, 2, By::kGene}, SubgraphCrossover{0.9, 0.75}};
    for (const Crossover& by : crossovers)
        CHECK(crossed(layout, first, second, by, kThreads) == crossed(layout, first, second, by, 1));
    CHECK(mutated(layout, first, kThreads) == mutated(layout, first, 1));
}

// The poll runs on the calling thread only; the others must be gone when its error comes out. With several
// threads the others may have done all the work before the first poll.
template <class Kernel>
void is_stopped_by_the_poll(Kernel kernel) {
    const auto stop = [] { throw std::runtime_error("stop"); };
    CHECK_THROWS(kernel(Threads{1, stop}), std::runtime_error);
    for (int attempt = 0; attempt < 5; ++attempt) {
        try {
            kernel(Threads{kThreads, stop});
        } catch (const std::runtime_error&) {
        }
    }
}

void what_the_poll_throws_stops_every_kernel(const Layout& layout) {
    const Rows genomes = sampled(layout, 0, 1);
    const std::uint8_t* rows = genomes.data();
    const Source source(1, 0, 0);
    Rows children(genomes.size());
    std::vector<std::uint64_t> hash(2 * kRows);
    std::vector<std::int64_t> number(kRows);
    is_stopped_by_the_poll([&](const Threads& on) { decode(layout, rows, kRows, {hash.data()}, on); });
    is_stopped_by_the_poll([&](const Threads& on) {
        nearest_distance<std::uint8_t>(layout, rows, kRows, nullptr, 0, on, number.data());
    });
    is_stopped_by_the_poll([&](const Threads& on) { sample(layout, kRows, source, on, children.data()); });
    is_stopped_by_the_poll([&](const Threads& on) {
        const UniformCrossover by{1.0, 0.5, By::kGene};
        crossover(layout, rows, rows, kRows, OneCrossover{by}, source, on, children.data());
    });
}

}  // namespace

int main() {
    const Layout layout = Layout::parse(kConvolutional);
    threads_change_nothing(layout);
    what_the_poll_throws_stops_every_kernel(layout);
    return cambrian::testing::failures();
}
