// A tile of kRows rows by kVectors vectors of columns, kept in registers. Included by panel.cpp once for each
// instruction set, inside a namespace with the names of lanes.hpp; CAMBRIAN_LEVEL is its attribute.

template <int kRows, int kVectors, bool kDiagonal = false>
CAMBRIAN_LEVEL void run(const Panel& p) {
    const Mask mask = some(p.columns - (kVectors - 1) * kLanes);
    for (int first = 0; first < p.rows; first += kRows) {
        const float* a[kRows];
        Vec sums[kRows][kVectors];
        for (int i = 0; i < kRows; ++i) {  // rows beyond the last are computed as the last
            a[i] = p.a + p.from_row(first + i < p.rows ? first + i : p.rows - 1);
        }
        if (p.accumulate) {
            for (int i = 0; i < kRows; ++i) {
                const float* c = p.c + p.to_row(first + i < p.rows ? first + i : p.rows - 1);
                for (int v = 0; v < kVectors - 1; ++v) sums[i][v] = load(c + v * kLanes);
                sums[i][kVectors - 1] = load_some(mask, c + (kVectors - 1) * kLanes);
            }
        } else {
            for (int v = 0; v < kVectors; ++v) {
                Vec start = splat(0.0f);
                if (p.bias != nullptr) {
                    const float* bias = p.bias + v * kLanes;
                    start = v < kVectors - 1 ? load(bias) : load_some(mask, bias);
                }
                for (int i = 0; i < kRows; ++i) sums[i][v] = start;
            }
        }
        for (int s = 0; s < p.segment_count; ++s) {
            std::ptrdiff_t at = p.segments[s];
            const float* b = p.b + p.starts[s];
            for (std::ptrdiff_t l = 0; l < p.length; ++l, at += p.step, b += p.ldb) {
                Vec right[kVectors];
                for (int v = 0; v < kVectors - 1; ++v) right[v] = load(b + v * kLanes);
                right[kVectors - 1] = load_some(mask, b + (kVectors - 1) * kLanes);
                for (int i = 0; i < kRows; ++i) {
                    if constexpr (kDiagonal) {
                        for (int v = 0; v < kVectors; ++v) {
                            const float* x = a[i] + at + v * kLanes;
                            const Vec left = v < kVectors - 1 ? load(x) : load_some(mask, x);
                            sums[i][v] = fma(left, right[v], sums[i][v]);
                        }
                    } else {
                        const Vec left = splat(a[i][at]);
                        for (int v = 0; v < kVectors; ++v) sums[i][v] = fma(left, right[v], sums[i][v]);
                    }
                }
            }
        }
        for (int i = 0; i < kRows && first + i < p.rows; ++i) {
            float* c = p.c + p.to_row(first + i);
            for (int v = 0; v < kVectors - 1; ++v) store(c + v * kLanes, sums[i][v]);
            store_some(mask, c + (kVectors - 1) * kLanes, sums[i][kVectors - 1]);
        }
    }
}
