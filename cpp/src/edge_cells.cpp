#include "edge_cells.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <utility>

#include "frames.hpp"

namespace cambrian {
namespace {

std::size_t at(std::int64_t index) {
    return static_cast<std::size_t>(index);
}

// The edges of one procedure, by column offset.
class Edges {
  public:
    explicit Edges(const Procedure& procedure) : procedure_(procedure), uses_(at(procedure.registers)) {
        for (std::size_t b = 0; b < procedure.blocks.size(); ++b) {
            for (const Instr& instr : body(static_cast<std::int32_t>(b))) {
                for (const std::int32_t reg : procedure.list(instr.inputs))
                    uses_[at(reg)].push_back({&instr, static_cast<std::int32_t>(b)});
            }
            uses_[at(procedure.blocks[b].result)].push_back({nullptr, static_cast<std::int32_t>(b)});
        }
    }

    EdgeCell find() const {
        EdgeCell cell;
        std::map<std::int32_t, std::int32_t> vertices;
        const auto vertex = [&](std::int32_t reg) {
            return vertices.emplace(reg, static_cast<std::int32_t>(vertices.size())).first->second;
        };
        for (const Instr& instr : body(0)) {
            if (instr.kind != InstrKind::kSwitch) continue;
            const Expr& chosen = procedure_.exprs[at(procedure_.list(instr.args)[0])];
            const std::set<std::int32_t> read = read_by(instr);
            if (chosen.op != ExprOp::kGene || chosen.a != 0 || read.size() != 1) continue;
            const std::int32_t from = vertex(*read.begin());
            cell.edges.push_back({static_cast<std::int32_t>(chosen.b), from, vertex(meeting(instr.dst))});
        }
        cell.vertices = static_cast<std::int32_t>(vertices.size());
        return cell;
    }

  private:
    struct Use {
        const Instr* instr;  // none: it is the result of the block
        std::int32_t block;
    };

    std::span<const Instr> body(std::int32_t block) const {
        const Slice slice = procedure_.blocks[at(block)].body;
        return {procedure_.instrs.data() + slice.first, at(slice.count)};
    }

    // The values from outside that the cases of a switch read.
    std::set<std::int32_t> read_by(const Instr& instr) const {
        std::set<std::int32_t> read, written;
        std::vector<std::int32_t> blocks;
        const auto push = [&](const Instr& one) {
            const auto list = procedure_.list(one.blocks);
            blocks.insert(blocks.end(), list.begin(), list.end());
        };
        push(instr);
        for (std::size_t b = 0; b < blocks.size(); ++b) {
            for (const Instr& inner : body(blocks[b])) {
                const auto inputs = procedure_.list(inner.inputs);
                read.insert(inputs.begin(), inputs.end());
                written.insert(inner.dst);
                push(inner);
            }
            read.insert(procedure_.blocks[at(blocks[b])].result);
        }
        std::erase_if(read, [&](std::int32_t reg) { return written.contains(reg); });
        return read;
    }

    // Where a value that only one operation takes meets others.
    std::int32_t meeting(std::int32_t reg) const {
        while (uses_[at(reg)].size() == 1) {
            const Use use = uses_[at(reg)][0];
            if (use.instr == nullptr || use.block != 0 || use.instr->kind != InstrKind::kOp ||
                use.instr->inputs.count < 2)
                break;
            reg = use.instr->dst;
        }
        return reg;
    }

    const Procedure& procedure_;
    std::vector<std::vector<Use>> uses_;
};

}  // namespace

std::vector<EdgeCell> edge_cells(const Layout& layout) {
    std::vector<EdgeCell> cells;
    std::set<std::pair<std::int32_t, std::int32_t>> seen;
    const std::vector<Run> all = runs(layout);
    for (const Run& run : all) {
        bool outside = true;
        for (const Run* up = &run; outside; up = &all[at(up->parent)]) {
            outside = up->repeat < 0;
            if (up->parent < 0) break;
        }
        if (!outside || !seen.insert({run.procedure, run.base}).second) continue;
        EdgeCell cell = Edges(layout.procedures[at(run.procedure)]).find();
        for (EdgeCell::Edge& edge : cell.edges) edge.column += run.base;
        if (cell.edges.size() > 1) cells.push_back(std::move(cell));
    }
    return cells;
}

bool exchangeable(const Layout& layout, const EdgeCell& first, const EdgeCell& second) {
    return first.vertices == second.vertices &&
           std::equal(first.edges.begin(), first.edges.end(), second.edges.begin(), second.edges.end(),
                      [&](const EdgeCell::Edge& a, const EdgeCell::Edge& b) {
                          return a.from == b.from && a.to == b.to &&
                                 layout.columns[at(a.column)].options == layout.columns[at(b.column)].options;
                      });
}

}  // namespace cambrian
