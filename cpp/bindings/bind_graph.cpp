#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "arrays.hpp"
#include "bindings.hpp"
#include "cambrian/canonical.hpp"
#include "cambrian/decode.hpp"
#include "cambrian/interpret.hpp"

namespace cambrian::bindings {
namespace {

class ResourceArrays {
  public:
    explicit ResourceArrays(std::size_t n)
        : counts_({static_cast<py::ssize_t>(Resources::kNames.size()), static_cast<py::ssize_t>(n)}) {}

    std::int64_t* data() { return counts_.mutable_data(); }
    py::dict dict() const {
        py::dict result;
        for (std::size_t i = 0; i < Resources::kNames.size(); ++i) {
            const auto name = Resources::kNames[i];
            result[py::str(name.data(), name.size())] = counts_[py::int_(i)];
        }
        return result;
    }

  private:
    py::array_t<std::int64_t> counts_;
};

py::array_t<std::uint64_t> new_hashes(std::size_t n) {
    return py::array_t<std::uint64_t>({static_cast<py::ssize_t>(n), py::ssize_t{2}});
}

void need_templates(const Layout& layout, const char* what) {
    if (layout.plain()) {
        throw py::value_error(std::string("layout: a plain space has no networks, and so no ") + what);
    }
}

// Raised with the keys of modules whose costs the layout doesn't know.
PYBIND11_CONSTINIT py::gil_safe_call_once_and_store<py::object> missing_error;

[[noreturn]] void raise_missing(const std::set<ModuleKey>& keys) {
    py::array_t<std::int32_t> rows(
        {static_cast<py::ssize_t>(keys.size()), static_cast<py::ssize_t>(std::tuple_size_v<ModuleKey>)});
    std::int32_t* to = rows.mutable_data();
    for (const ModuleKey& key : keys) to = std::copy(key.begin(), key.end(), to);
    PyErr_SetObject(missing_error.get_stored().ptr(), rows.ptr());
    throw py::error_already_set();
}

void run_decode(const Layout& layout, const Genomes& rows, Decoded out, py::handle threads) {
    MissingModules missing;
    out.missing = &missing;
    const Threads workers = threads_argument(threads);
    by_genome_type(layout, [&](auto type) {
        const auto* genomes = genome_data<decltype(type)>(rows);
        const py::gil_scoped_release release;
        cambrian::decode(layout, genomes, rows.n, out, workers);
    });
    if (!missing.keys().empty()) raise_missing(missing.keys());
}

py::array_t<std::uint64_t> hash(const Layout& layout, py::handle genomes, bool recipe, py::handle threads) {
    const Genomes rows = genomes_input(layout, genomes);
    auto hashes = new_hashes(rows.n);
    Decoded out;
    (recipe ? out.recipe_hash : out.hash) = hashes.mutable_data();
    run_decode(layout, rows, out, threads);
    return hashes;
}

py::dict resources(const Layout& layout, py::handle genomes, std::int64_t batch, py::handle threads) {
    need_templates(layout, "resources");
    const Genomes rows = genomes_input(layout, genomes);
    ResourceArrays arrays(rows.n);
    Decoded out;
    out.resources = arrays.data();
    out.batch = batch;
    run_decode(layout, rows, out, threads);
    return arrays.dict();
}

py::tuple decode(const Layout& layout, py::handle genomes, bool fragments, py::handle threads) {
    need_templates(layout, "resources; use hash");
    const Genomes rows = genomes_input(layout, genomes);
    ResourceArrays arrays(rows.n);
    auto hashes = new_hashes(rows.n), recipe_hashes = new_hashes(rows.n);
    Decoded out;
    out.resources = arrays.data();
    out.hash = hashes.mutable_data();
    out.recipe_hash = recipe_hashes.mutable_data();
    out.fragments = fragments;
    run_decode(layout, rows, out, threads);
    return py::make_tuple(hashes, recipe_hashes, arrays.dict());
}

// Graphs of a population one after the other, as the arrays that `graphs` returns.
class GraphTable {
  public:
    GraphTable(const Layout& layout, bool canonical) : interpreter_(layout), by_canon_(canonical) {}

    template <class T>
    void add(const T* genome) {
        repairs_.emplace_back();
        interpreter_.read(genome);
        const Graph& graph = interpreter_.expand(&repairs_.back());
        canonical_.order(graph);
        order_.assign(canonical_.nodes().begin(), canonical_.nodes().end());
        number_.assign(canonical_.positions().begin(), canonical_.positions().end());
        if (!by_canon_) use_program_order();
        for (const Value value : order_) add_node(graph, graph.nodes[static_cast<std::size_t>(value)]);
        nodes_.push_back(static_cast<std::int64_t>(op_.size()));
        renumber(repairs_.back());
    }

    py::dict dict() const {
        const auto m = static_cast<py::ssize_t>(op_.size());
        py::dict result;
        result["nodes"] = array(nodes_);
        result["op"] = array(op_);
        result["attrs"] = array(attrs_).reshape({m, static_cast<py::ssize_t>(kMaxAttrs)});
        result["shape"] = array(shape_).reshape({m, py::ssize_t{4}});
        result["rank"] = array(rank_);
        result["edges"] = array(edges_);
        result["inputs"] = array(inputs_);
        result["repairs"] = repairs();
        return result;
    }

  private:
    void use_program_order() {
        std::sort(order_.begin(), order_.end());
        for (std::size_t i = 0; i < order_.size(); ++i) {
            number_[static_cast<std::size_t>(order_[i])] = static_cast<Value>(i);
        }
    }

    void add_node(const Graph& graph, const Node& node) {
        op_.push_back(static_cast<std::uint8_t>(node.op));
        rank_.push_back(node.shape.rank);
        attrs_.insert(attrs_.end(), node.attrs.begin(), node.attrs.end());
        shape_.insert(shape_.end(), node.shape.dim.begin(), node.shape.dim.end());
        const auto first = static_cast<std::ptrdiff_t>(inputs_.size());
        for (const Value input : graph.inputs_of(node))
            inputs_.push_back(number_[static_cast<std::size_t>(input)]);
        if (node.commutative) std::sort(inputs_.begin() + first, inputs_.end());
        edges_.push_back(static_cast<std::int64_t>(inputs_.size()));
    }

    // Repairs name nodes by their place in the result; those of nodes that nothing uses say nothing.
    void renumber(std::vector<Repair>& repairs) const {
        std::erase_if(repairs, [&](Repair& repair) {
            if (names_column(repair.rule) || repair.node == kAbsent) return false;
            repair.node = number_[static_cast<std::size_t>(repair.node)];
            return repair.node == kAbsent;
        });
    }

    template <class T>
    static py::array_t<T> array(const std::vector<T>& values) {
        return py::array_t<T>(static_cast<py::ssize_t>(values.size()), values.data());
    }

    py::list repairs() const {
        py::list result;
        for (const auto& one : repairs_) {
            py::list list;
            for (const Repair& repair : one) {
                const auto name = rule_name(repair.rule);
                list.append(
                    py::make_tuple(py::str(name.data(), name.size()), repair.node, repair.from, repair.to));
            }
            result.append(list);
        }
        return result;
    }

    Interpreter interpreter_;
    Canonical canonical_;
    bool by_canon_;
    std::vector<Value> order_, number_;
    std::vector<std::int64_t> nodes_{0}, attrs_, shape_, edges_{0};
    std::vector<std::uint8_t> op_, rank_;
    std::vector<std::int32_t> inputs_;
    std::vector<std::vector<Repair>> repairs_;
};

py::dict graphs(const Layout& layout, py::handle genomes, bool canonical) {
    need_templates(layout, "graphs");
    const Genomes rows = genomes_input(layout, genomes);
    GraphTable table(layout, canonical);
    by_genome_type(layout, [&](auto type) {
        const auto* data = genome_data<decltype(type)>(rows);
        const auto poll = interrupt_poll();
        const py::gil_scoped_release release;
        for (std::size_t row = 0; row < rows.n; ++row) {
            poll();
            try {
                table.add(data + row * layout.width());
            } catch (const std::invalid_argument& error) {
                throw std::invalid_argument("genomes: row " + std::to_string(row) + ": " + error.what());
            }
        }
    });
    return table.dict();
}

}  // namespace

void bind_graph(py::module_& module) {
    missing_error.call_once_and_store_result([&]() -> py::object {
        return py::exception<MissingModules>(module, "MissingModulesError", PyExc_LookupError);
    });
    module.def(
        "hash",
        [](py::object layout, py::object genomes, py::object recipe, py::object threads) {
            return hash(layout_argument(layout), genomes, flag_argument(recipe, "recipe"), threads);
        },
        "128-bit digests (n, 2) of the canonical graphs, or of graphs and active training genes.",
        py::arg("layout"), py::arg("genomes"), py::kw_only(), py::arg("recipe") = false,
        py::arg("threads") = 1);
    module.def(
        "resources",
        [](py::object layout, py::object genomes, py::object batch, py::object threads) {
            return resources(layout_argument(layout), genomes, batch_argument(batch), threads);
        },
        "Params, MACs, FLOPs, element operations, kernels and depth, per sample; memories at a batch size.",
        py::arg("layout"), py::arg("genomes"), py::kw_only(), py::arg("batch") = 1, py::arg("threads") = 1);
    module.def(
        "decode",
        [](py::object layout, py::object genomes, py::object threads, py::object fragments) {
            return decode(layout_argument(layout), genomes, flag_argument(fragments, "fragments"), threads);
        },
        "Graph hashes, hashes of graph + recipe, resources: one expansion a genome for all three. Without "
        "fragments, every network is expanded from its first node to its last: slower, with the same "
        "results.",
        py::arg("layout"), py::arg("genomes"), py::kw_only(), py::arg("threads") = 1,
        py::arg("fragments") = true);
    module.def(
        "graphs",
        [](py::object layout, py::object genomes, py::object canonical) {
            return graphs(layout_argument(layout), genomes, flag_argument(canonical, "canonical"));
        },
        "Nodes of the graphs in canonical or in program order, and the repairs that were made.",
        py::arg("layout"), py::arg("genomes"), py::kw_only(), py::arg("canonical") = true);
}

}  // namespace cambrian::bindings
