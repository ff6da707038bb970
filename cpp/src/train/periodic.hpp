// Numbers of channels repeated, so that loops over few channels run over whole vectors.
#pragma once

#include <algorithm>
#include <cstddef>
#include <numeric>

namespace cambrian::train {

// `period` values are a whole number of times the channels, and of vectors too if the channels are few.
struct Periodic {
    static constexpr std::size_t kFew = 64, kLanes = 16;

    std::size_t width, period;
    float values[(kFew - 1) * kLanes];

    // For arrays of n values.
    Periodic(std::size_t channels, std::size_t n) : width(channels), period(channels) {
        if (channels < kFew) period = std::min(std::lcm(channels, kLanes), n);
    }
    // `of` itself if the channels are many.
    const float* repeat(const float* of) {
        if (period == width) return of;
        std::copy_n(of, width, values);
        for (std::size_t done = width; done < period; done *= 2) {
            std::copy_n(values, std::min(done, period - done), values + done);
        }
        return values;
    }
    std::size_t part(std::size_t left) const { return std::min(left, period); }
};

}  // namespace cambrian::train
