// Reset, step and point mutation.
#include "cambrian/mutation.hpp"
#include "changes.hpp"
#include "gene_mutator.hpp"

namespace cambrian {

template <class T>
std::unique_ptr<Mutator<T>> make_gene_mutator(const Layout& layout, const ResetMutation& mutation) {
    return make_by_rate<T>(layout, mutation.rate, Reset(layout));
}
template <class T>
std::unique_ptr<Mutator<T>> make_gene_mutator(const Layout& layout, const StepMutation& mutation) {
    return make_by_rate<T>(layout, mutation.rate, StepMove(layout, mutation.step));
}
template <class T>
std::unique_ptr<Mutator<T>> make_gene_mutator(const Layout& layout, const PointMutation&) {
    return make_gene_mutator<T>(layout, ExactMutation{1});
}

template std::unique_ptr<Mutator<std::uint8_t>> make_gene_mutator(const Layout&, const ResetMutation&);
template std::unique_ptr<Mutator<std::uint16_t>> make_gene_mutator(const Layout&, const ResetMutation&);
template std::unique_ptr<Mutator<std::uint8_t>> make_gene_mutator(const Layout&, const StepMutation&);
template std::unique_ptr<Mutator<std::uint16_t>> make_gene_mutator(const Layout&, const StepMutation&);
template std::unique_ptr<Mutator<std::uint8_t>> make_gene_mutator(const Layout&, const PointMutation&);
template std::unique_ptr<Mutator<std::uint16_t>> make_gene_mutator(const Layout&, const PointMutation&);

}  // namespace cambrian
