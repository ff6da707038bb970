#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "cambrian/mix.hpp"
#include "cambrian/real.hpp"
#include "cambrian/rng.hpp"
#include "check.hpp"

using namespace cambrian;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kLeast = std::numeric_limits<double>::denorm_min();
constexpr double kMost = std::numeric_limits<double>::max();

struct At {
    double x, value;
};

// Values rounded from 400 binary digits (mpmath).
constexpr At kExp[] = {{0x1p+0, 0x1.5bf0a8b145769p+1},
                       {-0x1p+0, 0x1.78b56362cef38p-2},
                       {0x1p-1, 0x1.a61298e1e069cp+0},
                       {0x1.56e1fc2f8f359p-997, 0x1p+0},
                       {0x1.12e0be826d695p-30, 0x1.000000044b83p+0},
                       {0x1.61e4f765fd8aep-9, 0x1.00b12fb0f4433p+0},
                       {-0x1.61e4f765fd8aep-9, 0x1.fe9e953ac0bf4p-1},
                       {0x1.62e42fefa39efp-2, 0x1.6a09e667f3bccp+0},
                       {0x1.48p+3, 0x1.b9ea2aed2a0f1p+14},
                       {-0x1.2cp+5, 0x1.dd5c566301ec8p-55},
                       {0x1.62ccccccccccdp+6, 0x1.f4705bbffae5cp+127},
                       {0x1.5ep+9, 0x1.d945df4f8ec8ep+1009},
                       {0x1.62e3d70a3d70ap+9, 0x1.fe9ce5c4c52b4p+1023},
                       {-0x1.5ep+9, 0x1.14f2b0fb9307fp-1010},
                       {-0x1.624p+9, 0x0.e6cf6d08897acp-1022},
                       {-0x1.72p+9, 0x0.0000000000055p-1022}};
constexpr At kLog[] = {{0x1p+1, 0x1.62e42fefa39efp-1},
                       {0x1.4p+3, 0x1.26bb1bbb55516p+1},
                       {0x1p-1, -0x1.62e42fefa39efp-1},
                       {0x1.fffeb074a771dp-1, -0x1.4f8bc681df714p-17},
                       {0x1.0000a7c5ac472p+0, 0x1.4f8aea9af0a25p-17},
                       {0x1.0000000000001p+0, 0x1.fffffffffffffp-53},
                       {0x1.fffffffffffffp-1, -0x1p-53},
                       {0x1.6p+0, 0x1.4618bc21c5ec2p-2},
                       {0x1.6p-1, -0x1.7fafa3bd8151cp-2},
                       {0x1.5ff2e48e8a71ep-1, -0x1.7fd5c5bd52c8p-2},
                       {0x1.5ff972474538fp+0, 0x1.4605ab4f4e14bp-2},
                       {0x1.921fb54442d18p+1, 0x1.250d048e7a1bdp+0},
                       {0x1.12e0be826d695p-30, -0x1.4b927f32bffb8p+4},
                       {0x1.7e43c8800759cp+996, 0x1.5963447f87fb5p+9},
                       {0x1.fffffffffffffp+1023, 0x1.62e42fefa39efp+9},
                       {0x1p-1022, -0x1.6232bdd7abcd2p+9},
                       {0x0.0000000000001p-1022, -0x1.74385446d71c3p+9},
                       {0x0.012688b70e62bp-1022, -0x1.64e69394d9508p+9}};
constexpr At kQuantile[] = {{0x1p-1, 0x0p+0},
                            {0x1p-2, -0x1.5956b87528a49p-1},
                            {0x1.3333333333333p-4, -0x1.7085226d3e524p+0},
                            {0x1.d99999999999ap-1, 0x1.7085226d3e525p+0},
                            {0x1.32ca57a786c22p-4, -0x1.70b374817af52p+0},
                            {0x1.d9a6b50b0f27cp-1, 0x1.70b374817af53p+0},
                            {0x1.3333333333333p-1, 0x1.036d6c4a04b59p-2},
                            {0x1.f333333333333p-1, 0x1.f5c0331eeff83p+0},
                            {0x1.ff7ced916872bp-1, 0x1.8b8cbb720447p+1},
                            {0x1.4f8b588e368f1p-17, -0x1.10f3f8843a3d9p+2},
                            {0x1.12e0be826d695p-30, -0x1.7fdc11f44b5a7p+2},
                            {0x1.5fd7fe1796495p-37, -0x1.ad2f7bbec4805p+2},
                            {0x1.ffffffffea028p-1, 0x1.ad2f7bb1cbde9p+2},
                            {0x1.19799812dea11p-40, -0x1.c234fba57a32ap+2},
                            {0x1p-53, -0x1.06b48528cea52p+3},
                            {0x1.fffffffffffffp-1, 0x1.06b48528cea52p+3},
                            {0x1.bff2ee48e053p-333, -0x1.546010d755221p+4},
                            {0x1.56e1fc2f8f359p-997, -0x1.286074064c26ep+5},
                            {0x1.00000000dbe7p-1, 0x1.139b51c196a7fp-32},
                            {0x1p-33, -0x1.95a1198fcf3d6p+2}};
constexpr struct {
    double base, exponent, value;
} kPow[] = {{0x1p+1, 0x1p-1, 0x1.6a09e667f3bcdp+0},
            {0x1p-2, 0x1.8618618618618p-5, 0x1.df4ad3221650ap-1},
            {0x1.ffbe76c8b4396p+0, 0x1p-4, 0x1.0b53632eae4c3p+0},
            {0x1.12e0be826d695p-30, 0x1.3333333333333p-2, 0x1.0585e4c78b07cp-9},
            {0x1.fae147ae147aep-1, 0x1.b58p+12, 0x1.6acb9bb8f2a22p-102},
            {0x1.ffffde7210be9p-1, 0x1.312dp+23, 0x1.7cd71e892427cp-15},
            {0x1.0000000000001p+0, 0x1p+61, 0x1.9476504ba839ap+738},
            {0x1.7e43c8800759cp+996, 0x1.051eb851eb852p+0, 0x1.6c8e5ca239078p+1016},
            {0x0.0000000000001p-1022, 0x1p-1, 0x1p-537},
            {0x0.012688b70e62bp-1022, -0x1.ccccccccccccdp-1, 0x1.c34c70a777aep+926},
            {0x1.4p+3, -0x1.2cp+8, 0x1.56e1fc2f8f359p-997},
            {0x1.8p+1, 0x1.4p+5, 0x1.517168a4523fdp+63},
            {0x1.999999999999ap-4, 0x1.338p+8, 0x1.6bd3d7ae36f1p-1022}};

// In units of the last place of `exact`, which are those of subnormals below the least normal.
double ulps(double value, double exact) {
    return std::fabs(value - exact) / (std::nextafter(std::fabs(exact), kInfinity) - std::fabs(exact));
}

void values_are_those_of_exact_arithmetic() {
    for (const auto& [x, value] : kExp) CHECK(ulps(portable_exp(x), value) <= 1.0);
    for (const auto& [x, value] : kLog) CHECK(portable_log(x) == value);
    for (const auto& [base, exponent, value] : kPow) CHECK(ulps(portable_pow(base, exponent), value) <= 1.0);
    for (const auto& [p, value] : kQuantile) {
        CHECK(std::fabs(normal_quantile(p) - value) <= 5e-16 * std::fabs(value));
    }
}

// A libm is right to 1 ulp or so; ours to 0.51 (1 where the result is subnormal).
void values_are_those_of_libm() {
    Stream stream(Source(1, 0, 0), kSample, 0);
    const auto uniform = [&](double low, double high) {
        const std::uint32_t first = stream.word();
        return low + (high - low) * uniform_open(first, stream.word());
    };
    for (int i = 0; i < 50'000; ++i) {
        const double wide = uniform(-745.0, 709.0), narrow = uniform(-1.0, 1.0);
        CHECK(ulps(portable_exp(wide), std::exp(wide)) <= 2.0);
        CHECK(ulps(portable_exp(narrow), std::exp(narrow)) <= 2.0);
        const double any = std::ldexp(uniform(1.0, 2.0), static_cast<int>(uniform(-1074.0, 1023.0)));
        CHECK(ulps(portable_log(any), std::log(any)) <= 2.0);
        CHECK(ulps(portable_log(1.0 + narrow / 2), std::log(1.0 + narrow / 2)) <= 2.0);
        const double base = uniform(0.0, 3.0), exponent = uniform(-200.0, 200.0);
        CHECK(ulps(portable_pow(base, exponent), std::pow(base, exponent)) <= 2.0 ||
              std::pow(base, exponent) == kInfinity);
        CHECK(ulps(portable_pow(1.0 + narrow / 64, wide), std::pow(1.0 + narrow / 64, wide)) <= 2.0);
    }
}

// The quantile of the distribution's value is where one began; the density says what an error of 2 ulp in
// that value, which is all that erfc loses, comes to.
void quantiles_undo_the_distribution() {
    for (double x = -37.0; x < 5.0; x += 0.00317) {
        const double p = 0.5 * std::erfc(-x / std::sqrt(2.0));
        const double density = std::exp(-0.5 * x * x) / std::sqrt(8.0 * std::atan(1.0));
        const double unit = std::nextafter(p, 1.0) - p;
        const double lost = (2.0 + x * x) * unit / density;  // x / sqrt(2) was rounded as well
        CHECK(std::fabs(normal_quantile(p) - x) <= 1e-15 * std::fabs(x) + lost);
    }
}

void edges() {
    CHECK(portable_exp(0.0) == 1.0 && portable_exp(-0.0) == 1.0 && portable_exp(kLeast) == 1.0);
    CHECK(portable_exp(kInfinity) == kInfinity && portable_exp(kMost) == kInfinity);
    CHECK(portable_exp(709.78271289338397) < kInfinity && portable_exp(709.7827128933841) == kInfinity);
    CHECK(portable_exp(-kInfinity) == 0.0 && portable_exp(-kMost) == 0.0 && portable_exp(-745.2) == 0.0);
    CHECK(portable_exp(-745.13) == kLeast && std::isnan(portable_exp(kNaN)));
    CHECK(portable_log(0.0) == -kInfinity && portable_log(-0.0) == -kInfinity);
    CHECK(portable_log(1.0) == 0.0 && portable_log(kInfinity) == kInfinity);
    for (const double x : {-kLeast, -1.0, -kInfinity, kNaN, -kNaN}) CHECK(std::isnan(portable_log(x)));
    CHECK(normal_quantile(0.0) == -kInfinity && normal_quantile(1.0) == kInfinity);
    CHECK(normal_quantile(0.5) == 0.0 && normal_quantile(kLeast) < -38.0);
    for (const double p : {-kLeast, -1.0, 1.0000000000000002, kInfinity, kNaN}) {
        CHECK(std::isnan(normal_quantile(p)));
    }
}

void edges_of_powers() {
    for (const double base : {0.0, kLeast, 0.5, 1.0 - 0x1p-53, 1.0, 1.0 + 0x1p-52, 2.0, kMost, kInfinity}) {
        CHECK(portable_pow(base, 0.0) == 1.0 && portable_pow(base, -0.0) == 1.0);
        CHECK(std::isnan(portable_pow(base, kNaN)));
        for (const double exponent : {-kInfinity, -kMost, -2.0, -kLeast, kLeast, 3.0, kMost, kInfinity}) {
            CHECK(portable_pow(base, exponent) == std::pow(base, exponent));
        }
    }
    CHECK(portable_pow(-0.0, 2.0) == 0.0 && portable_pow(-0.0, -3.0) == kInfinity);
    for (const double base : {-kLeast, -2.0, -kInfinity, kNaN}) {
        CHECK(std::isnan(portable_pow(base, 2.0)) && std::isnan(portable_pow(base, 0.0)));
    }
}

void uniforms_are_inside() {
    CHECK(uniform_open(0) == 0x1p-33 && uniform_open(0xFFFFFFFF) == 1.0 - 0x1p-33);
    CHECK(uniform_open(0, 0) == 0x1p-53 && uniform_open(0xFFFFFFFF, 0xFFFFFFFF) == 1.0 - 0x1p-53);
    CHECK(uniform_open(0x80000000) == 0.5 + 0x1p-33);
    CHECK(uniform_open(0x12345678, 0x9ABCDEF0) == 0x123456789ABCDp-52 + 0x1p-53);
}

void many_are_as_one() {
    Stream stream(Source(3, 0, 0), kSample, 0);
    for (const double reach : {1.0, 690.0, 2000.0}) {
        std::vector<double> numbers, ranks;
        for (int i = 0; i < 1000; ++i) {
            const std::uint32_t first = stream.word();
            ranks.push_back(uniform_open(first, stream.word()));
            numbers.push_back(reach * (2.0 * ranks.back() - 1.0));
        }
        ranks.insert(ranks.end(), {0.0, 1.0, 0.075, 0.925, 1e-300, -1.0, 2.0, kNaN});
        if (reach > 1000.0) numbers.insert(numbers.end(), {kInfinity, -kInfinity, kNaN});
        std::vector<double> powers = numbers, quantiles = ranks;
        portable_exps(powers.data(), powers.size());
        normal_quantiles(quantiles.data(), quantiles.size());
        const auto same = [](double a, double b) {
            return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
        };
        for (std::size_t i = 0; i < numbers.size(); ++i) CHECK(same(powers[i], portable_exp(numbers[i])));
        for (std::size_t i = 0; i < ranks.size(); ++i) CHECK(same(quantiles[i], normal_quantile(ranks[i])));
    }
    portable_exps(nullptr, 0);
    normal_quantiles(nullptr, 0);
}

// Every bit of many results, wherever this is compiled and run.
void golden_bits() {
    Digest digest(1);
    const auto absorb = [&](double x, double y) {
        digest.absorb(std::bit_cast<std::uint64_t>(x), std::bit_cast<std::uint64_t>(y));
    };
    Stream stream(Source(2, 0, 0), kSample, 0);
    for (int i = 0; i < 100'000; ++i) {
        const std::uint32_t first = stream.word();
        const double u = uniform_open(first, stream.word());
        absorb(portable_exp(1480.0 * u - 750.0), portable_exp(u));
        absorb(portable_log(u), portable_log(portable_exp(1400.0 * u - 740.0)));
        absorb(portable_pow(u, 1.0 / 21), portable_pow(0.5 + u, 1000.0 * u));
        absorb(normal_quantile(u), normal_quantile(portable_exp(-700.0 * u)));
    }
    const Digest::Value value = digest.value();
    CHECK((value == Digest::Value{0x3bb1d418b1ea08d5, 0x46787736dcc1274e}));
}

}  // namespace

int main() {
    values_are_those_of_exact_arithmetic();
    values_are_those_of_libm();
    quantiles_undo_the_distribution();
    edges();
    edges_of_powers();
    uniforms_are_inside();
    many_are_as_one();
    golden_bits();
    return cambrian::testing::failures();
}
