// A test is a plain executable: checks print what failed and where, and `failures()` is its exit status.
#pragma once

#include <cstdio>

namespace cambrian::testing {

inline int failed = 0;

inline int failures() {
    if (failed == 0) std::puts("all checks passed");
    return failed == 0 ? 0 : 1;
}

}  // namespace cambrian::testing

#define CHECK(condition)                                                         \
    do {                                                                         \
        if (!(condition)) {                                                      \
            ++cambrian::testing::failed;                                         \
            std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
        }                                                                        \
    } while (false)

#define CHECK_THROWS(expression, Error)                                                              \
    do {                                                                                             \
        bool thrown = false;                                                                         \
        try {                                                                                        \
            (void)(expression);                                                                      \
        } catch (const Error&) {                                                                     \
            thrown = true;                                                                           \
        }                                                                                            \
        if (!thrown) {                                                                               \
            ++cambrian::testing::failed;                                                             \
            std::fprintf(stderr, "%s:%d: no %s from %s\n", __FILE__, __LINE__, #Error, #expression); \
        }                                                                                            \
    } while (false)
