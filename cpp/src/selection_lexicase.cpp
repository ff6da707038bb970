#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "cases.hpp"
#include "selectors.hpp"
#include "vector.hpp"

namespace cambrian {
namespace {

// The lowest level of those whose `out` is 0; it has all bits set for the others.
template <class T>
CAMBRIAN_INLINE T lowest(const T* levels, const T* out, std::size_t n) {
    T low = std::numeric_limits<T>::max();
    for (std::size_t i = 0; i < n; ++i) low = std::min<T>(low, levels[i] | out[i]);
    return low;
}

// Takes out those above a level, and counts those that stay; `keep`: who was out before stays out.
template <class T>
CAMBRIAN_INLINE std::size_t take_out(const T* levels, T limit, T keep, T* out, std::size_t n) {
    constexpr std::size_t kCounted = 128;  // a count of so many fits into any level
    std::size_t stay = 0;
    for (std::size_t from = 0; from < n; from += kCounted) {
        const std::size_t to = std::min(n, from + kCounted);
        T some = 0;
        for (std::size_t i = from; i < to; ++i) {
            const T above = levels[i] > limit ? std::numeric_limits<T>::max() : T{0};
            out[i] = static_cast<T>((out[i] & keep) | above);
            some = static_cast<T>(some + (out[i] == 0 ? 1 : 0));
        }
        stay += some;
    }
    return stay;
}

template <class T>
struct Scan {
    T (*lowest)(const T*, const T*, std::size_t);
    std::size_t (*take_out)(const T*, T, T, T*, std::size_t);
};

template <class T>
T lowest_scalar(const T* levels, const T* out, std::size_t n) {
    return lowest(levels, out, n);
}
template <class T>
std::size_t take_out_scalar(const T* levels, T limit, T keep, T* out, std::size_t n) {
    return take_out(levels, limit, keep, out, n);
}
#ifdef CAMBRIAN_X86
template <class T>
CAMBRIAN_AVX2 T lowest_avx2(const T* levels, const T* out, std::size_t n) {
    return lowest(levels, out, n);
}
template <class T>
CAMBRIAN_AVX2 std::size_t take_out_avx2(const T* levels, T limit, T keep, T* out, std::size_t n) {
    return take_out(levels, limit, keep, out, n);
}
template <class T>
CAMBRIAN_AVX512 T lowest_avx512(const T* levels, const T* out, std::size_t n) {
    return lowest(levels, out, n);
}
template <class T>
CAMBRIAN_AVX512 std::size_t take_out_avx512(const T* levels, T limit, T keep, T* out, std::size_t n) {
    return take_out(levels, limit, keep, out, n);
}
#endif

template <class T>
Scan<T> choose_scan() {
#ifdef CAMBRIAN_X86
    if (simd() == Simd::kAvx512) return {lowest_avx512<T>, take_out_avx512<T>};
    if (simd() == Simd::kAvx2) return {lowest_avx2<T>, take_out_avx2<T>};
#endif
    return {lowest_scalar<T>, take_out_scalar<T>};
}

// Levels are of type T. Candidates are marked among all classes while they are many, and listed when they are
// few.
template <class T>
class LexicaseSelector final : public GroupSelector {
  public:
    explicit LexicaseSelector(Cases cases)
        : cases_(std::move(cases)), levels_(cases_.levels.begin(), cases_.levels.end()) {
        cases_.levels = {};
        for (std::size_t c = 0; c < cases_.count && cases_.classes() > 0; ++c) {
            std::vector<std::uint32_t> best;
            const std::uint32_t limit = cases_.highest[c][0];
            for (std::uint32_t k = 0; k < cases_.classes(); ++k) {
                if (level(c, k) <= limit) best.push_back(k);
            }
            if (!few(best.size())) best = {};
            best_.push_back(std::move(best));
        }
    }

    std::size_t work() const override { return 100 + cases_.classes() / 2 + 8 * cases_.count; }

  private:
    struct Work {
        std::vector<T> out;
        std::vector<std::uint32_t> list;  // the candidates, if they are few
        bool listed = false;
        std::vector<std::uint32_t> cases;  // those that have been looked at first, in order
    };

    void group(const Source& source, std::uint32_t number, Group& winners) const override {
        const Streams streams(source, kSelect, number * static_cast<std::uint32_t>(kGroup), kGroup);
        Work work;
        work.out.resize(cases_.classes());
        work.cases.resize(cases_.count);
        for (std::uint32_t c = 0; c < cases_.count; ++c) work.cases[c] = c;
        for (std::size_t i = 0; i < kGroup; ++i) {
            Stream stream = streams[i];
            winners[i] = winner(stream, work);
        }
    }

    std::uint32_t winner(Stream& stream, Work& work) const {
        std::size_t left = cases_.classes();
        work.listed = false;
        std::uint32_t step = 0;
        const auto count = static_cast<std::uint32_t>(cases_.count);
        std::array<std::uint32_t, kUndone> swapped;
        for (; step < count && left > 1; ++step) {
            const std::uint32_t other = step + stream.below(count - step);
            if (step < kUndone) swapped[step] = other;
            std::swap(work.cases[step], work.cases[other]);
            const std::size_t at = work.cases[step];
            left = step == 0 ? begin(at, work) : filter(at, work);
            if (!work.listed && few(left)) list(left, work);
        }
        put_back(work, swapped.data(), step);
        if (!work.listed) list(left, work);
        return member(stream, work.list);
    }

    // The order of the cases as it was.
    static void put_back(Work& work, const std::uint32_t* swapped, std::uint32_t steps) {
        if (steps > kUndone) {
            for (std::uint32_t c = 0; c < work.cases.size(); ++c) work.cases[c] = c;
            return;
        }
        for (std::uint32_t step = 0; step < steps; ++step) {
            work.cases[step] = step;
            work.cases[swapped[step]] = swapped[step];
        }
    }

    std::size_t begin(std::size_t at, Work& work) const {
        if (!best_[at].empty()) {
            work.list = best_[at];
            work.listed = true;
            return work.list.size();
        }
        return scan_.take_out(row(at), static_cast<T>(cases_.highest[at][0]), T{0}, work.out.data(),
                              cases_.classes());
    }

    std::size_t filter(std::size_t at, Work& work) const {
        const T* levels = row(at);
        if (!work.listed) {
            const T low = scan_.lowest(levels, work.out.data(), cases_.classes());
            return scan_.take_out(levels, static_cast<T>(cases_.highest[at][low]),
                                  std::numeric_limits<T>::max(), work.out.data(), cases_.classes());
        }
        T low = std::numeric_limits<T>::max();
        for (const std::uint32_t k : work.list) low = std::min(low, levels[k]);
        const std::uint32_t limit = cases_.highest[at][low];
        std::size_t stay = 0;
        for (const std::uint32_t k : work.list) {
            work.list[stay] = k;
            stay += levels[k] <= limit ? 1 : 0;
        }
        work.list.resize(stay);
        return stay;
    }

    // Lists the candidates that are marked.
    void list(std::size_t left, Work& work) const {
        constexpr std::size_t kAtOnce = 8 / sizeof(T);
        work.listed = true;
        work.list.clear();
        const std::size_t n = cases_.classes();
        if (left == n) {  // none was taken out, or even marked
            for (std::uint32_t k = 0; k < n; ++k) work.list.push_back(k);
            return;
        }
        std::size_t k = 0;
        for (; k + kAtOnce <= n && work.list.size() < left; k += kAtOnce) {
            std::uint64_t some;
            std::memcpy(&some, work.out.data() + k, sizeof(some));
            if (some == ~std::uint64_t{0}) continue;
            for (std::size_t i = k; i < k + kAtOnce; ++i) {
                if (work.out[i] == 0) work.list.push_back(static_cast<std::uint32_t>(i));
            }
        }
        for (; k < n; ++k) {
            if (work.out[k] == 0 && work.list.size() < left)
                work.list.push_back(static_cast<std::uint32_t>(k));
        }
    }

    // One of the parents of these classes, each with the same chance.
    std::uint32_t member(Stream& stream, const std::vector<std::uint32_t>& list) const {
        if (list.size() == 1) {
            const std::uint32_t from = cases_.begins[list[0]], many = cases_.begins[list[0] + 1] - from;
            return cases_.parents[many == 1 ? from : from + stream.below(many)];
        }
        std::vector<std::uint32_t> parents;
        for (const std::uint32_t k : list) {
            parents.insert(parents.end(), cases_.parents.begin() + cases_.begins[k],
                           cases_.parents.begin() + cases_.begins[k + 1]);
        }
        // By number, so that nothing depends on how classes are kept.
        const auto at = parents.begin() + stream.below(static_cast<std::uint32_t>(parents.size()));
        std::nth_element(parents.begin(), at, parents.end());
        return *at;
    }

    // So few that looking each up costs less than looking at all in order.
    bool few(std::size_t candidates) const { return candidates <= 1 + cases_.classes() * sizeof(T) / 32; }
    const T* row(std::size_t at) const { return levels_.data() + at * cases_.classes(); }
    std::uint32_t level(std::size_t at, std::size_t k) const { return row(at)[k]; }

    static constexpr std::uint32_t kUndone = 64;

    Cases cases_;
    std::vector<T> levels_;
    std::vector<std::vector<std::uint32_t>> best_;  // of each case, if they are few
    Scan<T> scan_ = choose_scan<T>();
};

}  // namespace

std::unique_ptr<Selector> make(const Lexicase& selection, const Pool& pool) {
    Cases cases(selection, pool);
    std::size_t most = 0;
    for (const auto& highest : cases.highest) most = std::max(most, highest.size());
    // The highest number is that of one who is out.
    if (most <= std::numeric_limits<std::uint8_t>::max())
        return std::make_unique<LexicaseSelector<std::uint8_t>>(std::move(cases));
    if (most <= std::numeric_limits<std::uint16_t>::max())
        return std::make_unique<LexicaseSelector<std::uint16_t>>(std::move(cases));
    return std::make_unique<LexicaseSelector<std::uint32_t>>(std::move(cases));
}

}  // namespace cambrian
