#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "cambrian/activity.hpp"
#include "cambrian/diversity.hpp"
#include "cambrian/layout.hpp"
#include "cambrian/sample.hpp"
#include "check.hpp"
#include "records.hpp"

using namespace cambrian;
using cambrian::testing::kConvolutional;

namespace {

using Rows = std::vector<std::uint8_t>;

Rows normal_forms(const Layout& layout, const Rows& genomes) {
    Rows normal(genomes.size());
    std::vector<std::uint8_t> active(layout.width());
    for (std::size_t i = 0; i < genomes.size(); i += layout.width())
        normalise(layout, genomes.data() + i, normal.data() + i, active.data());
    return normal;
}

std::int64_t distance(const Rows& rows, std::size_t width, std::size_t a, std::size_t b) {
    std::int64_t differ = 0;
    for (std::size_t c = 0; c < width; ++c) differ += rows[a * width + c] != rows[b * width + c] ? 1 : 0;
    return differ;
}

void measures_agree_with_slow_ones(const Layout& layout, const Rows& genomes, std::size_t n) {
    const std::size_t width = layout.width();
    const Rows normal = normal_forms(layout, genomes);
    std::vector<std::int64_t> nearest(n, static_cast<std::int64_t>(width));
    std::vector<char> repeated(n, 0);
    std::uint64_t pairs = 0;
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < n; ++j) {
            if (i == j) continue;
            const std::int64_t apart = distance(normal, width, i, j);
            nearest[i] = std::min(nearest[i], apart);
            if (j < i && apart == 0) repeated[i] = 1;
            if (j < i) pairs += static_cast<std::uint64_t>(apart);
        }
    }
    for (const int threads : {1, 4}) {
        std::vector<std::int64_t> found(n);
        nearest_distance<std::uint8_t>(layout, genomes.data(), n, nullptr, 0, {threads, {}}, found.data());
        CHECK(found == nearest);
        const auto flags = std::make_unique<bool[]>(n);
        repeats(layout, genomes.data(), n, {threads, {}}, flags.get());
        CHECK(std::equal(repeated.begin(), repeated.end(), flags.get(),
                         [](char a, bool b) { return (a != 0) == b; }));
        std::vector<std::uint64_t> differing(width);
        gene_spread(layout, genomes.data(), n, {threads, {}}, nullptr, differing.data());
        std::uint64_t sum = 0;
        for (const std::uint64_t each : differing) sum += each;
        CHECK(sum == pairs);
    }
}

// Values that no check has seen, as when another thread writes to the population meanwhile.
void values_beyond_the_options_do_no_harm(const Layout& layout, std::size_t n) {
    Stream stream(Source(5, 0, 0), kSample, 0);
    Rows genomes(n * layout.width());
    for (std::uint8_t& gene : genomes) gene = static_cast<std::uint8_t>(stream.word());
    measures_agree_with_slow_ones(layout, genomes, n);
    std::vector<double> entropy(layout.width());
    gene_spread(layout, genomes.data(), n, {4, {}}, entropy.data(), nullptr);
    for (const double bits : entropy) CHECK(bits >= 0 && bits <= 8);
}

}  // namespace

int main() {
    const Layout layout = Layout::parse(kConvolutional);
    constexpr std::size_t kRows = 1200;
    Rows genomes(kRows * layout.width());
    sample(layout, kRows, Source(1, 0, 0), {}, genomes.data());
    std::copy_n(genomes.begin(), 300 * layout.width(),
                genomes.end() - static_cast<std::ptrdiff_t>(300 * layout.width()));
    measures_agree_with_slow_ones(layout, genomes, kRows);
    values_beyond_the_options_do_no_harm(layout, 500);
    return cambrian::testing::failures();
}
