// Reads lines `n side in out kernel stride dilation groups`, and answers each with the least seconds of a
// forward and of a backward convolution; benchmarks/kernels.py asks.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#include "cambrian/rng.hpp"
#include "cambrian/train/kernels.hpp"

using namespace cambrian;
using namespace cambrian::train;

namespace {

std::vector<float> numbers(std::size_t n) {
    Stream stream(Source(1, 0, 0), kSample, 0);
    std::vector<float> values(n);
    for (float& value : values) value = static_cast<float>(stream.word()) * 0x1p-31f - 1.0f;
    return values;
}

// Of a call, over runs of half a millisecond for a few hundredths of a second: what disturbs only lengthens.
template <typename Call>
double least_seconds(const Call& call) {
    using Clock = std::chrono::steady_clock;
    const auto seconds = [&](long times) {
        const auto start = Clock::now();
        for (long i = 0; i < times; ++i) call();
        return std::chrono::duration<double>(Clock::now() - start).count();
    };
    call();
    const long times = std::max(1L, static_cast<long>(5e-4 / seconds(1)));
    double least = 1e9;
    for (double total = 0.0; total < 0.06;) {
        const double run = seconds(times);
        least = std::min(least, run / static_cast<double>(times));
        total += run;
    }
    return least;
}

std::size_t size(int a, int b = 1, int c = 1, int d = 1) {
    return static_cast<std::size_t>(a) * static_cast<std::size_t>(b) * static_cast<std::size_t>(c) *
           static_cast<std::size_t>(d);
}

}  // namespace

int main() {
    Conv c;
    while (std::scanf("%d %d %d %d %d %d %d %d", &c.n, &c.h, &c.in, &c.out, &c.kernel_h, &c.stride_h,
                      &c.dilation, &c.groups) == 8) {
        c.w = c.h, c.kernel_w = c.kernel_h, c.stride_w = c.stride_h;
        const auto x = numbers(size(c.n, c.h, c.w, c.in)), bias = numbers(size(c.out));
        const auto weight = numbers(size(c.kernel_h, c.kernel_w, c.in / c.groups, c.out));
        auto y = numbers(size(c.n, c.out_h(), c.out_w(), c.out)), dy = y, dx = x, dweight = weight,
             dbias = bias;
        std::vector<float> work(conv_workspace(c));
        const double forward = least_seconds(
            [&] { conv_forward(c, x.data(), weight.data(), bias.data(), y.data(), work.data()); });
        const double backward = least_seconds([&] {
            conv_backward(c, x.data(), weight.data(), dy.data(), dx.data(), false, dweight.data(),
                          dbias.data(), work.data());
        });
        std::printf("%.9f %.9f\n", forward, backward);
        std::fflush(stdout);
    }
    return 0;
}
