#include "cambrian/crossover.hpp"

#include <algorithm>
#include <array>
#include <numeric>

#include "cambrian/limit.hpp"
#include "cambrian/mixture.hpp"
#include "units.hpp"

namespace cambrian {
namespace {

template <class T>
class NoCrosser final : public Crosser<T> {
  public:
    explicit NoCrosser(const Layout& layout) : width_(layout.width()), limit_(layout) {}

    bool needs_second() const override { return false; }
    bool limits() const override { return true; }
    void cross(const Brood& brood, const T* const* first, const T* const*, T* children,
               Scratch<T>&) const override {
        // Parents that follow each other are copied together.
        for (std::size_t i = 0, next = 0; i < brood.rows.size(); i = next) {
            const std::size_t row = brood.rows[i];
            for (next = i + 1; next < brood.rows.size(); ++next) {
                const std::size_t ahead = next - i;
                if (brood.rows[next] != row + ahead || first[row + ahead] != first[row] + ahead * width_)
                    break;
            }
            limit_.copy(first[row], next - i, children + row * width_);
        }
    }

  private:
    std::size_t width_;
    Limit<T> limit_;
};

template <class T>
class MixedCrosser final : public Crosser<T> {
  public:
    MixedCrosser(const Layout& layout, const CrossoverMixture& mixture) : choice_(mixture.weights) {
        for (const OneCrossover& one : mixture.operators) members_.push_back(make_crosser<T>(layout, one));
    }

    bool needs_second() const override {
        return std::any_of(members_.begin(), members_.end(), [](const auto& m) { return m->needs_second(); });
    }
    void cross(const Brood& brood, const T* const* first, const T* const* second, T* children,
               Scratch<T>& scratch) const override {
        choice_.split(brood, [&](std::size_t k, const Brood& part) {
            members_[k]->cross(part, first, second, children, scratch);
        });
    }

  private:
    Choice choice_;
    std::vector<std::unique_ptr<Crosser<T>>> members_;
};

template <class T>
struct Make {
    const Layout& layout;

    std::unique_ptr<Crosser<T>> operator()(const NoCrossover&) const {
        return std::make_unique<NoCrosser<T>>(layout);
    }
    std::unique_ptr<Crosser<T>> operator()(const PointCrossover& c) const {
        return make_point_crosser<T>(layout, c);
    }
    std::unique_ptr<Crosser<T>> operator()(const UniformCrossover& c) const {
        return make_uniform_crosser<T>(layout, c);
    }
    std::unique_ptr<Crosser<T>> operator()(const HalfUniformCrossover& c) const {
        return make_half_crosser<T>(layout, c);
    }
    std::unique_ptr<Crosser<T>> operator()(const BlendCrossover& c) const {
        return make_ordered_crosser<T>(layout, c);
    }
    std::unique_ptr<Crosser<T>> operator()(const ArithmeticCrossover& c) const {
        return make_ordered_crosser<T>(layout, c);
    }
    std::unique_ptr<Crosser<T>> operator()(const SimulatedBinaryCrossover& c) const {
        return make_binary_crosser<T>(layout, c);
    }
    std::unique_ptr<Crosser<T>> operator()(const HomologousCrossover& c) const {
        return make_homologous_crosser<T>(layout, c);
    }
    std::unique_ptr<Crosser<T>> operator()(const UnequalCrossover& c) const {
        return make_unequal_crosser<T>(layout, c);
    }
    std::unique_ptr<Crosser<T>> operator()(const SubgraphCrossover& c) const {
        return make_subgraph_crosser<T>(layout, c);
    }
    std::unique_ptr<Crosser<T>> operator()(const OneCrossover& c) const { return std::visit(*this, c); }
    std::unique_ptr<Crosser<T>> operator()(const CrossoverMixture& c) const {
        return std::make_unique<MixedCrosser<T>>(layout, c);
    }
};

}  // namespace

std::vector<std::uint32_t> unit_borders(const Layout& layout, By by) {
    std::vector<std::uint8_t> starts(layout.width(), 1);
    if (by == By::kSlot) {
        for (const Repeat& repeat : layout.repeats) {
            if (repeat.parent >= 0) continue;
            for (std::int32_t i = 0; i < repeat.max * repeat.width; ++i) {
                starts[static_cast<std::size_t>(repeat.first + i)] = i % repeat.width == 0;
            }
        }
    }
    std::vector<std::uint32_t> borders;
    for (std::uint32_t c = 0; c < starts.size(); ++c) {
        if (starts[c] != 0) borders.push_back(c);
    }
    borders.push_back(static_cast<std::uint32_t>(layout.width()));
    return borders;
}

template <class T>
std::unique_ptr<Crosser<T>> make_crosser(const Layout& layout, const Crossover& crossover) {
    return std::visit(Make<T>{layout}, crossover);
}

template std::unique_ptr<Crosser<std::uint8_t>> make_crosser(const Layout&, const Crossover&);
template std::unique_ptr<Crosser<std::uint16_t>> make_crosser(const Layout&, const Crossover&);

template <class T>
void crossover(const Layout& layout, const T* first, const T* second, std::size_t n,
               const Crossover& crossover, const Source& source, const Threads& threads, T* out) {
    const auto crosser = make_crosser<T>(layout, crossover);
    const Limit<T> limit(layout);
    const bool direct = crosser->limits();
    const std::size_t width = layout.width(), height = rows_of<T>(layout);
    const std::size_t share = height * rows_of_block(4 * width * height, 32);
    parallel_for(n, share, threads, [&](std::size_t begin, std::size_t end) {
        Scratch<T> scratch(layout);
        std::vector<T> room(direct ? 0 : height * width);
        std::array<const T*, kMostRows> firsts, seconds;
        std::array<std::uint16_t, kMostRows> rows;
        std::iota(rows.begin(), rows.end(), std::uint16_t{0});
        for (std::size_t from = begin; from < end; from += height) {
            const std::size_t count = std::min(height, end - from);
            for (std::size_t i = 0; i < count; ++i) {
                firsts[i] = first + (from + i) * width;
                seconds[i] = second + (from + i) * width;
            }
            const Brood brood{source, kCross, static_cast<std::uint32_t>(from), height, {rows.data(), count},
                              nullptr};
            T* const children = direct ? out + from * width : room.data();
            crosser->cross(brood, firsts.data(), seconds.data(), children, scratch);
            if (!direct) limit.copy(children, count, out + from * width);
        }
    });
}

template void crossover(const Layout&, const std::uint8_t*, const std::uint8_t*, std::size_t,
                        const Crossover&, const Source&, const Threads&, std::uint8_t*);
template void crossover(const Layout&, const std::uint16_t*, const std::uint16_t*, std::size_t,
                        const Crossover&, const Source&, const Threads&, std::uint16_t*);

}  // namespace cambrian
