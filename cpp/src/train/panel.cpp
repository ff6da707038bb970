#include "panel.hpp"

#include "lanes.hpp"

namespace cambrian::train {

#ifdef CAMBRIAN_X86
#define CAMBRIAN_LEVEL CAMBRIAN_FMA512
namespace lanes512 {
#include "panel_tile.hpp"
}
namespace lanes256 {
#include "panel_tile.hpp"
}
#undef CAMBRIAN_LEVEL
#define CAMBRIAN_LEVEL CAMBRIAN_FMA
namespace lanes2 {
#include "panel_tile.hpp"
}
#undef CAMBRIAN_LEVEL
#endif
#define CAMBRIAN_LEVEL
namespace lanes1 {
#include "panel_tile.hpp"
}
#undef CAMBRIAN_LEVEL

// A multiplication for each lane and cycle wants sums of 8 to 16 vectors: the latency of an addition times
// how many may begin in a cycle. The registers must hold them.
const PanelKernel& panel_kernel(int columns) {
#ifdef CAMBRIAN_X86
    static constexpr PanelKernel k512[] = {
        {8, lanes256::run<8, 1>}, {16, lanes512::run<8, 1>}, {32, lanes512::run<8, 2>}};
    static constexpr PanelKernel k2[] = {{8, lanes2::run<8, 1>}, {16, lanes2::run<6, 2>}};
    if (level() == Simd::kAvx512) {
        return k512[columns <= 8 ? 0 : columns <= 24 ? 1 : 2];
    }
    if (level() == Simd::kAvx2) return k2[columns > 8];
#endif
    static constexpr PanelKernel k1[] = {{4, lanes1::run<4, 1>}, {8, lanes1::run<4, 2>}};
    return k1[columns > 4];
}

// For few rows, which are taps of a kernel, tiles of five: nine are two tiles, 25 and 49 hardly more than
// they need.
const PanelKernel& diagonal_kernel(int rows, int columns) {
    const bool many = rows >= 64;
#ifdef CAMBRIAN_X86
    static constexpr PanelKernel k512[][2] = {
        {{8, lanes256::run<5, 1, true>}, {8, lanes256::run<8, 1, true>}},
        {{16, lanes512::run<5, 1, true>}, {16, lanes512::run<8, 1, true>}},
        {{32, lanes512::run<5, 2, true>}, {32, lanes512::run<8, 2, true>}}};
    static constexpr PanelKernel k2[][2] = {{{8, lanes2::run<5, 1, true>}, {8, lanes2::run<8, 1, true>}},
                                            {{16, lanes2::run<5, 2, true>}, {16, lanes2::run<5, 2, true>}}};
    if (level() == Simd::kAvx512) return k512[columns <= 8 ? 0 : columns <= 24 ? 1 : 2][many];
    if (level() == Simd::kAvx2) return k2[columns > 8][many];
#endif
    static constexpr PanelKernel k1[][2] = {{{4, lanes1::run<5, 1, true>}, {4, lanes1::run<5, 1, true>}},
                                            {{8, lanes1::run<5, 2, true>}, {8, lanes1::run<5, 2, true>}}};
    return k1[columns > 4][many];
}

}  // namespace cambrian::train
