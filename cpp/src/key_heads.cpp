#include "key_heads.hpp"

#include <bit>
#include <limits>

#include "vector.hpp"

namespace cambrian {
namespace {

// The bits below the heads, of all keys together.
CAMBRIAN_INLINE std::uint32_t head_all(const double* key, std::size_t count, std::uint32_t* heads) {
    std::uint64_t rest = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const double value = key[i] == key[i] ? key[i] + 0.0 : std::numeric_limits<double>::infinity();
        const auto bits = std::bit_cast<std::uint64_t>(value);
        // Below zero the order of the bits runs backwards.
        const std::uint64_t flip = (std::uint64_t{0} - (bits >> 63)) | (std::uint64_t{1} << 63);
        heads[i] = static_cast<std::uint32_t>((bits ^ flip) >> 32);
        rest |= bits;
    }
    return static_cast<std::uint32_t>(rest);
}
CAMBRIAN_VERSIONS(std::uint32_t, head_all, (const double* key, std::size_t count, std::uint32_t* heads),
                  (key, count, heads))

}  // namespace

KeyHeads::KeyHeads(const double* key, std::size_t count) : heads(count) {
    static const auto here = choose_head_all();
    exact = here(key, count, heads.data()) == 0;
}

}  // namespace cambrian
