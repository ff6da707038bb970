// Sorting of lists that nearly always have two or three entries.
#pragma once

#include <algorithm>
#include <span>
#include <utility>

namespace cambrian {

template <class T, class Before>
void sort_few(std::span<T> values, Before before) {
    if (values.size() == 2) {
        if (before(values[1], values[0])) std::swap(values[0], values[1]);
    } else {
        std::sort(values.begin(), values.end(), before);
    }
}

}  // namespace cambrian
