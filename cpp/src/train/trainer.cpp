#include "cambrian/train/trainer.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <string>

#include "cambrian/train/kernels.hpp"
#include "flush.hpp"

namespace cambrian::train {

Trainer::Trainer(const std::vector<NodeSpec>& nodes, std::size_t batch, const Settings& settings)
    : program_(nodes, batch), batch_(batch), settings_(settings) {
    const std::size_t n = program_.trained();
    if (n == 0) throw std::invalid_argument("nothing that the loss depends on is trained");
    first_ = Block(n);
    first_.clear();
    if (settings_.rule == Rule::kAdamw) {
        second_ = Block(n);
        second_.clear();
    }
    if (settings_.ema > 0) averages_ = Block(program_.state());
    const std::size_t outputs = program_.output_size();
    if (settings_.classes) {
        classes_.resize(batch * (outputs / program_.output_channels()));
    } else {
        numbers_.resize(batch * outputs);
    }
}

void Trainer::start() {
    if (settings_.ema > 0) {
        std::memcpy(averages_.data(), program_.weights(), program_.state() * sizeof(float));
    }
}

std::size_t Trainer::run(const Samples& samples, std::span<const std::int64_t> order,
                         std::span<const double> rates, std::optional<Clock::time_point> deadline,
                         double* losses) {
    const auto n = static_cast<std::int64_t>(samples.n);
    const std::vector<std::int64_t> checked(order.begin(), order.end());  // another thread may write to it
    for (const std::int64_t sample : checked) {
        if (sample < 0 || sample >= n) {
            throw std::invalid_argument("order: there is no sample " + std::to_string(sample) + " of " +
                                        std::to_string(n));
        }
    }
    const FlushTiny flush;
    for (std::size_t i = 0; i < rates.size(); ++i) {
        const std::int64_t* rows = checked.data() + i * batch_;
        const Batch batch{batch_, true, settings_.noise, step_};
        gather(samples, rows);
        program_.forward(batch);
        losses[i] = loss(samples, rows);
        program_.backward(batch);
        update(static_cast<float>(rates[i]));
        if (settings_.ema > 0) average();
        ++step_;
        if (deadline && Clock::now() > *deadline) return i + 1;
    }
    return rates.size();
}

void Trainer::gather(const Samples& samples, const std::int64_t* rows) {
    const std::size_t width = program_.input_size();
    float* to = program_.input();
    for (std::size_t i = 0; i < batch_; ++i) {
        std::memcpy(to + i * width, samples.inputs + static_cast<std::size_t>(rows[i]) * width,
                    width * sizeof(float));
    }
}

double Trainer::loss(const Samples& samples, const std::int64_t* rows) {
    const std::size_t size = program_.output_size(), channels = program_.output_channels();
    if (settings_.classes) {
        const std::size_t places = size / channels;
        for (std::size_t i = 0; i < batch_; ++i) {
            std::copy_n(samples.classes + static_cast<std::size_t>(rows[i]) * places, places,
                        classes_.data() + i * places);
        }
        return cross_entropy(batch_ * places, static_cast<int>(channels), program_.output(), classes_.data(),
                             settings_.smoothing, program_.output_gradient());
    }
    for (std::size_t i = 0; i < batch_; ++i) {
        std::copy_n(samples.numbers + static_cast<std::size_t>(rows[i]) * size, size,
                    numbers_.data() + i * size);
    }
    return mean_squared_error(batch_ * size, program_.output(), numbers_.data(), program_.output_gradient());
}

void Trainer::update(float rate) {
    const std::size_t n = program_.trained(), decayed = program_.decayed();
    float *weights = program_.weights(), *gradients = program_.gradients();
    const double norm = std::sqrt(sum_of_squares(n, gradients));
    auto scale = static_cast<float>(settings_.clip / (norm + 1e-6));
    if (scale > 1.0F) scale = 1.0F;  // NaN stays
    const auto part = [&](std::size_t from, std::size_t count, float decay) {
        if (count == 0) return;
        if (settings_.rule == Rule::kAdamw) {
            adamw(count, weights + from, gradients + from, scale, first_.data() + from, second_.data() + from,
                  rate, decay, static_cast<std::int64_t>(step_) + 1);
        } else {
            sgd(count, weights + from, gradients + from, scale, first_.data() + from, rate, decay,
                settings_.momentum);
        }
    };
    part(0, decayed, settings_.decay);
    part(decayed, n - decayed, 0.0F);
}

// Early on the average follows quickly, else it would remember the untrained weights.
void Trainer::average() {
    const double step = static_cast<double>(step_), decay = std::min(settings_.ema, (1 + step) / (10 + step));
    lerp(program_.state(), static_cast<float>(1 - decay), program_.weights(), averages_.data());
}

void Trainer::finish() {
    if (settings_.ema > 0) {
        std::memcpy(program_.weights(), averages_.data(), program_.state() * sizeof(float));
    }
}

void Trainer::evaluate(std::size_t n, const float* inputs, float* outputs) {
    const FlushTiny flush;
    const std::size_t in = program_.input_size(), out = program_.output_size();
    for (std::size_t done = 0; done < n; done += batch_) {
        const std::size_t count = std::min(batch_, n - done);
        std::memcpy(program_.input(), inputs + done * in, count * in * sizeof(float));
        program_.forward({count, false, settings_.noise, step_});
        std::memcpy(outputs + done * out, program_.output(), count * out * sizeof(float));
    }
}

}  // namespace cambrian::train
