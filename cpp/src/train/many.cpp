#include "cambrian/train/many.hpp"

#include <cmath>
#include <vector>

#include "cambrian/train/optimize.hpp"

namespace cambrian::train {

void step_many(std::span<const Stretch> stretches, std::span<const Rates> owners, float clip,
               std::int64_t step, float* weights, const float* gradient, float* first, float* second) {
    std::vector<double> squares(owners.size());
    for (const Stretch& s : stretches) squares[s.owner] += sum_of_squares(s.count, gradient + s.first);
    for (const Stretch& s : stretches) {
        const Rates& with = owners[s.owner];
        const float scale = clip / (static_cast<float>(std::sqrt(squares[s.owner])) + 1e-6f);
        const float clipped = scale < 1.0f ? scale : 1.0f;
        const float decay = s.decays ? with.decay : 0.0f;
        float *p = weights + s.first, *m = first + s.first;
        const float* g = gradient + s.first;
        if (with.adamw) {
            adamw(s.count, p, g, clipped, m, second + s.first, with.lr, decay, step);
        } else {
            sgd(s.count, p, g, clipped, m, with.lr, decay, with.momentum);
        }
    }
}

}  // namespace cambrian::train
