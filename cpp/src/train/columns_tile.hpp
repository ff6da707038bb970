// Sums over rows of a few columns, kept in registers. Included by columns.cpp once for each instruction set,
// inside a namespace with the names of lanes.hpp; CAMBRIAN_LEVEL is its attribute.

constexpr int kVectors = 4;

// first and second (at least kVectors · kLanes) are overwritten; width is at most that.
template <bool kCross>
CAMBRIAN_LEVEL void strip(std::size_t rows, std::size_t stride, int width, const float* x, const float* dy,
                          const float* centre, float* first, float* second) {
    const Vec minus = splat(-1.0f), one = splat(1.0f);
    Vec sums[kVectors], products[kVectors], centres[kVectors];
    Mask mask[kVectors];
    for (int v = 0; v < kVectors; ++v) {
        const int left = width - v * kLanes;
        mask[v] = some(left < 0 ? 0 : left > kLanes ? kLanes : left);
        sums[v] = products[v] = splat(0.0f);
        centres[v] = load_some(mask[v], centre + v * kLanes);
    }
    for (std::size_t row = 0; row < rows; ++row, x += stride, dy += stride) {
        for (int v = 0; v < kVectors; ++v) {
            const Vec apart = fma(minus, centres[v], load_some(mask[v], x + v * kLanes));
            const Vec other = kCross ? load_some(mask[v], dy + v * kLanes) : apart;
            sums[v] = fma(one, other, sums[v]);
            products[v] = fma(apart, other, products[v]);
        }
    }
    for (int v = 0; v < kVectors; ++v) {
        store(first + v * kLanes, sums[v]);
        store(second + v * kLanes, products[v]);
    }
}
