#include <array>
#include <cstdint>
#include <vector>

#include "cambrian/rng.hpp"
#include "check.hpp"

using namespace cambrian;

namespace {

// The known answers that Random123 publishes for philox4x32 with seven rounds (tests/kat_vectors).
void random123_known_answers() {
    CHECK((philox({0, 0, 0, 0}, {0, 0}) == Philox{0x5f6fb709, 0x0d893f64, 0x4f121f81, 0x4f730a48}));
    CHECK((philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}) ==
           Philox{0x5207ddc2, 0x45165e59, 0x4d8ee751, 0x8c52f662}));
    CHECK((philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
           Philox{0x4dfccaba, 0x190a87f0, 0xc47362ba, 0xb6b5242a}));
}

void fill_is_philox_of_each_counter() {
    const Source source(12345, 6, 7);
    for (const int axis : {0, 2}) {
        for (std::size_t count = 0; count < 40; ++count) {
            const Philox start = {0xFFFFFFF0, 3, 0xFFFFFFFA, 7};  // both axes wrap around
            std::vector<std::uint32_t> words(4 * count + 1, 99);
            philox_fill(source.key, start, axis, count, words.data());
            for (std::size_t i = 0; i < count; ++i) {
                Philox counter = start;
                counter[static_cast<std::size_t>(axis)] += static_cast<std::uint32_t>(i);
                const Philox block = philox(counter, source.key);
                for (std::size_t w = 0; w < 4; ++w) CHECK(words[4 * i + w] == block[w]);
            }
            CHECK(words.back() == 99);
        }
    }
}

void streams_give_the_same_words_however_they_are_taken() {
    const Source source(1, 2, 3);
    const Streams many(source, kCross, 1000, 5);
    Stream one(source, kCross, 1004);
    Stream other = many[4];
    Words bulk(source, kCross, 1004);
    for (int i = 0; i < 200; ++i) {
        const std::uint32_t word = one.word();
        CHECK(other.word() == word);
        CHECK(bulk.word() == word);
        if (i == 100) CHECK(Words(source, kCross, 1004, 25).word() == word);
    }
}

// Bounds whose refusals are frequent, so that integers drawn again are among them.
void many_bounded_integers_are_those_of_one_at_a_time() {
    const Source source(4, 5, 6);
    for (const std::uint32_t bound : {1U, 7U, 0xC0000000U, 0x80000001U}) {
        std::vector<std::uint32_t> many(512);
        below_fill(source, kSelect, 9, 3, Bound(bound), many.size(), many.data());
        for (std::uint32_t chunk = 0; chunk < 2; ++chunk) {
            Stream words(source, kSelect, 9, 3 + 64 * chunk),
                again(source, kSelect + kAgain, 9, 3 + 64 * chunk);
            for (std::size_t i = 0; i < 256; ++i) {
                const std::uint64_t product = std::uint64_t{words.word()} * bound;
                const bool refused = static_cast<std::uint32_t>(product) < Bound(bound).refuse;
                CHECK(many[256 * chunk + i] == (refused ? again.below(bound) : product >> 32));
            }
        }
    }
}

// Ours: a change of these changes every run that was ever stored.
void golden_streams() {
    const Source source(0, 0, 0);
    CHECK(source.key[0] == 0x4d197e6f && source.key[1] == 0xa706dd2f);
    Stream stream(Source(2024, 1, 9), 17, 77);
    CHECK(stream.word() == 0x48d69b8f);
    CHECK(stream.below(1000) == 390);
    CHECK(stream.below(Bound(0xC0000000)) == 0x9f8a64fe);
}

void keys_differ() {
    CHECK(Source(1, 0, 0).key != Source(0, 1, 0).key);
    CHECK(Source(0, 0, 0).key != Source(0, 1, 0).key);
    CHECK(Source(5, 0, 0).key == Source(5, 0, 8).key);
}

// Chi-square with 9 degrees of freedom; 33.7 is passed by chance once in 10,000 seeds, and the seed is fixed.
void bounded_integers_are_uniform() {
    for (const std::uint32_t bound : {10U, 3'000'000'000U}) {
        Stream stream(Source(3, 0, 0), kSample, 1), twin = stream;
        const Bound prepared(bound);
        std::array<int, 10> counts{};
        for (int i = 0; i < 100'000; ++i) {
            const std::uint32_t value = stream.below(bound);
            CHECK(value < bound && value == twin.below(prepared));
            ++counts[static_cast<std::size_t>(std::uint64_t{value} * 10 / bound)];
        }
        double chi2 = 0.0;
        for (const int count : counts) chi2 += (count - 10'000.0) * (count - 10'000.0) / 10'000.0;
        CHECK(chi2 < 33.7);
    }
}

void chances() {
    CHECK(!Chance(0.0).holds(0) && Chance(1.0).holds(0xFFFFFFFF));
    CHECK(Chance(0.5).holds(0x7FFFFFFF) && !Chance(0.5).holds(0x80000000));
}

}  // namespace

int main() {
    random123_known_answers();
    fill_is_philox_of_each_counter();
    streams_give_the_same_words_however_they_are_taken();
    many_bounded_integers_are_those_of_one_at_a_time();
    golden_streams();
    keys_differ();
    bounded_integers_are_uniform();
    chances();
    return cambrian::testing::failures();
}
