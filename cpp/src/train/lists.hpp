// Products of the convolutions: of rows and segments that are listed a few hundred at a time.
#pragma once

#include "frame.hpp"
#include "product.hpp"

namespace cambrian::train {

struct Sizes {
    Offset taps, in, out, each_in, each_out;

    explicit Sizes(const Conv& c)
        : taps(Offset{c.kernel_h} * c.kernel_w),
          in(c.in),
          out(c.out),
          each_in(c.in / c.groups),
          each_out(c.out / c.groups) {}
};

inline bool depthwise(const Conv& c) {
    return c.groups > 1 && c.in == c.groups && c.out == c.groups;
}

// Pairs of offsets; `flush` is called whenever the list is full, and at the end.
struct List {
    static constexpr int kMost = 256;
    Offset first[kMost], second[kMost];
    int count = 0;

    template <typename Flush>
    void add(Offset a, Offset b, const Flush& flush) {
        first[count] = a, second[count] = b;
        if (++count == kMost) finish(flush);
    }
    template <typename Flush>
    void finish(const Flush& flush) {
        if (count > 0) flush();
        count = 0;
    }
};

// A product for each group: a, b and c begin further on by as much as these from group to group. The groups
// of a depthwise convolution are the columns of one diagonal product.
struct Groups {
    int count;
    Offset a, b, c;
    bool diagonal;

    Groups(const Conv& conv, Offset a_each, Offset b_each, Offset c_each)
        : count(conv.groups), a(a_each), b(b_each), c(c_each), diagonal(depthwise(conv)) {}

    void multiply_each(Product p) const {
        if (diagonal) {
            p.columns = count;
            return multiply_diagonal(p);
        }
        for (int group = 0; group < count; ++group) {
            multiply(p);
            p.a += a, p.b += b, p.c += c;
            if (p.bias != nullptr) p.bias += c;
        }
    }
};

// The product of all rows that each_row(add(from, to)) lists, over all segments that
// each_segment(add(segment, start)) lists.
template <typename EachRow, typename EachSegment>
void multiply_lists(const Product& product, const Groups& groups, const EachRow& each_row,
                    const EachSegment& each_segment) {
    List rows, segments;
    const auto flush_rows = [&] {
        Product p = product;
        p.from = rows.first, p.to = rows.second, p.rows = rows.count;
        p.segments = segments.first, p.starts = segments.second;
        const auto flush_segments = [&] {
            p.segment_count = segments.count;
            groups.multiply_each(p);
            p.accumulate = true;
        };
        each_segment([&](Offset segment, Offset start) { segments.add(segment, start, flush_segments); });
        segments.finish(flush_segments);
        if (p.accumulate) return;
        p.length = 0;  // there were none: zeros, or the bias
        flush_segments();
    };
    each_row([&](Offset from, Offset to) { rows.add(from, to, flush_rows); });
    rows.finish(flush_rows);
}

}  // namespace cambrian::train
