#include "cambrian/real.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cfloat>
#include <cmath>
#include <cstddef>
#include <limits>

#include "real_tables.hpp"
#include "vector.hpp"

namespace cambrian {
namespace {

// Excess precision, as of x87 registers, would round twice.
static_assert(std::numeric_limits<double>::is_iec559 && FLT_EVAL_METHOD == 0);

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

constexpr std::uint64_t kSign = 0x8000'0000'0000'0000, kInfinite = 0x7FF0'0000'0000'0000;
constexpr std::uint64_t kLeastNormal = 0x0010'0000'0000'0000, kFraction = kLeastNormal - 1;
constexpr int kFractionBits = 52;

// ln 2 in two parts, the first of them k / 2^42, so that its product with any exponent is exact.
constexpr double kLn2High = 0x1.62e42fefa38p-1, kLn2Low = 0x1.ef35793c7673p-45;
// ln 2 / 128 likewise, with 34 digits in the first part.
constexpr double kStepHigh = 0x1.62e42fef8p-8, kStepLow = 0x1.1cf79abc9e3b4p-43;
constexpr double kStepsPerOne = 0x1.71547652b82fep+7;
constexpr double kToInteger = 0x1.8p52;  // added and taken away again, it rounds to an integer

// Beyond these no exponential is finite, or more than half of the least double.
constexpr double kMostExponent = 709.79, kLeastExponent = -745.14;

struct Pair {  // high + low, low being what high was rounded by
    double high, low;
};

Pair sum(double a, double b) {  // exact (Knuth)
    const double s = a + b, part = s - a;
    return {s, (a - (s - part)) + (b - part)};
}

Pair halves(double a) {  // of at most 26 digits each (Veltkamp)
    const double shifted = 0x1.0000002p27 * a;
    const double high = shifted - (shifted - a);
    return {high, a - high};
}

Pair product(double a, double b) {  // exact (Dekker)
    const double p = a * b;
    const Pair x = halves(a), y = halves(b);
    return {p, ((x.high * y.high - p) + x.high * y.low + x.low * y.high) + x.low * y.low};
}

// `value` of 0.5 … 4 times 2^exponent. By bits, so that a thread which flushes subnormals to zero gets the
// same; they round half to even, a digit that was lost in `value` itself apart.
double scaled(double value, int exponent) {
    const std::uint64_t bits = std::bit_cast<std::uint64_t>(value);
    const int sum = static_cast<int>(bits >> kFractionBits) + exponent;
    if (sum >= 0x7FF) return kInfinity;
    const std::uint64_t fraction = (bits & kFraction) | kLeastNormal;
    if (sum > 0)
        return std::bit_cast<double>((static_cast<std::uint64_t>(sum) << kFractionBits) | (bits & kFraction));
    const int shift = 1 - sum;
    if (shift > kFractionBits + 1) return 0.0;
    const std::uint64_t half = std::uint64_t{1} << (shift - 1);
    const std::uint64_t rest = fraction & (2 * half - 1), whole = fraction >> shift;
    return std::bit_cast<double>(whole + ((rest > half || (rest == half && (whole & 1) != 0)) ? 1 : 0));
}

struct Scaled {  // value * 2^exponent
    double value;
    int exponent;
};

// e^(x + low), |low| below a unit in the last place of x, and |x| at most 1000.
CAMBRIAN_INLINE Scaled scaled_exponential(double x, double low) {
    const double steps = (x * kStepsPerOne + kToInteger) - kToInteger;
    const int step = static_cast<int>(steps);
    // At most half a step, 2.7e-3.
    const double r = ((x - steps * kStepHigh) - steps * kStepLow) + low;
    const double square = r * r;
    const double p = r + square * ((0.5 + r * (1.0 / 6)) + square * ((1.0 / 24) + r * (1.0 / 120)));
    const Power& power = kPowers[static_cast<unsigned>(step) & 127U];
    return {power.high + (power.high * p + power.low), step >> 7};
}

double exponential(double x, double low) {
    if (x > kMostExponent) return kInfinity;
    if (x < kLeastExponent) return 0.0;
    const Scaled result = scaled_exponential(x, low);
    return scaled(result.value, result.exponent);
}

// log x of a positive, finite x given by its bits, to about 2^-68 of its size.
Pair logarithm(std::uint64_t bits) {
    if (bits < kLeastNormal) {  // as if the exponent could be below the least
        const int shift = std::countl_zero(bits) - (63 - kFractionBits);
        bits = (bits << shift) - (static_cast<std::uint64_t>(shift) << kFractionBits);
    }
    // x = 2^exponent * z with z from 0.6875 to 1.375, so that no logarithms cancel near 1.
    const std::uint64_t from = bits - std::bit_cast<std::uint64_t>(0.6875);
    const auto exponent = static_cast<double>(static_cast<std::int64_t>(from) >> kFractionBits);
    const Logarithm& entry = kLogarithms[(from >> (kFractionBits - 7)) & 127U];
    const std::uint64_t z = (from & kFraction) + std::bit_cast<std::uint64_t>(0.6875);
    // r = z * inverse - 1, at most 2^-7: its parts have few digits enough to be exact.
    const double top = std::bit_cast<double>(z & ~std::uint64_t{0xFFFF'FFFF});
    const Pair r = sum(top * entry.inverse - 1.0, (std::bit_cast<double>(z) - top) * entry.inverse);
    const Pair x = halves(r.high);
    const double square = r.high * r.high, half = 0.5 * x.high * x.high;
    const double half_low = 0.5 * x.low * (r.high + x.high);
    // r^3/3 - r^4/4 + … - r^10/10
    const double odd = 1.0 / 3 + square * (1.0 / 5 + square * (1.0 / 7 + square * (1.0 / 9)));
    const double even = 1.0 / 4 + square * (1.0 / 6 + square * (1.0 / 8 + square * (1.0 / 10)));
    const double rest = square * r.high * (odd - r.high * even);
    const Pair whole = sum(exponent * kLn2High + entry.high, r.high);
    const Pair less = sum(whole.high, -half);
    const double low = (exponent * kLn2Low + entry.low) + (r.low - r.high * r.low);
    return sum(less.high, less.low + (whole.low + ((rest - half_low) + low)));
}

// Of a polynomial, the constant first.
template <std::size_t N>
CAMBRIAN_INLINE double polynomial(const double (&coefficients)[N], double x) {
    double value = coefficients[N - 1];
    for (std::size_t i = N - 1; i-- > 0;) value = value * x + coefficients[i];
    return value;
}

// Between the quantiles of 0.075 and 0.925, of q = p - 1/2.
CAMBRIAN_INLINE double central_quantile(double q) {
    constexpr double a[] = {3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
                            1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
                            3.3430575583588128105e4, 2.5090809287301226727e3};
    constexpr double b[] = {1.0,
                            4.2313330701600911252e1,
                            6.8718700749205790830e2,
                            5.3941960214247511077e3,
                            2.1213794301586595867e4,
                            3.9307895800092710610e4,
                            2.8729085735721942674e4,
                            5.2264952788528545610e3};
    const double r = 0.180625 - q * q;
    return q * polynomial(a, r) / polynomial(b, r);
}

// Beyond them, of the distance p from the nearer end; positive.
double tail_quantile(double p) {
    constexpr double c[] = {1.42343711074968357734e0,  4.63033784615654529590e0, 5.76949722146069140550e0,
                            3.64784832476320460504e0,  1.27045825245236838258e0, 2.41780725177450611770e-1,
                            2.27238449892691845833e-2, 7.74545014278341407640e-4};
    constexpr double d[] = {1.0,
                            2.05319162663775882187e0,
                            1.67638483018380384940e0,
                            6.89767334985100004550e-1,
                            1.48103976427480074590e-1,
                            1.51986665636164571966e-2,
                            5.47593808499534494600e-4,
                            1.05075007164441684324e-9};
    constexpr double e[] = {6.65790464350110377720e0,  5.46378491116411436990e0,  1.78482653991729133580e0,
                            2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                            2.71155556874348757815e-5, 2.01033439929228813265e-7};
    constexpr double f[] = {1.0,
                            5.99832206555887937690e-1,
                            1.36929880922735805310e-1,
                            1.48753612908506148525e-2,
                            7.86869131145613259100e-4,
                            1.84631831751005468180e-5,
                            1.42151175831644588870e-7,
                            2.04426310338993978564e-15};
    const double r = std::sqrt(-portable_log(p));
    if (r <= 5.0) return polynomial(c, r - 1.6) / polynomial(d, r - 1.6);
    return polynomial(e, r - 5.0) / polynomial(f, r - 5.0);
}

bool is_nan(double x) {
    return (std::bit_cast<std::uint64_t>(x) & ~kSign) > kInfinite;
}

// The versions give the same bits, as no compiler may contract (CMakeLists.txt). |x| is at most kInside.
constexpr double kInside = 700.0;

CAMBRIAN_INLINE void exponentials(double* x, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        const Scaled result = scaled_exponential(x[i], 0.0);
        const auto exponent = static_cast<std::uint64_t>(static_cast<std::int64_t>(result.exponent));
        x[i] =
            std::bit_cast<double>(std::bit_cast<std::uint64_t>(result.value) + (exponent << kFractionBits));
    }
}
CAMBRIAN_VERSIONS(void, exponentials, (double* x, std::size_t count), (x, count))

CAMBRIAN_INLINE void central_quantiles(const double* p, std::size_t count, double* out) {
    for (std::size_t i = 0; i < count; ++i) out[i] = central_quantile(p[i] - 0.5);
}
CAMBRIAN_VERSIONS(void, central_quantiles, (const double* p, std::size_t count, double* out), (p, count, out))

}  // namespace

double portable_exp(double x) {
    return is_nan(x) ? kNaN : exponential(x, 0.0);
}

void portable_exps(double* x, std::size_t count) {
    static const auto many = choose_exponentials();
    if (std::all_of(x, x + count, [](double y) { return y > -kInside && y < kInside; }))
        return many(x, count);
    for (std::size_t i = 0; i < count; ++i) x[i] = portable_exp(x[i]);
}

double portable_log(double x) {
    const std::uint64_t bits = std::bit_cast<std::uint64_t>(x);
    if (bits - 1 < kInfinite - 1) return logarithm(bits).high;
    if ((bits & ~kSign) == 0) return -kInfinity;
    return bits == kInfinite ? kInfinity : kNaN;
}

double portable_pow(double base, double exponent) {
    const std::uint64_t bits =
        std::bit_cast<std::uint64_t>(base) == kSign ? 0 : std::bit_cast<std::uint64_t>(base);
    if (bits > kInfinite || is_nan(exponent)) return kNaN;
    if (exponent == 0.0 || base == 1.0) return 1.0;
    if (bits == 0 || bits == kInfinite) return (bits == 0) == (exponent > 0.0) ? 0.0 : kInfinity;
    const Pair log = logarithm(bits);
    const double size = log.high * exponent;
    // An exponent that is infinite, or too large for an exact product, ends here: the logarithm is at least
    // 2^-53.
    if (size > kMostExponent + 1) return kInfinity;
    if (size < kLeastExponent - 1) return 0.0;
    const Pair exact = product(log.high, exponent);
    return exponential(exact.high, exact.low + log.low * exponent);
}

double normal_quantile(double p) {
    if (p == 0.0) return -kInfinity;
    if (p == 1.0) return kInfinity;
    if (!(p > 0.0 && p < 1.0)) return kNaN;
    const double q = p - 0.5;
    if (q >= -0.425 && q <= 0.425) return central_quantile(q);
    return q < 0.0 ? -tail_quantile(p) : tail_quantile(1.0 - p);
}

void normal_quantiles(double* p, std::size_t count) {
    static const auto central = choose_central_quantiles();
    constexpr std::size_t kSome = 128;
    std::array<double, kSome> found;
    for (std::size_t from = 0; from < count; from += kSome) {
        const std::size_t some = std::min(kSome, count - from);
        central(p + from, some, found.data());
        for (std::size_t i = 0; i < some; ++i) {
            const double q = p[from + i] - 0.5;
            p[from + i] = q >= -0.425 && q <= 0.425 ? found[i] : normal_quantile(p[from + i]);
        }
    }
}

}  // namespace cambrian
