#include "operators.hpp"
#include "reader.hpp"

namespace cambrian::bindings {

Selection selection_operator(py::handle value, const char* name) {
    Reader reader(value, name);
    if (reader.is("tournament", 1)) return Tournament{reader.positive(1, "size", Tournament::kMaxSize)};
    if (reader.is("linear_rank", 1)) return LinearRank{reader.number(1, "pressure", 1.0, 2.0)};
    if (reader.is("exponential_rank", 1)) return ExponentialRank{reader.probability(1, "base")};
    if (reader.is("roulette", 1)) return Roulette{reader.probability(1, "floor")};
    if (reader.is("universal", 1)) return StochasticUniversal{reader.probability(1, "floor")};
    if (reader.is("boltzmann", 1)) return Boltzmann{reader.above(1, "temperature")};
    if (reader.is("truncation_selection", 1)) return TruncationSelection{reader.probability(1, "share")};
    reader.unknown(
        "tournament, linear_rank, exponential_rank, roulette, universal, boltzmann, "
        "truncation_selection");
}

}  // namespace cambrian::bindings
