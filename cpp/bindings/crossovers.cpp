#include "reader.hpp"

namespace cambrian::bindings {
namespace {

OneCrossover one_crossover(Reader& reader) {
    if (reader.is("none", 0)) return NoCrossover{};
    if (reader.is("one_point", 2)) return PointCrossover{reader.probability(1, "rate"), 1, reader.by(2)};
    if (reader.is("two_point", 2)) return PointCrossover{reader.probability(1, "rate"), 2, reader.by(2)};
    if (reader.is("k_point", 3)) {
        return PointCrossover{reader.probability(1, "rate"), reader.positive(2, "k", 65'535), reader.by(3)};
    }
    if (reader.is("uniform", 3)) {
        return UniformCrossover{reader.probability(1, "rate"), reader.probability(2, "swap"), reader.by(3)};
    }
    if (reader.is("half_uniform", 2))
        return HalfUniformCrossover{reader.probability(1, "rate"), reader.by(2)};
    if (reader.is("blend", 2))
        return BlendCrossover{reader.probability(1, "rate"), reader.number(2, "alpha", 4.0)};
    if (reader.is("arithmetic", 2))
        return ArithmeticCrossover{reader.probability(1, "rate"), reader.probability(2, "weight")};
    if (reader.is("sbx", 3)) {
        return SimulatedBinaryCrossover{reader.probability(1, "rate"), reader.number(2, "eta", 1000.0),
                                        reader.probability(3, "genes")};
    }
    if (reader.is("homologous", 2))
        return HomologousCrossover{reader.probability(1, "rate"), reader.probability(2, "swap")};
    if (reader.is("unequal", 1)) return UnequalCrossover{reader.probability(1, "rate")};
    if (reader.is("subgraph", 2))
        return SubgraphCrossover{reader.probability(1, "rate"), reader.probability(2, "size")};
    reader.unknown(
        "none, one_point, two_point, k_point, uniform, half_uniform, blend, arithmetic, sbx, homologous, "
        "unequal, subgraph, mixture");
}

}  // namespace

Crossover crossover_operator(py::handle value, const char* name) {
    Reader reader(value, name);
    if (reader.is("mixture", 2)) return mixture<CrossoverMixture>(reader, name, one_crossover);
    return one_crossover(reader);
}

}  // namespace cambrian::bindings
