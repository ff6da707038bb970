// Hashing of 64-bit words with the same result on every machine.
#pragma once

#include <cstdint>

namespace cambrian {

struct Product {
    std::uint64_t low, high;
};

// All 128 bits.
inline Product multiply(std::uint64_t a, std::uint64_t b) {
#if defined(__SIZEOF_INT128__)
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(a) * b;
    return {static_cast<std::uint64_t>(product), static_cast<std::uint64_t>(product >> 64)};
#else
    const std::uint64_t a0 = a & 0xFFFF'FFFF, a1 = a >> 32, b0 = b & 0xFFFF'FFFF, b1 = b >> 32;
    const std::uint64_t low = a0 * b0, cross = a1 * b0 + (low >> 32);
    const std::uint64_t middle = a0 * b1 + (cross & 0xFFFF'FFFF);
    const std::uint64_t high = a1 * b1 + (cross >> 32) + (middle >> 32);
    return {(middle << 32) | (low & 0xFFFF'FFFF), high};
#endif
}

// Folded 128-bit product (the step of wyhash and its relatives): every bit of both words reaches every bit.
inline std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
    const Product product = multiply(a ^ 0x9E37'79B9'7F4A'7C15, b ^ 0xD1B5'4A32'D192'ED03);
    return product.low ^ product.high;
}

// A 128-bit digest of a sequence of words, taken two at a time by two lanes of their own.
class Digest {
  public:
    explicit constexpr Digest(std::uint64_t version) : low_(version ^ kFirst), high_(version * kSecond) {}

    void absorb(std::uint64_t a, std::uint64_t b) {
        low_ = mix(a ^ kFirst, b ^ low_);
        high_ = mix(b ^ kSecond, a ^ high_);
        ++length_;
    }

    struct Value {
        std::uint64_t low, high;
        bool operator==(const Value&) const = default;
    };
    Value value() const {
        const std::uint64_t a = finish(low_ + length_ * kSecond);
        const std::uint64_t b = finish(high_ ^ length_);
        return {finish(a + rotate(b, 17)), finish(b + rotate(a, 41) + kFirst)};
    }

  private:
    static constexpr std::uint64_t kFirst = 0x9FB2'1C65'1E98'DF25;
    static constexpr std::uint64_t kSecond = 0xC2B2'AE3D'27D4'EB4F;
    static constexpr std::uint64_t rotate(std::uint64_t x, int by) { return (x << by) | (x >> (64 - by)); }
    // Stafford's variant 13 of the MurmurHash3 finaliser.
    static constexpr std::uint64_t finish(std::uint64_t x) {
        x = (x ^ (x >> 30)) * 0xBF58'476D'1CE4'E5B9;
        x = (x ^ (x >> 27)) * 0x94D0'49BB'1331'11EB;
        return x ^ (x >> 31);
    }

    std::uint64_t low_, high_;
    std::uint64_t length_ = 0;
};

}  // namespace cambrian
