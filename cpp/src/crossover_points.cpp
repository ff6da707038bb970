#include <algorithm>
#include <utility>

#include "cambrian/crossover.hpp"
#include "units.hpp"

namespace cambrian {
namespace {

template <class T>
class PointCrosser final : public Crosser<T> {
  public:
    PointCrosser(const Layout& layout, double rate, By by, int cuts)
        : width_(layout.width()), rate_(rate), cuts_(cuts), borders_(unit_borders(layout, by)) {}

    void cross(const Brood& brood, const T* const* first, const T* const* second, T* children,
               Scratch<T>&) const override {
        const Streams streams = brood.streams();
        for (const std::size_t row : brood.rows) {
            T* child = children + row * width_;
            Stream stream = streams[row];
            std::copy_n(first[row], width_, child);
            if (!rate_.holds(stream.word())) continue;
            const auto [from, to] = segment(stream);
            std::copy(second[row] + borders_[from], second[row] + borders_[to], child + borders_[from]);
        }
    }

  private:
    std::pair<std::size_t, std::size_t> segment(Stream& stream) const {
        const auto units = static_cast<std::uint32_t>(borders_.size() - 1);
        if (units < 2) return {0, 0};
        if (cuts_ == 1) return {1 + stream.below(units - 1), units};
        const std::uint32_t one = stream.below(units);
        std::uint32_t two = stream.below(units - 1);
        if (two >= one) ++two;
        return std::minmax(one, two);
    }

    std::size_t width_;
    Chance rate_;
    int cuts_;
    std::vector<std::uint32_t> borders_;
};

}  // namespace

template <class T>
std::unique_ptr<Crosser<T>> make_point_crosser(const Layout& layout, const OnePointCrossover& crossover) {
    return std::make_unique<PointCrosser<T>>(layout, crossover.rate, crossover.by, 1);
}
template <class T>
std::unique_ptr<Crosser<T>> make_point_crosser(const Layout& layout, const TwoPointCrossover& crossover) {
    return std::make_unique<PointCrosser<T>>(layout, crossover.rate, crossover.by, 2);
}

template std::unique_ptr<Crosser<std::uint8_t>> make_point_crosser(const Layout&, const OnePointCrossover&);
template std::unique_ptr<Crosser<std::uint16_t>> make_point_crosser(const Layout&, const OnePointCrossover&);
template std::unique_ptr<Crosser<std::uint8_t>> make_point_crosser(const Layout&, const TwoPointCrossover&);
template std::unique_ptr<Crosser<std::uint16_t>> make_point_crosser(const Layout&, const TwoPointCrossover&);

}  // namespace cambrian
