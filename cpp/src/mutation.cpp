#include "cambrian/mutation.hpp"

#include <algorithm>

#include "cambrian/activity.hpp"

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

}  // namespace

Mutator::Mutator(const Layout& layout, const std::vector<Mutation>& mutations) : layout_(layout) {
    std::size_t most = 0;
    for (std::size_t c = 0; c < layout.width(); ++c) {
        if (layout.columns[c].options < 2) continue;
        ++most;
        if (always_active(layout, layout.columns[c])) always_.push_back(static_cast<std::uint32_t>(c));
    }
    conditional_ = always_.size() < most;
    for (const Mutation& mutation : mutations) {
        Stage stage;
        if (const auto* reset = std::get_if<ResetMutation>(&mutation)) {
            stage.hits.emplace(reset->rate, always_.size(), most);
        } else if (const auto* step = std::get_if<StepMutation>(&mutation)) {
            stage.hits.emplace(step->rate, always_.size(), most);
            stage.step = step->step;
        } else if (const auto* structural = std::get_if<StructuralMutation>(&mutation)) {
            stage.structure.emplace(layout, *structural);
        }
        stages_.push_back(std::move(stage));
    }
}

// The genes that can be hit, into scratch.genes.
template <class T>
void Mutator::genes(const T* genome, Scratch<T>& scratch) const {
    normalise(layout_, genome, scratch.normal.data(), scratch.active.data());
    scratch.genes.clear();
    for (std::uint32_t c = 0; c < scratch.active.size(); ++c) {
        if (scratch.active[c] != 0 && layout_.columns[c].options >= 2) scratch.genes.push_back(c);
    }
}

// Always another value than before: one of those within reach, without the present one.
template <class T>
void Mutator::hit(const Stage& stage, T* gene, std::uint32_t column, Stream& stream) const {
    const auto last = static_cast<std::uint32_t>(layout_.columns[column].options - 1);
    const std::uint32_t old = *gene;
    std::uint32_t low = 0, high = last;
    if (stage.step > 0 && layout_.columns[column].ordered()) {
        low = old - std::min(old, stage.step);
        high = old + std::min(last - old, stage.step);
    }
    std::uint32_t value = low + stream.below(high - low);
    if (value >= old) ++value;
    *gene = static_cast<T>(value);
}

template <class T>
void Mutator::mutate(std::size_t number, T* genome, Stream& stream, Scratch<T>& scratch) const {
    const Stage& stage = stages_[number];
    if (stage.structure) return stage.structure->change(genome, stream, scratch);
    if (conditional_) genes(genome, scratch);
    const std::vector<std::uint32_t>& columns = conditional_ ? scratch.genes : always_;
    const auto change = [&](std::size_t i) { hit(stage, genome + columns[i], columns[i], stream); };
    if (stage.hits) return stage.hits->each(columns.size(), stream, change);
    if (!columns.empty()) change(stream.below(static_cast<std::uint32_t>(columns.size())));
}

template void Mutator::mutate(std::size_t, std::uint8_t*, Stream&, Scratch<std::uint8_t>&) const;
template void Mutator::mutate(std::size_t, std::uint16_t*, Stream&, Scratch<std::uint16_t>&) const;

template <class T>
void mutate(const Layout& layout, const T* genomes, std::size_t n, const std::vector<Mutation>& mutations,
            const Source& source, const Threads& threads, T* out) {
    const Mutator mutator(layout, mutations);
    const Limit<T> limit(layout);
    const std::size_t width = layout.width();
    const std::size_t rows = rows_at_once<T>(width);
    const std::size_t share = rows_of_block(16 * width * (mutations.size() + 1), 8 * rows);
    parallel_for(n, share, threads, [&](std::size_t begin, std::size_t end) {
        Scratch<T> scratch(layout);
        std::vector<T> block(rows * width);
        for (std::size_t from = begin; from < end; from += rows) {
            const std::size_t count = std::min(rows, end - from);
            std::copy_n(genomes + from * width, count * width, block.data());
            for (std::size_t i = 0; i < count; ++i) limit.apply(block.data() + i * width);
            mutate_block(mutator, source, static_cast<std::uint32_t>(from), count, width, block.data(),
                         scratch);
            std::copy_n(block.data(), count * width, out + from * width);
        }
    });
}

template void mutate(const Layout&, const std::uint8_t*, std::size_t, const std::vector<Mutation>&,
                     const Source&, const Threads&, std::uint8_t*);
template void mutate(const Layout&, const std::uint16_t*, std::size_t, const std::vector<Mutation>&,
                     const Source&, const Threads&, std::uint16_t*);

}  // namespace cambrian
