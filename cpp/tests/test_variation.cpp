#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "cambrian/breed.hpp"
#include "cambrian/sample.hpp"
#include "check.hpp"

using namespace cambrian;

namespace {

Column column(GeneKind kind, std::int32_t options, std::int32_t repeat = -1, std::int32_t slot = -1) {
    const bool reference = kind == GeneKind::kReference;
    return {kind, options, repeat, slot, reference ? 2 : 0, reference, {}};
}

// A choice; 1 to 5 slots of a choice, an optional reference and 0 to 2 slots of a choice; an integer that
// counts only while the first choice is 1.
Layout nested() {
    Layout layout;
    const auto add = [&](Column c) { layout.columns.push_back(std::move(c)); };
    add(column(GeneKind::kChoice, 3));
    add(column(GeneKind::kLength, 5));
    layout.repeats.push_back({1, 1, 5, 2, 5, -1, -1});
    for (std::int32_t slot = 0; slot < 5; ++slot) {
        add(column(GeneKind::kChoice, 200, 0, slot));
        add(column(GeneKind::kReference, 4, 0, slot));
        add(column(GeneKind::kLength, 3, 0, slot));
        const auto inner = static_cast<std::int32_t>(layout.repeats.size());
        const auto first = static_cast<std::int32_t>(layout.columns.size());
        layout.repeats.push_back({first - 1, 0, 2, first, 1, 0, slot});
        add(column(GeneKind::kChoice, 4, inner, 0));
        add(column(GeneKind::kChoice, 4, inner, 1));
    }
    add(column(GeneKind::kInt, 50));
    layout.columns.back().conditions.push_back({0, {0, 1, 0}});
    for (std::int32_t c = 0; c < static_cast<std::int32_t>(layout.columns.size()); ++c)
        layout.order.push_back(c);
    layout.recipe.assign(layout.columns.size(), 0);
    layout.activity = plan_activity(layout);
    return layout;
}

Layout wide() {
    Layout layout = nested();
    layout.columns.back().options = 65'536;
    layout.activity = plan_activity(layout);
    return layout;
}

const std::vector<Mutation> kMutations = {
    OneMutation{ResetMutation{std::nullopt}}, OneMutation{StepMutation{0.1, 2}},
    OneMutation{StructuralMutation{0.9, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1}}},
    MutationMixture{{PointMutation{}, ResetMutation{0.3}}, {1.0, 2.0}}};

NewNetworkMutation new_network(const Mutation& inner) {
    return {std::make_shared<const InnerMutation>(InnerMutation{inner}), 0.9, 3};
}

std::vector<Operators> operators() {
    const MutationMixture mixture{{ResetMutation{0.1}, StepMutation{0.1, 2}}, {1.0, 1.0}};
    return {{Tournament{2},
             OneCrossover{SubgraphCrossover{0.9, 0.75}},
             {OneMutation{new_network(OneMutation{PointMutation{}})}, OneMutation{new_network(mixture)},
              OneMutation{OperationMutation{0.5}}}},
            {Tournament{3}, OneCrossover{UniformCrossover{0.9, 0.5, By::kGene}}, kMutations},
            {Tournament{2}, OneCrossover{UniformCrossover{0.9, 0.3, By::kSlot}}, kMutations},
            {Tournament{7},
             OneCrossover{PointCrossover{1.0, 1, By::kGene}},
             {OneMutation{StructuralMutation{1.0, {0, 1, 0, 0, 0}}}}},
            {Tournament{1}, OneCrossover{PointCrossover{0.5, 2, By::kSlot}}, {}},
            {Tournament{3},
             CrossoverMixture{{UniformCrossover{1.0, 0.2, By::kGene}, NoCrossover{}}, {3.0, 1.0}},
             {OneMutation{ResetMutation{0.01}}}},
            {Tournament{1},
             OneCrossover{NoCrossover{}},
             {OneMutation{ResetMutation{1.0}}, OneMutation{ResetMutation{0.0}},
              OneMutation{StepMutation{1e-9, 65'535}}}}};
}

template <class T>
bool in_range(const Layout& layout, const std::vector<T>& genomes) {
    for (std::size_t i = 0; i < genomes.size(); ++i) {
        if (genomes[i] >= layout.columns[i % layout.width()].options) return false;
    }
    return true;
}

template <class T>
void same_bytes_for_any_number_of_threads(const Layout& layout) {
    constexpr std::size_t kPopulation = 2500;
    const Source source(11, 0, 4);
    std::vector<T> parents(kPopulation * layout.width());
    sample(layout, kPopulation, source, {}, parents.data());
    CHECK(in_range(layout, parents));
    std::vector<double> key(kPopulation);
    for (std::size_t i = 0; i < kPopulation; ++i) key[i] = static_cast<double>(i % 97);
    for (const Operators& each : operators()) {
        std::vector<T> reference;
        for (const int threads : {1, 2, 3, 8}) {
            std::vector<T> children(3001 * layout.width());
            breed<T>(layout, {parents.data(), key.data(), kPopulation}, each, source, {threads, {}},
                     {children.data(), 3001});
            CHECK(in_range(layout, children));
            if (reference.empty()) reference = children;
            CHECK(children == reference);
        }
        std::vector<T> few(100 * layout.width());
        breed<T>(layout, {parents.data(), key.data(), kPopulation}, each, source, {}, {few.data(), 100});
        CHECK(std::equal(few.begin(), few.end(), reference.begin()));
    }
}

// Else the tests here would say little: every change is possible in nearly every genome.
template <class T>
void mutations_are_at_work(const Layout& layout) {
    constexpr std::size_t kRows = 1000;
    std::vector<T> before(kRows * layout.width());
    sample(layout, kRows, Source(8, 0, 0), {}, before.data());
    const std::vector<Mutation> each = {OneMutation{StructuralMutation{1.0, {1, 1, 1, 1, 1, 1, 1, 1}}},
                                        OneMutation{ResetMutation{1.0}}, OneMutation{PointMutation{}}};
    for (const Mutation& mutation : each) {
        std::vector<T> after(before.size());
        mutate<T>(layout, {before.data(), kRows, after.data()}, {mutation}, 0, Source(9, 0, 0), {});
        std::size_t changed = 0;
        for (std::size_t i = 0; i < before.size(); i += layout.width()) {
            const T* row = before.data() + i;
            changed += std::equal(row, row + layout.width(), after.data() + i) ? 0 : 1;
        }
        CHECK(changed > kRows / 2);
    }
}

// What a thread that writes to the population meanwhile could put there must not lead outside of any table.
template <class T>
void values_beyond_the_options_are_limited(const Layout& layout) {
    constexpr std::size_t kPopulation = 600;
    Stream stream(Source(5, 0, 0), kSample, 0);
    std::vector<T> parents(kPopulation * layout.width());
    for (T& gene : parents) gene = static_cast<T>(stream.word());
    const std::vector<double> key(kPopulation, 1.0);
    for (const Operators& each : operators()) {
        std::vector<T> children(kPopulation * layout.width());
        CHECK(breed<T>(layout, {parents.data(), key.data(), kPopulation}, each, Source(1, 0, 0), {},
                       {children.data(), kPopulation}) == 0);
        CHECK(in_range(layout, children));
        mutate<T>(layout, {parents.data(), kPopulation, children.data()}, each.mutations, 0, Source(1, 0, 0),
                  {});
        CHECK(in_range(layout, children));
    }
}

// However few children there are, and though the row is chosen by nothing.
void the_first_value_beyond_the_options_is_found() {
    const Layout layout = nested();
    constexpr std::size_t kPopulation = 5000;
    std::vector<std::uint8_t> parents(kPopulation * layout.width());
    std::vector<double> key(kPopulation, 1.0);
    key[0] = 0.0;
    const Operators best{TruncationSelection{0.0}, OneCrossover{NoCrossover{}}, {}};
    for (const std::size_t count : {0, 1, 7, 5000, 9999}) {
        std::vector<std::uint8_t> children(count * layout.width());
        for (const int threads : {1, 3}) {
            const auto first = [&] {
                return breed<std::uint8_t>(layout, {parents.data(), key.data(), kPopulation}, best,
                                           Source(1, 0, 0), {threads, {}}, {children.data(), count});
            };
            CHECK(first() == kPopulation);
            for (const std::size_t row : {4999, 1234, 17, 0}) {
                parents[row * layout.width()] = 3;
                CHECK(first() == row);
            }
            std::fill(parents.begin(), parents.end(), std::uint8_t{0});
        }
    }
}

void tournaments_survive_any_key() {
    const double nan = std::strtod("nan", nullptr);
    const std::vector<double> key = {nan, 3.0, nan, 2.0, nan};
    std::vector<std::int64_t> winners(5000);
    select(key.data(), 5, winners.size(), Tournament{64}, Source(0, 0, 0), {}, winners.data());
    for (const std::int64_t winner : winners) CHECK(winner == 3);
    const std::vector<double> failed(5, nan);
    select(failed.data(), 5, winners.size(), Tournament{3}, Source(0, 0, 0), {}, winners.data());
    for (std::int64_t i = 0; i < 5; ++i)
        CHECK(std::abs(std::count(winners.begin(), winners.end(), i) - 1000) < 150);
}

}  // namespace

int main() {
    same_bytes_for_any_number_of_threads<std::uint8_t>(nested());
    same_bytes_for_any_number_of_threads<std::uint16_t>(wide());
    mutations_are_at_work<std::uint8_t>(nested());
    mutations_are_at_work<std::uint16_t>(wide());
    values_beyond_the_options_are_limited<std::uint8_t>(nested());
    values_beyond_the_options_are_limited<std::uint16_t>(wide());
    the_first_value_beyond_the_options_is_found();
    tournaments_survive_any_key();
    return cambrian::testing::failures();
}
