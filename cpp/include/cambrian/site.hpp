// Where the interpreter may remember what a piece of a template expands to.
#pragma once

#include <cstdint>
#include <vector>

namespace cambrian {

struct Layout;

// A block whose expansion is a function of one value, some genes and some numbers: everything it reads, in
// the procedures it calls too.
struct Site {
    // Up to four neighbouring genes of a frame; 16 bits of the mask are set for each that is read.
    struct Genes {
        std::int32_t up;      // frames
        std::int32_t offset;  // column of the first, from that frame's base
        std::uint64_t mask;
    };
    std::int32_t input;  // register
    std::vector<Genes> genes;
    std::vector<std::int32_t> params;  // of the frame
    std::vector<std::int32_t> slots;   // frames up to a slot whose position, or number, is read

    std::size_t words() const { return genes.size() + params.size() + slots.size(); }
};

inline constexpr std::size_t kMaxSiteWords = 9;

// Finds the sites of a valid layout and numbers them in its blocks.
void find_sites(Layout& layout);

}  // namespace cambrian
