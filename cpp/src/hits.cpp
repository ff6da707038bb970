#include "hits.hpp"

#include "vector.hpp"

namespace cambrian {
namespace {

bool always_active(const Layout& layout, const Column& column) {
    std::int32_t slot = column.slot;
    for (std::int32_t r = column.repeat; r >= 0;) {
        const Repeat& repeat = layout.repeats[static_cast<std::size_t>(r)];
        if (slot >= repeat.min) return false;
        slot = repeat.parent_slot;
        r = repeat.parent;
    }
    return column.conditions.empty();
}

std::uint32_t word_of(double probability) {
    return static_cast<std::uint32_t>(std::clamp(probability * 4294967296.0, 0.0, 4294967295.0));
}

CAMBRIAN_INLINE void place(const std::uint32_t* chosen, std::size_t count, const Whole& whole, Hit* out) {
    const auto before = static_cast<std::uint32_t>(whole.before),
               each = static_cast<std::uint32_t>(whole.each);
    const std::uint64_t reciprocal = whole.reciprocal;
    for (std::size_t i = 0; i < count; ++i) {
        const auto row = static_cast<std::uint32_t>((chosen[i] * reciprocal) >> kShift);
        out[i].at = before + chosen[i];
        out[i].column = chosen[i] - row * each;
    }
}
CAMBRIAN_VERSIONS(void, place, (const std::uint32_t* chosen, std::size_t count, const Whole& whole, Hit* out),
                  (chosen, count, whole, out))

}  // namespace

void place_whole(const std::uint32_t* chosen, std::size_t count, const Whole& whole, Hit* out) {
    static const auto here = choose_place();
    here(chosen, count, whole, out);
}

double power(double base, std::size_t exponent) {
    double result = 1.0;
    for (; exponent > 0; exponent /= 2, base *= base) {
        if (exponent % 2 != 0) result *= base;
    }
    return result;
}

Changeable::Changeable(const Layout& layout, bool only_operations) : layout_(&layout) {
    const std::size_t width = only_operations ? layout.operations.size() : layout.width();
    for (std::size_t c = 0; c < width; ++c) {
        if (layout.columns[c].options < 2 || (only_operations && layout.operations[c] == 0)) continue;
        columns_.push_back(static_cast<std::uint32_t>(c));
        always_ += always_active(layout, layout.columns[c]) ? 1 : 0;
    }
}

// The number of hits among k at 1/k each is binomial.
MeanHits::MeanHits(const Layout& layout, bool some)
    : changeable_(layout), some_(some), least_(std::max<std::size_t>(changeable_.always(), 1)) {
    for (std::size_t k = least_; k <= changeable_.columns().size(); ++k) {
        const double n = static_cast<double>(k);
        double exactly = k == 1 ? 0.0 : power(1.0 - 1.0 / n, k);
        double at_most = 0.0;
        std::array<std::uint32_t, kMost> tail;
        for (std::size_t j = 0; j < kMost; ++j) {
            at_most += exactly;
            tail[j] = j < k ? word_of(at_most) : 0xFFFFFFFF;
            exactly *= k == 1 ? 0.0 : (n - static_cast<double>(j)) / (static_cast<double>(j + 1) * (n - 1.0));
        }
        tails_.push_back(tail);
    }
}

}  // namespace cambrian
