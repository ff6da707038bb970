// Fuzz target: any genome of a layout means a sound network, or is refused; what it means does not depend on
// how it is worked out.
//
// Input: int64 words in native byte order: how many words the layout has, the layout, then genomes, four
// genes of 16 bits a word.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <random>
#include <stdexcept>
#include <utility>
#include <vector>

#include "cambrian/canonical.hpp"
#include "cambrian/decode.hpp"
#include "cambrian/interpret.hpp"
#include "change_record.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" bool fuzz_accepted();
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most,
                                               unsigned seed);

namespace {

using namespace cambrian;

constexpr std::size_t kMostRows = 8;
bool accepted = false;

void require(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "broken: %s\n", what);
    std::abort();
}

std::vector<std::int64_t> words_of(const std::uint8_t* data, std::size_t size) {
    std::vector<std::int64_t> words(size / sizeof(std::int64_t));
    if (!words.empty()) std::memcpy(words.data(), data, words.size() * sizeof(std::int64_t));
    return words;
}

// How many of the words are the layout, the first one left out.
std::size_t layout_length(const std::vector<std::int64_t>& words) {
    if (words.empty() || words[0] < 0) return 0;
    return std::min(static_cast<std::size_t>(words[0]), words.size() - 1);
}

void check_graph(const Graph& graph) {
    const auto n = static_cast<Value>(graph.nodes.size());
    require(n > 0 && graph.nodes[0].op == Op::kInput, "node 0 is the input");
    require(0 <= graph.output && graph.output < n, "the output is a node");
    for (Value v = 0; v < n; ++v) {
        const Node& node = graph.nodes[static_cast<std::size_t>(v)];
        for (const Value input : graph.inputs_of(node))
            require(0 <= input && input < v, "a node reads earlier ones");
        require(node.shape.rank >= 1 && node.shape.rank <= 4, "a rank is from 1 to 4");
        for (std::size_t i = 0; i < node.shape.rank; ++i)
            require(node.shape.dim[i] > 0, "a side is positive");
        require(node.shape.elements() > 0, "an output has elements");
    }
}

void check_order(const Graph& graph, const Canonical& canonical) {
    const auto nodes = canonical.nodes();
    require(!nodes.empty() && nodes.back() == graph.output, "the output comes last");
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        const auto v = static_cast<std::size_t>(nodes[i]);
        require(canonical.positions()[v] == static_cast<Value>(i), "an order and its positions agree");
        for (const Value input : graph.inputs_of(graph.nodes[v])) {
            const Value at = canonical.positions()[static_cast<std::size_t>(input)];
            require(at >= 0 && at < static_cast<Value>(i), "a node comes after what it reads");
        }
    }
}

struct Results {
    std::vector<std::uint64_t> hashes;
    std::vector<std::int64_t> counts;
    bool operator==(const Results&) const = default;
};

// None: the core refuses one of them as a network, and says so.
template <class T>
std::optional<Results> results(const Layout& layout, const std::vector<T>& genomes, int threads) {
    const std::size_t rows = genomes.size() / layout.width();
    Results found{std::vector<std::uint64_t>(4 * rows),
                  std::vector<std::int64_t>(Resources::kNames.size() * rows)};
    Decoded out{found.hashes.data(), found.hashes.data() + 2 * rows};
    if (!layout.plain()) out.resources = found.counts.data();
    try {
        decode(layout, genomes.data(), rows, out, {threads, {}});
    } catch (const std::invalid_argument&) {
        return std::nullopt;
    }
    for (const std::int64_t count : found.counts) require(count >= 0, "a resource is not negative");
    return found;
}

// The normal forms; the networks of all rows checked one by one.
template <class T>
std::vector<T> expand_all(const Layout& layout, const std::vector<T>& genomes) {
    Interpreter interpreter(layout);
    Canonical canonical;
    std::vector<Repair> repairs;
    std::vector<T> normal;
    for (std::size_t i = 0; i < genomes.size(); i += layout.width()) {
        interpreter.read(genomes.data() + i);
        for (const std::uint16_t gene : interpreter.normal()) normal.push_back(static_cast<T>(gene));
        if (layout.plain()) continue;
        try {
            repairs.clear();
            const Graph& graph = interpreter.expand(&repairs);
            check_graph(graph);
            canonical.order(graph);
            check_order(graph, canonical);
        } catch (const std::invalid_argument&) {
            continue;
        }
    }
    return normal;
}

template <class T>
void use(const Layout& layout, const std::vector<std::int64_t>& words, std::size_t from) {
    if (layout.width() == 0) return;
    std::vector<std::uint16_t> genes(4 * (words.size() - from));
    if (!genes.empty()) std::memcpy(genes.data(), words.data() + from, genes.size() * sizeof(std::uint16_t));
    const std::size_t rows =
        std::clamp<std::size_t>((genes.size() + layout.width() - 1) / layout.width(), 1, kMostRows);
    genes.resize(rows * layout.width());
    std::vector<T> genomes(genes.size());
    for (std::size_t i = 0; i < genes.size(); ++i)
        genomes[i] = static_cast<T>(genes[i] % layout.columns[i % layout.width()].options);
    const std::vector<T> normal = expand_all(layout, genomes);
    const auto found = results(layout, genomes, 1);
    require(found == results(layout, normal, 1), "a genome means what its normal form means");
    require(found == results(layout, genomes, 3), "any number of threads finds the same");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::vector<std::int64_t> words = words_of(data, size);
    const auto end = static_cast<std::ptrdiff_t>(layout_length(words) + 1);
    accepted = false;
    if (words.empty()) return 0;
    Layout layout;
    try {
        layout = Layout::parse({words.begin() + 1, words.begin() + end});
    } catch (const std::invalid_argument&) {
        return 0;
    }
    accepted = true;
    if (layout.wide()) {
        use<std::uint16_t>(layout, words, static_cast<std::size_t>(end));
    } else {
        use<std::uint8_t>(layout, words, static_cast<std::size_t>(end));
    }
    return 0;
}

// Whether the last input held a layout.
bool fuzz_accepted() {
    return accepted;
}

// Mostly other genes: the layouts to begin from are those of real spaces.
std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
    std::vector<std::int64_t> words = words_of(data, size);
    const std::size_t length = layout_length(words);
    if (words.empty() || seed % 16 == 0) return LLVMFuzzerMutate(data, size, most);
    std::minstd_rand random(seed);
    random.discard(2);
    std::vector<std::int64_t> layout(words.begin() + 1,
                                     words.begin() + 1 + static_cast<std::ptrdiff_t>(length));
    std::vector<std::int64_t> genes(words.begin() + 1 + static_cast<std::ptrdiff_t>(length), words.end());
    const std::size_t room = most / sizeof(std::int64_t);
    if (random() % 8 == 0) {
        fuzz::change_record(layout, room - 1, seed);
    } else if (genes.empty() || random() % 8 == 0) {
        genes.push_back(static_cast<std::int64_t>(std::uint64_t{random()} << 32 | random()));
    } else {
        for (auto changes = 1 + random() % 6; changes > 0; --changes) {
            const auto shift = 16 * (random() % 4);
            auto word = static_cast<std::uint64_t>(genes[random() % genes.size()]);
            word = (word & ~(std::uint64_t{0xffff} << shift)) | std::uint64_t{random() % 24} << shift;
            genes[random() % genes.size()] = static_cast<std::int64_t>(word);
        }
    }
    words.assign(1, static_cast<std::int64_t>(layout.size()));
    words.insert(words.end(), layout.begin(), layout.end());
    words.insert(words.end(), genes.begin(), genes.end());
    if (words.size() > room) words.resize(room);
    std::memcpy(data, words.data(), words.size() * sizeof(std::int64_t));
    return words.size() * sizeof(std::int64_t);
}
