#include "cambrian/mutation.hpp"

#include <algorithm>
#include <array>
#include <numeric>

#include "cambrian/limit.hpp"
#include "cambrian/mixture.hpp"

namespace cambrian {
namespace {

template <class T>
class MixedMutator final : public Mutator<T> {
  public:
    MixedMutator(std::vector<std::unique_ptr<Mutator<T>>> members, const std::vector<double>& weights)
        : choice_(weights), members_(std::move(members)) {}

    void mutate(const Brood& brood, T* children, Scratch<T>& scratch) const override {
        choice_.split(
            brood, [&](std::size_t k, const Brood& part) { members_[k]->mutate(part, children, scratch); });
    }

  private:
    Choice choice_;
    std::vector<std::unique_ptr<Mutator<T>>> members_;
};

template <class T>
struct Make {
    const Layout& layout;

    template <class M>
    std::unique_ptr<Mutator<T>> operator()(const M& m) const {
        return make_gene_mutator<T>(layout, m);
    }
    std::unique_ptr<Mutator<T>> operator()(const StructuralMutation& m) const {
        return make_structural_mutator<T>(layout, m);
    }
    std::unique_ptr<Mutator<T>> operator()(const NewNetworkMutation& m) const {
        return make_new_network_mutator<T>(layout, m);
    }
    std::unique_ptr<Mutator<T>> operator()(const OneMutation& m) const { return std::visit(*this, m); }
    std::unique_ptr<Mutator<T>> operator()(const MutationMixture& mixture) const {
        std::vector<std::unique_ptr<Mutator<T>>> members;
        for (const OneMutation& one : mixture.operators) members.push_back((*this)(one));
        return std::make_unique<MixedMutator<T>>(std::move(members), mixture.weights);
    }
};

}  // namespace

std::uint32_t purposes_of(const Mutation& mutation) {
    const auto* mixture = std::get_if<MutationMixture>(&mutation);
    if (mixture != nullptr) return static_cast<std::uint32_t>(mixture->operators.size());
    const auto* network = std::get_if<NewNetworkMutation>(&std::get<OneMutation>(mutation));
    return network == nullptr ? 1 : purposes_of(network->inner->mutation);
}

template <class T>
std::unique_ptr<Mutator<T>> mutator_of(const Layout& layout, const Mutation& mutation) {
    return std::visit(Make<T>{layout}, mutation);
}

template std::unique_ptr<Mutator<std::uint8_t>> mutator_of(const Layout&, const Mutation&);
template std::unique_ptr<Mutator<std::uint16_t>> mutator_of(const Layout&, const Mutation&);

template <class T>
Mutators<T>::Mutators(const Layout& layout, const std::vector<Mutation>& mutations, std::uint32_t place) {
    std::uint32_t purpose = kMutate + place;
    for (const Mutation& mutation : mutations) {
        members_.push_back(mutator_of<T>(layout, mutation));
        purposes_.push_back(purpose);
        purpose += purposes_of(mutation);
    }
}

template <class T>
void Mutators<T>::mutate(Brood brood, T* children, Scratch<T>& scratch) const {
    for (std::size_t i = 0; i < members_.size(); ++i) {
        brood.purpose = purposes_[i];
        members_[i]->mutate(brood, children, scratch);
    }
}

template class Mutators<std::uint8_t>;
template class Mutators<std::uint16_t>;

// The next block arrives while this one is worked on.
template <class T>
void prefetch_next(const Genomes<T>& genomes, std::size_t from, std::size_t height, std::size_t width) {
    const auto* next = reinterpret_cast<const char*>(genomes.genomes + from * width);
    const std::size_t bytes = std::min(height, genomes.count - from) * width * sizeof(T);
    for (std::size_t at = 0; at < bytes; at += 64) prefetch(next + at);
}

template <class T>
void mutate(const Layout& layout, const Genomes<T>& genomes, const std::vector<Mutation>& mutations,
            std::uint32_t place, const Source& source, const Threads& threads) {
    const Mutators<T> mutators(layout, mutations, place);
    const Limit<T> limit(layout);
    const bool direct = !mutators.need_privacy();
    const std::size_t width = layout.width(), height = rows_of<T>(layout);
    const std::size_t share = height * rows_of_block(16 * height * width * (mutations.size() + 1), 16);
    parallel_for(genomes.count, share, threads, [&](std::size_t begin, std::size_t end) {
        Scratch<T> scratch(layout);
        std::vector<T> room(direct ? 0 : height * width);
        std::array<double, kMostRows> rates;
        std::array<std::uint16_t, kMostRows> rows;
        std::iota(rows.begin(), rows.end(), std::uint16_t{0});
        for (std::size_t from = begin; from < end; from += height) {
            const std::size_t count = std::min(height, end - from);
            Brood brood{source, kMutate, static_cast<std::uint32_t>(from), height, {rows.data(), count},
                        nullptr};
            if (genomes.rates != nullptr) {
                std::copy_n(genomes.rates + from, count, rates.data());
                brood.rates = rates.data();
            }
            T* const children = direct ? genomes.out + from * width : room.data();
            limit.copy(genomes.genomes + from * width, count, children);
            prefetch_next(genomes, from + count, height, width);
            mutators.mutate(brood, children, scratch);
            if (!direct) std::copy_n(children, count * width, genomes.out + from * width);
            if (genomes.rates_out != nullptr) std::copy_n(rates.data(), count, genomes.rates_out + from);
        }
    });
}

template void mutate(const Layout&, const Genomes<std::uint8_t>&, const std::vector<Mutation>&, std::uint32_t,
                     const Source&, const Threads&);
template void mutate(const Layout&, const Genomes<std::uint16_t>&, const std::vector<Mutation>&,
                     std::uint32_t, const Source&, const Threads&);

}  // namespace cambrian
