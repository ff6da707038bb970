// Which values dropout keeps: a function of a key and the place, the same on every device and in every mode.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cambrian::train {

inline constexpr std::uint32_t kMillion = 1'000'000;

// A step of splitmix64 (Steele, Lea, Flood 2014).
constexpr std::uint64_t split_mix(std::uint64_t z) {
    z += 0x9E37'79B9'7F4A'7C15;
    z = (z ^ (z >> 30)) * 0xBF58'476D'1CE4'E5B9;
    z = (z ^ (z >> 27)) * 0x94D0'49BB'1331'11EB;
    return z ^ (z >> 31);
}

// Of one dropout at one step: `node` is its number in the graph, `step` counts from 0.
constexpr std::uint64_t draw_key(std::uint64_t noise, std::uint64_t node, std::uint64_t step) {
    return split_mix(split_mix(split_mix(noise) ^ node) ^ step);
}

// 32 bits for each place; 32-bit arithmetic only, so that it vectorises and torch's integers can do it too.
constexpr std::uint32_t draw_word(std::uint64_t key, std::uint32_t place) {
    constexpr auto round = [](std::uint32_t x) {  // a hash without bias, found by Wellons
        x ^= x >> 16;
        x *= 0x7FEB'352D;
        x ^= x >> 15;
        x *= 0x846C'A68B;
        return x ^ (x >> 16);
    };
    const auto low = static_cast<std::uint32_t>(key), high = static_cast<std::uint32_t>(key >> 32);
    return round(round(place * 0x9E37'79B1 + low) + high);
}

// Places whose word is below this are dropped; p in millionths, below a million.
constexpr std::uint32_t drop_below(std::uint32_t p_millionths) {
    return static_cast<std::uint32_t>((std::uint64_t{p_millionths} << 32) / kMillion);
}

constexpr bool kept(std::uint64_t key, std::uint32_t place, std::uint32_t threshold) {
    return draw_word(key, place) >= threshold;
}

// What kept values are multiplied by, so that the mean stays.
constexpr float keep_scale(std::uint32_t p_millionths) {
    return static_cast<float>(1.0 / (1.0 - static_cast<double>(p_millionths) / kMillion));
}

// keep[i] for places 0 … n - 1; n up to 2^32, as places are 32 bits.
void keep(std::uint64_t key, std::size_t n, std::uint32_t p_millionths, bool* keep);

// Dropout of one sample x (rows, channels), whose places are counted channels first, from `first` on: what is
// kept is multiplied by keep_scale. y may be x; `add` says that the result is added to it.
void drop(std::uint64_t key, std::uint32_t p_millionths, std::uint32_t first, std::size_t rows,
          std::size_t channels, const float* x, float* y, bool add);

}  // namespace cambrian::train
