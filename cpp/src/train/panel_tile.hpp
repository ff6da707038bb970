// A tile of kRows rows by kVectors vectors of columns, kept in registers. Included by panel.cpp once for each
// instruction set, inside a namespace with the names of lanes.hpp; CAMBRIAN_LEVEL is its attribute.

template <int kVectors>
CAMBRIAN_LEVEL CAMBRIAN_INLINE void load_row(const float* x, Mask mask, Vec* row) {
    for (int v = 0; v < kVectors - 1; ++v) row[v] = load(x + v * kLanes);
    row[kVectors - 1] = load_some(mask, x + (kVectors - 1) * kLanes);
}

// What c holds, or the bias, or zeros. Rows beyond the last are computed as the last.
template <int kRows, int kVectors>
CAMBRIAN_LEVEL CAMBRIAN_INLINE void begin(const Panel& p, int first, Mask mask,
                                          Vec (&sums)[kRows][kVectors]) {
    if (p.accumulate) {
        for (int i = 0; i < kRows; ++i) {
            load_row<kVectors>(p.c + p.to_row(first + i < p.rows ? first + i : p.rows - 1), mask, sums[i]);
        }
        return;
    }
    Vec start[kVectors];
    for (int v = 0; v < kVectors; ++v) start[v] = splat(0.0f);
    if (p.bias != nullptr) load_row<kVectors>(p.bias, mask, start);
    for (int i = 0; i < kRows; ++i) {
        for (int v = 0; v < kVectors; ++v) sums[i][v] = start[v];
    }
}

template <int kRows, int kVectors, bool kDiagonal = false>
CAMBRIAN_LEVEL void run(const Panel& p) {
    const Mask mask = some(p.columns - (kVectors - 1) * kLanes);
    for (int first = 0; first < p.rows; first += kRows) {
        const float* a[kRows];
        for (int i = 0; i < kRows; ++i) {
            a[i] = p.a + p.from_row(first + i < p.rows ? first + i : p.rows - 1);
        }
        Vec sums[kRows][kVectors];
        begin<kRows, kVectors>(p, first, mask, sums);
        for (int s = 0; s < p.segment_count; ++s) {
            std::ptrdiff_t at = p.segments[s];
            const float* b = p.b + p.starts[s];
            for (std::ptrdiff_t l = 0; l < p.length; ++l, at += p.step, b += p.ldb) {
                Vec right[kVectors], left[kVectors];
                load_row<kVectors>(b, mask, right);
                for (int i = 0; i < kRows; ++i) {
                    if constexpr (kDiagonal) {
                        load_row<kVectors>(a[i] + at, mask, left);
                    } else {
                        for (int v = 0; v < kVectors; ++v) left[v] = splat(a[i][at]);
                    }
                    for (int v = 0; v < kVectors; ++v) sums[i][v] = fma(left[v], right[v], sums[i][v]);
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
