// Numbers too small for full precision count as 0 while one of these lives: a CPU takes a hundred times as
// long over them, and averages of gradients that have ended decay into them.
#pragma once

#if defined(__SSE__) || defined(_M_X64)
#include <xmmintrin.h>
#endif

namespace cambrian::train {

#if defined(__SSE__) || defined(_M_X64)
class FlushTiny {
  public:
    FlushTiny() : before_(_mm_getcsr()) { _mm_setcsr(before_ | 0x8040U); }  // results and operands
    ~FlushTiny() { _mm_setcsr(before_); }
    FlushTiny(const FlushTiny&) = delete;
    FlushTiny& operator=(const FlushTiny&) = delete;

  private:
    unsigned before_;
};
#else
class FlushTiny {
  public:
    FlushTiny() {}  // a variable of it is used
};
#endif

}  // namespace cambrian::train
