// Changes a record of words at random; the same for the same seed everywhere.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <random>
#include <vector>

namespace cambrian::fuzz {

inline void change_word(std::int64_t& word, std::minstd_rand& random) {
    constexpr std::int64_t kOdd[] = {-1,  0,   1,         2,         7,         16,       255,
                                     256, 257, 65'535,    65'536,    1'000'000, 1 << 20,  (1 << 20) + 1,
                                     -2,  -8,  INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
    switch (random() % 4) {
        case 0:
            word = kOdd[random() % std::size(kOdd)];
            break;
        case 1:
            word = static_cast<std::int64_t>(random() % 20);
            break;
        default:  // one more or less; the end of the range is followed by its beginning
            word =
                static_cast<std::int64_t>(static_cast<std::uint64_t>(word) + (random() % 2 == 0 ? 1 : -1ULL));
    }
}

// At most `most` words are left.
inline void change_record(std::vector<std::int64_t>& words, std::size_t most, unsigned seed) {
    std::minstd_rand random(seed);
    random.discard(2);  // neighbouring seeds begin alike
    for (unsigned changes = random() % 4 == 0 ? 2 : 1; changes > 0; --changes) {
        const auto kind = random() % 16;
        const std::size_t at = words.empty() ? 0 : random() % words.size();
        const auto place = words.begin() + static_cast<std::ptrdiff_t>(at);
        const std::size_t count = std::min<std::size_t>(1 + random() % 12, words.size() - at);
        const auto end = place + static_cast<std::ptrdiff_t>(count);
        if (words.empty() || kind == 0) {
            words.insert(place, static_cast<std::int64_t>(random() % 20));
        } else if (kind == 1) {
            words.erase(place, end);
        } else if (kind == 2) {  // a stretch again somewhere else
            const std::vector<std::int64_t> stretch(place, end);
            const std::size_t to = random() % (words.size() + 1);
            words.insert(words.begin() + static_cast<std::ptrdiff_t>(to), stretch.begin(), stretch.end());
        } else {
            change_word(words[at], random);
        }
    }
    if (words.size() > most) words.resize(most);
}

}  // namespace cambrian::fuzz
