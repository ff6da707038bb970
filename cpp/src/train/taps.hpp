// Which taps of a kernel read the image and not its border, along one axis. Small images with large kernels
// have more border than image.
#pragma once

#include <algorithm>
#include <numeric>

namespace cambrian::train {

struct Range {
    int begin, end;

    bool operator==(const Range&) const = default;
};

// Calls visit(places, range) for each longest run of places in [0, count) that have the same range_of(place).
template <typename RangeOf, typename Visit>
void bands(int count, const RangeOf& range_of, const Visit& visit) {
    for (int begin = 0; begin < count;) {
        const Range range = range_of(begin);
        int end = begin + 1;
        while (end < count && range_of(end) == range) ++end;
        visit(Range{begin, end}, range);
        begin = end;
    }
}

// From places of y to those of x: tap t of place i reads i · stride + (t - kernel / 2) · dilation.
struct Axis {
    int side, out, kernel, stride, dilation;

    int read(int place, int tap) const { return place * stride + (tap - kernel / 2) * dilation; }
    Range all_taps() const { return {0, kernel}; }
    Range taps(int place) const {
        Range range = all_taps();
        while (read(place, range.begin) < 0) ++range.begin;
        while (read(place, range.end - 1) >= side) --range.end;
        return range;
    }
    // The places of y whose tap reads the image; may be none.
    Range places(int tap) const {
        Range range{0, out};
        while (range.begin < range.end && read(range.begin, tap) < 0) ++range.begin;
        while (range.begin < range.end && read(range.end - 1, tap) >= side) --range.end;
        return range;
    }
};

// The places in x that have the same remainder by the stride. Place remainder + stride · i of x takes part in
// place i + shift(t) of y by tap first - t · tap_pace, for t below count.
struct Phase {
    int remainder, side, out, stride, count, first, tap_pace, pace, shift_first;

    Phase(const Axis& axis, int remainder_)
        : remainder(remainder_),
          side(axis.side),
          out(axis.out),
          stride(axis.stride),
          count(0),
          first(0),
          tap_pace(axis.stride / std::gcd(axis.stride, axis.dilation)),
          pace(axis.dilation / std::gcd(axis.stride, axis.dilation)),
          shift_first(0) {
        for (int tap = axis.kernel - 1; tap >= 0; --tap) {
            const int ahead = remainder + (axis.kernel / 2 - tap) * axis.dilation;
            if (ahead % stride != 0) continue;
            if (count++ == 0) first = tap, shift_first = ahead / stride;
        }
    }
    int places() const { return (side - remainder + stride - 1) / stride; }
    int place(int i) const { return remainder + stride * i; }
    int tap(int t) const { return first - t * tap_pace; }
    int shift(int t) const { return shift_first + t * pace; }
    Range all_taps() const { return {0, count}; }
    // Those by which place i takes part in a place of y that there is; may be none.
    Range taps(int i) const {
        Range range = all_taps();
        while (range.begin < range.end && i + shift(range.begin) < 0) ++range.begin;
        while (range.begin < range.end && i + shift(range.end - 1) >= out) --range.end;
        return range.begin < range.end ? range : Range{0, 0};
    }
};

}  // namespace cambrian::train
