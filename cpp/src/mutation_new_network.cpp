// Another network, with equal chances for each that is in reach.
#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <stdexcept>
#include <variant>
#include <vector>

#include "cambrian/activity.hpp"
#include "cambrian/canonical.hpp"
#include "cambrian/interpret.hpp"
#include "cambrian/mutation.hpp"
#include "mask_flips.hpp"

namespace cambrian {
namespace {

constexpr std::size_t kMostListed = 4096;
constexpr std::uint32_t kTry = 0x40000;  // added to the purpose for each try: beyond kAgain and kChoose

// Which of the genes an operator changes, if it changes one and any other option will do.
using Allowed = bool (*)(const Layout&, std::size_t);

bool any_gene(const Layout&, std::size_t) {
    return true;
}
bool operation(const Layout& layout, std::size_t column) {
    return column < layout.operations.size() && layout.operations[column] != 0;
}
bool reference(const Layout& layout, std::size_t column) {
    const GeneKind kind = layout.columns[column].kind;
    return kind == GeneKind::kReference || kind == GeneKind::kMask;
}

Allowed single_gene(const Mutation& mutation) {
    const auto* one = std::get_if<OneMutation>(&mutation);
    if (one == nullptr) return nullptr;
    if (std::holds_alternative<PointMutation>(*one)) return any_gene;
    const auto* exact = std::get_if<ExactMutation>(one);
    if (exact != nullptr && exact->count == 1) return any_gene;
    if (std::holds_alternative<OperationMutation>(*one)) return operation;
    if (const auto* structural = std::get_if<StructuralMutation>(one)) {
        auto others = structural->weights;
        others[StructuralMutation::kRewire] = 0.0;
        const bool alone = std::all_of(others.begin(), others.end(), [](double w) { return w == 0.0; });
        if (alone && structural->weights[StructuralMutation::kRewire] > 0.0) return reference;
    }
    return nullptr;
}

// Names of networks: none for a genome that is no network.
class Names {
  public:
    explicit Names(const Layout& layout) : layout_(layout), interpreter_(layout) {}

    template <class T>
    std::optional<Digest::Value> of(const T* genome) {
        interpreter_.read(genome);
        if (layout_.plain()) return plain_digest(interpreter_.normal(), interpreter_.active());
        try {
            const Graph& graph = interpreter_.expand();
            canonical_.order(graph);
            return canonical_.digest(graph);
        } catch (const std::invalid_argument&) {
            return std::nullopt;
        }
    }

  private:
    const Layout& layout_;
    Interpreter interpreter_;
    Canonical canonical_;
};

bool same(const Digest::Value& first, const Digest::Value& second) {
    return first.low == second.low && first.high == second.high;
}

// Mutants of one genome, by the networks that they are, in the order in which those were found first.
template <class T>
class Reach {
  public:
    explicit Reach(const Layout& layout) : names_(layout), width_(layout.width()) {}

    void start(const T* parent) {
        parent_ = names_.of(parent);
        genomes_.clear();
        networks_.clear();
        members_.clear();
    }

    void add(const T* genome) {
        const auto name = names_.of(genome);
        if (!name || (parent_ && same(*name, *parent_))) return;
        members_.push_back(find(*name));
        ++networks_[members_.back()].members;
        genomes_.insert(genomes_.end(), genome, genome + width_);
    }

    // A uniform network, and any genome of it; none if no other network was found.
    template <class Words>
    const T* pick(Words& words) const {
        if (networks_.empty()) return nullptr;
        const std::uint32_t network = words.below(static_cast<std::uint32_t>(networks_.size()));
        std::uint32_t member = words.below(networks_[network].members);
        std::size_t i = 0;
        while (members_[i] != network || member-- > 0) ++i;
        return genomes_.data() + i * width_;
    }

  private:
    struct Network {
        Digest::Value name;
        std::uint32_t members;
    };
    static constexpr std::uint32_t kFree = 0xFFFFFFFF;

    std::uint32_t find(const Digest::Value& name) {
        if (networks_.empty() || 2 * networks_.size() >= table_.size()) grow();
        std::size_t place = name.low & (table_.size() - 1);
        while (table_[place] != kFree && !same(networks_[table_[place]].name, name))
            place = (place + 1) & (table_.size() - 1);
        if (table_[place] == kFree) {
            table_[place] = static_cast<std::uint32_t>(networks_.size());
            networks_.push_back({name, 0});
        }
        return table_[place];
    }
    void grow() {
        table_.assign(networks_.empty() ? 64 : 2 * table_.size(), kFree);
        for (std::uint32_t n = 0; n < networks_.size(); ++n) {
            std::size_t place = networks_[n].name.low & (table_.size() - 1);
            while (table_[place] != kFree) place = (place + 1) & (table_.size() - 1);
            table_[place] = n;
        }
    }

    Names names_;
    std::size_t width_;
    std::optional<Digest::Value> parent_;
    std::vector<T> genomes_;
    std::vector<std::uint32_t> members_;  // of each genome: its network
    std::vector<Network> networks_;
    std::vector<std::uint32_t> table_;  // by name: numbers of networks
};

// Memory for one genome at a time.
template <class T>
struct Room {
    std::unique_ptr<Reach<T>> reach;
    std::vector<T> trial;
    std::vector<T> normal;
    std::vector<std::uint8_t> active;
    std::vector<std::uint32_t> columns;
};

template <class T>
class NewNetworkMutator final : public Mutator<T> {
  public:
    NewNetworkMutator(const Layout& layout, const NewNetworkMutation& mutation)
        : layout_(layout),
          rate_(mutation.rate),
          tries_(mutation.tries),
          inner_(mutator_of<T>(layout, mutation.inner->mutation)) {
        const Allowed allowed = single_gene(mutation.inner->mutation);
        listed_ = allowed != nullptr;
        if (allowed == reference) flips_.resize(layout.width());
        for (const Mask& mask : layout.masks) {
            if (allowed == reference) flips_[static_cast<std::size_t>(mask.column)].emplace(layout, mask);
        }
        for (std::size_t c = 0; listed_ && c < layout.width(); ++c) {
            // What no template reads changes no network.
            const bool read =
                layout.plain() || layout.recipe[c] == 0 || layout.columns[c].kind == GeneKind::kMask;
            if (read && layout.columns[c].options > 1 && allowed(layout, c))
                columns_.push_back(static_cast<std::uint32_t>(c));
        }
    }

    void mutate(const Brood& brood, T* children, Scratch<T>& scratch) const override {
        auto& room = scratch.template kept<Room<T>>(this, [&] {
            const std::size_t width = layout_.width();
            return Room<T>{std::make_unique<Reach<T>>(layout_),
                           std::vector<T>(width),
                           std::vector<T>(width),
                           std::vector<std::uint8_t>(width),
                           {}};
        });
        const Streams streams = brood.streams();
        for (const std::uint16_t row : brood.rows) {
            Stream words = streams[row];
            if (!rate_.holds(words.word())) continue;
            T* child = children + row * layout_.width();
            room.reach->start(child);
            if (!listed_ || !list(child, room)) draw(brood, row, child, room, scratch);
            const T* chosen = room.reach->pick(words);
            if (chosen != nullptr) std::copy_n(chosen, layout_.width(), child);
        }
    }

  private:
    // All mutants, unless they are too many.
    bool list(const T* child, Room<T>& room) const {
        normalise(layout_, child, room.normal.data(), room.active.data());
        std::size_t count = 0;
        room.columns.clear();
        for (const std::uint32_t column : columns_) {
            if (room.active[column] == 0) continue;
            count += static_cast<std::size_t>(layout_.columns[column].options - 1);
            room.columns.push_back(column);
        }
        if (count > kMostListed) return false;
        std::copy_n(child, layout_.width(), room.trial.data());
        for (const std::uint32_t column : room.columns) {
            T& gene = room.trial[column];
            if (!flips_.empty() && flips_[column]) {
                flips_[column]->each(child[column], place_of(column, child), [&](std::uint32_t value) {
                    gene = static_cast<T>(value);
                    room.reach->add(room.trial.data());
                });
                gene = child[column];
                continue;
            }
            for (std::int32_t value = 0; value < layout_.columns[column].options; ++value) {
                gene = static_cast<T>(value);
                if (gene != child[column]) room.reach->add(room.trial.data());
            }
            gene = child[column];
        }
        return true;
    }

    // What comes before there is what a mask names.
    std::int32_t place_of(std::uint32_t column, const T* child) const {
        const Mask& mask = *std::find_if(layout_.masks.begin(), layout_.masks.end(), [=](const Mask& one) {
            return one.column == static_cast<std::int32_t>(column);
        });
        if (layout_.columns[column].repeat == mask.repeat) return layout_.columns[column].slot;
        return slots_of(layout_.repeats[static_cast<std::size_t>(mask.repeat)], child);
    }

    // Each try has streams of its own, those of this child alone.
    void draw(const Brood& brood, std::uint16_t row, const T* child, Room<T>& room,
              Scratch<T>& scratch) const {
        static constexpr std::array<std::uint16_t, 1> kFirst = {0};
        Brood one{brood.source, 0, brood.first + row, 1, kFirst, nullptr};
        for (std::uint32_t t = 1; t <= tries_; ++t) {
            one.purpose = brood.purpose + t * kTry;
            std::copy_n(child, layout_.width(), room.trial.data());
            inner_->mutate(one, room.trial.data(), scratch);
            if (!std::equal(room.trial.begin(), room.trial.end(), child)) room.reach->add(room.trial.data());
        }
    }

    const Layout& layout_;
    Chance rate_;
    std::uint32_t tries_;
    std::unique_ptr<Mutator<T>> inner_;
    bool listed_;
    std::vector<std::uint32_t> columns_;           // that may be changed, if mutants are listed
    std::vector<std::optional<MaskFlips>> flips_;  // of each column, if edges are what changes
};

}  // namespace

template <class T>
std::unique_ptr<Mutator<T>> make_new_network_mutator(const Layout& layout,
                                                     const NewNetworkMutation& mutation) {
    return std::make_unique<NewNetworkMutator<T>>(layout, mutation);
}

template std::unique_ptr<Mutator<std::uint8_t>> make_new_network_mutator(const Layout&,
                                                                         const NewNetworkMutation&);
template std::unique_ptr<Mutator<std::uint16_t>> make_new_network_mutator(const Layout&,
                                                                          const NewNetworkMutation&);

}  // namespace cambrian
