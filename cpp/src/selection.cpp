#include "cambrian/selection.hpp"

#include <algorithm>
#include <array>

#include "selectors.hpp"

namespace cambrian {

std::unique_ptr<Selector> make_selector(const Selection& selection, const double* key,
                                        std::uint32_t population, std::size_t draws) {
    const Pool pool{key, population, draws};
    return std::visit([&](const auto& chosen) { return make(chosen, pool); }, selection);
}

void select(const double* key, std::uint32_t population, std::size_t n, const Selection& selection,
            const Source& source, const Threads& threads, std::int64_t* out) {
    constexpr std::size_t kSome = 256;
    const std::unique_ptr<Selector> selector = make_selector(selection, key, population, n);
    const std::size_t share = kSome * rows_of_block(kSome * selector->work(), 16);
    parallel_for(n, share, threads, [&](std::size_t begin, std::size_t end) {
        std::array<std::uint32_t, kSome> winners;
        for (std::size_t from = begin; from < end; from += kSome) {
            const std::size_t count = std::min(kSome, end - from);
            selector->pick(source, static_cast<std::uint32_t>(from), count, winners.data());
            std::copy_n(winners.begin(), count, out + from);
        }
    });
}

}  // namespace cambrian
