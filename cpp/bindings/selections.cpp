#include "operators.hpp"
#include "reader.hpp"

namespace cambrian::bindings {
namespace {

std::uint32_t size(const Reader& reader) {
    return reader.positive(1, "size", Tournament::kMaxSize);
}

}  // namespace

// Arrays among the parameters are kept by the tuple, which the caller holds.
Selection selection_operator(py::handle value, const char* name) {
    Reader reader(value, name);
    if (reader.is("tournament", 1)) return Tournament{size(reader)};
    if (reader.is("varied_tournament", 3)) {
        return VariedTournament{size(reader), reader.flag(2, "replace"), reader.probability(3, "p")};
    }
    if (reader.is("double_tournament", 4)) {
        const auto sizes = input<double>(reader.value(4), "columns['size']", {kAny});
        return DoubleTournament{size(reader), reader.number(2, "parsimony", 1.0, 2.0),
                                reader.flag(3, "fitness_first"), sizes.data, sizes.size()};
    }
    if (reader.is("niche_tournament", 1)) {
        const auto niche = input<std::int64_t>(reader.value(1), "niche", {kAny});
        return NicheTournament{niche.data, niche.size()};
    }
    if (reader.is("lexicase", 2)) {
        const auto cases = input<double>(reader.value(1), "columns['cases']", {kAny, kAny});
        const bool automatic = reader.value(2).is_none();
        return Lexicase{
            cases.data, cases.size(0), cases.size(1),
            automatic ? 0.0 : reader.number(2, "epsilon", 0.0, std::numeric_limits<double>::max()),
            automatic};
    }
    if (reader.is("linear_rank", 1)) return LinearRank{reader.number(1, "pressure", 1.0, 2.0)};
    if (reader.is("exponential_rank", 1)) return ExponentialRank{reader.probability(1, "base")};
    if (reader.is("roulette", 1)) return Roulette{reader.probability(1, "floor")};
    if (reader.is("universal", 1)) return StochasticUniversal{reader.probability(1, "floor")};
    if (reader.is("boltzmann", 1)) return Boltzmann{reader.above(1, "temperature")};
    if (reader.is("truncation_selection", 1)) return TruncationSelection{reader.probability(1, "share")};
    reader.unknown(
        "tournament, varied_tournament, double_tournament, niche_tournament, lexicase, linear_rank, "
        "exponential_rank, "
        "roulette, universal, boltzmann, "
        "truncation_selection");
}

}  // namespace cambrian::bindings
