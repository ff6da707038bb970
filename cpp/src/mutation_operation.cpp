// One gene that chooses an operation is reset.
#include <span>

#include "cambrian/mutation.hpp"
#include "changes.hpp"
#include "gene_mutator.hpp"

namespace cambrian {
namespace {

class OperationHits {
  public:
    OperationHits(const Layout& layout, double rate) : changeable_(layout, true), rate_(rate) {}

    template <class T>
    void find(const Brood& brood, const T* children, Scratch<T>& scratch) const {
        each_row(changeable_, brood, children, scratch,
                 [&](std::uint16_t, std::uint32_t start, std::span<const std::uint32_t> genes, Words& words) {
                     if (rate_.holds(words.word())) hit_some(start, genes, 1, words, scratch);
                 });
    }

  private:
    Changeable changeable_;
    Chance rate_;
};

}  // namespace

template <class T>
std::unique_ptr<Mutator<T>> make_gene_mutator(const Layout& layout, const OperationMutation& mutation) {
    return make_mutator<T>(OperationHits(layout, mutation.rate), Reset(layout));
}

template std::unique_ptr<Mutator<std::uint8_t>> make_gene_mutator(const Layout&, const OperationMutation&);
template std::unique_ptr<Mutator<std::uint16_t>> make_gene_mutator(const Layout&, const OperationMutation&);

}  // namespace cambrian
