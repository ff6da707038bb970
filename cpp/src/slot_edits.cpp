#include "cambrian/slot_edits.hpp"

#include <utility>

#include "cambrian/activity.hpp"
#include "cambrian/limit.hpp"
#include "slot_moves.hpp"

namespace cambrian {
namespace {

template <class T>
class SlotEdits {
  public:
    SlotEdits(const Layout& layout, const T* genome)
        : layout_(layout),
          limit_(layout),
          normal_(layout.width()),
          changed_(layout.width()),
          active_(layout.width()),
          flags_(layout.width()) {
        normalise(layout, genome, normal_.data(), active_.data());
    }

    std::vector<T> every() {
        for (const Repeat& repeat : layout_.repeats) {
            if (takes_part(repeat, active_.data())) add(SlotShape(layout_, repeat));
        }
        return std::move(found_);
    }

  private:
    void add(const SlotShape& shape) {
        const std::int32_t length = shape.length(normal_.data());
        for (std::int32_t s = 0; s < length && length > shape.repeat.min; ++s)
            add(shape, length, [=](SlotMoves<T>& slots) { slots.remove(s); });
        for (std::int32_t s = 0; s < length && length < shape.repeat.max; ++s)
            add(shape, length, [=](SlotMoves<T>& slots) { slots.duplicate(s); });
        for (std::int32_t s = 0; s + 1 < length; ++s)
            add(shape, length, [=](SlotMoves<T>& slots) { slots.swap(s, s + 1); });
    }

    template <class Edit>
    void add(const SlotShape& shape, std::int32_t length, Edit edit) {
        changed_ = normal_;
        SlotMoves<T> slots(shape, changed_.data(), length);
        edit(slots);
        limit_.apply(changed_.data(), 1);
        const std::size_t end = found_.size();
        found_.resize(end + changed_.size());
        normalise(layout_, changed_.data(), found_.data() + end, flags_.data());
    }

    const Layout& layout_;
    Limit<T> limit_;
    std::vector<T> normal_;
    std::vector<T> changed_;
    std::vector<std::uint8_t> active_;
    std::vector<std::uint8_t> flags_;
    std::vector<T> found_;
};

}  // namespace

std::vector<std::uint8_t> slot_edits(const Layout& layout, const std::uint8_t* genome) {
    return SlotEdits(layout, genome).every();
}

std::vector<std::uint16_t> slot_edits(const Layout& layout, const std::uint16_t* genome) {
    return SlotEdits(layout, genome).every();
}

}  // namespace cambrian
