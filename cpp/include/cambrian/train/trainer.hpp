// Training of one network: steps of a program, its loss, and its optimizer.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "cambrian/train/program.hpp"

namespace cambrian::train {

enum class Rule : std::uint8_t { kSgd, kAdamw };

struct Settings {
    Rule rule = Rule::kAdamw;
    bool classes = true;  // cross entropy of class numbers; else mean squared error
    float decay = 0.0F, momentum = 0.9F, smoothing = 0.0F;
    float clip = 5.0F;  // largest norm of the gradient
    double ema = 0.0;   // decay of the averaged weights; 0: none
    std::uint64_t noise = 0;
};

// Samples, in the layout of values; targets are class numbers (n, places) or numbers (n, outputs).
struct Samples {
    std::size_t n = 0;
    const float* inputs = nullptr;
    const std::int64_t* classes = nullptr;
    const float* numbers = nullptr;
};

class Trainer {
  public:
    // Throws std::invalid_argument where a program can't run the graph or nothing in it is trained.
    Trainer(const std::vector<NodeSpec>& nodes, std::size_t batch, const Settings& settings);

    Program& program() { return program_; }
    std::size_t batch() const { return batch_; }
    const Settings& settings() const { return settings_; }

    // From now on the averages are of these weights.
    void start();

    // What a training that is broken off needs to go on, beside the program's weights: momentum or moments of
    // AdamW (program().trained() numbers each, in the order of the weights), averages (program().state());
    // null where there are none.
    float* first() { return first_.data(); }
    float* second() { return second_.data(); }
    float* averages() { return averages_.data(); }
    std::size_t step() const { return step_; }  // steps made
    // Goes on at a step with what is in these places.
    void go_on(std::size_t step) { step_ = step; }

    // Makes a step for each row of `order` (steps, batch), samples by number, and writes its loss. Stops at
    // `deadline`. Returns the steps made. Throws std::invalid_argument for a sample that is not there, or a
    // class that is none.
    using Clock = std::chrono::steady_clock;
    std::size_t run(const Samples& samples, std::span<const std::int64_t> order,
                    std::span<const double> rates, std::optional<Clock::time_point> deadline, double* losses);
    // Puts the averages in the place of the weights, if there are any.
    void finish();
    // outputs (n, output_size) of inputs (n, input_size).
    void evaluate(std::size_t n, const float* inputs, float* outputs);

  private:
    void gather(const Samples& samples, const std::int64_t* rows);
    double loss(const Samples& samples, const std::int64_t* rows);
    void update(float rate);
    void average();

    Program program_;
    std::size_t batch_, step_ = 0;
    Settings settings_;
    Block first_, second_, averages_;  // momentum, or the moments of AdamW
    std::vector<std::int64_t> classes_;
    std::vector<float> numbers_;
};

}  // namespace cambrian::train
