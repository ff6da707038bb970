#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "cambrian/layout.hpp"

namespace cambrian {
namespace {

constexpr std::size_t kMaxReads = 64;       // genes, parameters … of a site
constexpr std::int64_t kMaxWork = 1 << 20;  // no sites in layouts that take more
constexpr std::int64_t kWorthwhile = 2;     // operations

std::size_t at(std::int64_t index) {
    return static_cast<std::size_t>(index);
}

bool leads_on(InstrKind kind) {
    return kind == InstrKind::kSwitch || runs_procedure(kind);
}

// What a block reads that is not its own. Genes and slots are counted in frames up from its frame.
struct Reads {
    std::set<std::pair<std::int64_t, std::int64_t>> genes;  // frames up, column from its base
    std::set<std::int64_t> slots;
    std::set<std::int64_t> references;  // frames up to a slot from which others are looked up
    std::set<std::int64_t> registers;
    std::set<std::int64_t> params;
    std::int64_t operations = 0;
    bool closed = true;  // reads nothing else, and not too much

    void limit() {
        closed = closed && genes.size() + slots.size() + registers.size() + params.size() <= kMaxReads;
        if (closed) return;
        genes.clear();
        slots.clear();
        references.clear();
        params.clear();
    }
};

class Finder {
  public:
    explicit Finder(Layout& layout) : layout_(layout), known_(layout.procedures.size()) {}

    void run() {
        for (std::size_t p = 0; p < layout_.procedures.size(); ++p) procedure(p);
        if (work_ > kMaxWork) return;
        for (const Found& found : found_) {
            const auto site = site_of(found.reads);
            if (!site) continue;
            layout_.procedures[found.procedure].blocks[found.block].site =
                static_cast<std::int32_t>(layout_.sites.size());
            layout_.sites.push_back(*site);
        }
    }

  private:
    struct Found {
        std::size_t procedure, block;
        Reads reads;
    };

    // Of all of a procedure: registers are its inputs, parameters are those it is given.
    const Reads& procedure(std::size_t number) {
        if (!known_[number]) {
            Reads reads = block(number, 0);
            known_[number] = std::move(reads);
        }
        return *known_[number];
    }

    Reads block(std::size_t number, std::size_t index) {
        const Procedure& code = layout_.procedures[number];
        const Block& body = code.blocks[index];
        Reads reads;
        reads.registers.insert(body.result);
        for (std::int32_t i = 0; i < body.body.count; ++i) {
            instruction(number, code.instrs[at(body.body.first + i)], reads);
            reads.limit();
        }
        for (std::int32_t i = 0; i < body.body.count; ++i) {
            const Instr& instr = code.instrs[at(body.body.first + i)];
            const std::int32_t each = instr.kind == InstrKind::kEach ? instr.max : 0;
            reads.registers.erase(reads.registers.lower_bound(instr.dst),
                                  reads.registers.upper_bound(std::int64_t{instr.dst} + each));
        }
        // A block that only leads to others reads what none of them needs.
        const bool leads = body.body.count == 1 && leads_on(code.instrs[at(body.body.first)].kind);
        if ((number != 0 || index != 0) && !leads) found_.push_back({number, index, reads});
        return reads;
    }

    void instruction(std::size_t number, const Instr& instr, Reads& reads) {
        const Procedure& code = layout_.procedures[number];
        if (++work_ > kMaxWork) reads.closed = false;
        for (const std::int32_t input : code.list(instr.inputs)) reads.registers.insert(input);
        for (const std::int32_t arg : code.list(instr.args)) expression(code, arg, reads);
        switch (instr.kind) {
            case InstrKind::kOp:
                ++reads.operations;
                break;
            case InstrKind::kSwitch:
                for (const std::int32_t inner : code.list(instr.blocks)) add(block(number, at(inner)), reads);
                break;
            case InstrKind::kCall:
                called(procedure(at(instr.target)), instr, instr.offset, false, reads);
                break;
            case InstrKind::kSlots:
            case InstrKind::kEach:
                if (instr.length >= 0) reads.genes.emplace(instr.up, instr.length);
                for (std::int32_t slot = 0; slot < instr.max && reads.closed; ++slot) {
                    called(procedure(at(instr.target)), instr, instr.offset + slot * instr.width, true,
                           reads);
                    reads.limit();
                }
                break;
            case InstrKind::kRef:
                reads.genes.emplace(instr.up, instr.offset);
                reads.references.insert(instr.up);
                break;
            case InstrKind::kGather:
                ++reads.operations;
                reads.genes.emplace(instr.up, instr.offset);
                if (instr.length >= 0) reads.genes.emplace(instr.up, instr.length);
                if (instr.max == 0) reads.references.insert(instr.up);
                break;
        }
    }

    // A block of the same procedure.
    void add(const Reads& inner, Reads& reads) {
        work_ += static_cast<std::int64_t>(inner.genes.size() + inner.registers.size());
        reads.genes.insert(inner.genes.begin(), inner.genes.end());
        reads.slots.insert(inner.slots.begin(), inner.slots.end());
        reads.references.insert(inner.references.begin(), inner.references.end());
        reads.registers.insert(inner.registers.begin(), inner.registers.end());
        reads.params.insert(inner.params.begin(), inner.params.end());
        reads.operations += inner.operations;
        reads.closed = reads.closed && inner.closed;
    }

    // A procedure whose frame lies at a column of the frame `instr.up`.
    void called(const Reads& inner, const Instr& instr, std::int64_t offset, bool slot, Reads& reads) {
        work_ += static_cast<std::int64_t>(inner.genes.size() + inner.slots.size()) + 1;
        for (const auto& [up, column] : inner.genes) {
            if (up == 0) {
                reads.genes.emplace(instr.up, offset + column);
            } else {
                reads.genes.emplace(instr.up + up - 1, column);
            }
        }
        for (const std::int64_t up : inner.slots) {
            if (!slot || up > 0) reads.slots.insert(instr.up + std::max<std::int64_t>(up - 1, 0));
        }
        for (const std::int64_t up : inner.references) {
            if (!slot || up > 0) reads.references.insert(instr.up + std::max<std::int64_t>(up - 1, 0));
        }
        reads.operations += inner.operations;
        reads.closed = reads.closed && inner.closed;
    }

    void expression(const Procedure& code, std::int64_t number, Reads& reads) {
        const Expr& expr = code.exprs[at(number)];
        if (++work_ > kMaxWork) {
            reads.closed = false;
            return;
        }
        switch (expr.op) {
            case ExprOp::kConst:
                return;
            case ExprOp::kGene:
                reads.genes.emplace(expr.a, expr.b);
                return;
            case ExprOp::kParam:
                reads.params.insert(expr.a);
                return;
            case ExprOp::kSame:
                reads.registers.insert(expr.b);
                [[fallthrough]];
            case ExprOp::kDim:
            case ExprOp::kExists:
                reads.registers.insert(expr.a);
                return;
            case ExprOp::kIndex:
            case ExprOp::kCount:
                reads.slots.insert(expr.a);
                return;
            default:
                break;
        }
        expression(code, expr.a, reads);
        if (expr.op == ExprOp::kNot) return;
        expression(code, expr.b, reads);
        if (expr.op == ExprOp::kWhere) expression(code, expr.c, reads);
    }

    static std::optional<Site> site_of(const Reads& reads) {
        if (!reads.closed || !reads.references.empty() || reads.registers.size() != 1 ||
            reads.operations < kWorthwhile)
            return {};
        Site site;
        site.input = static_cast<std::int32_t>(*reads.registers.begin());
        for (const auto& [up, column] : reads.genes) {
            const bool near =
                !site.genes.empty() && site.genes.back().up == up && column - site.genes.back().offset < 4;
            if (!near)
                site.genes.push_back({static_cast<std::int32_t>(up), static_cast<std::int32_t>(column), 0});
            site.genes.back().mask |= std::uint64_t{0xFFFF} << 16 * (column - site.genes.back().offset);
        }
        for (const std::int64_t param : reads.params) site.params.push_back(static_cast<std::int32_t>(param));
        for (const std::int64_t up : reads.slots) site.slots.push_back(static_cast<std::int32_t>(up));
        if (site.words() > kMaxSiteWords) return {};
        return site;
    }

    Layout& layout_;
    std::vector<std::optional<Reads>> known_;
    std::vector<Found> found_;
    std::int64_t work_ = 0;
};

}  // namespace

void find_sites(Layout& layout) {
    if (!layout.plain()) Finder(layout).run();
}

}  // namespace cambrian
