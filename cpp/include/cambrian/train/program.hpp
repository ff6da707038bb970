// A network as a static program: layers in order, their parameters, and where every value lies in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cambrian/graph.hpp"
#include "cambrian/train/memory.hpp"

namespace cambrian::train {

class Layer;
struct Plan;

// A node of a graph as `cambrian::Graph` numbers them: node 0 is the input, the last one the output.
struct NodeSpec {
    Op op;
    Shape shape;
    Attrs attrs;
    std::vector<std::int32_t> inputs;
};

// What is trained (weights), follows training (running statistics) or stays (tables).
enum class Role : std::uint8_t { kTrained, kTracked, kConstant };

// One array of a layer. Torch's order (outer, middle, inner) is (inner, middle, outer) here, so that what a
// product reads together lies together.
struct Parameter {
    std::int32_t node;
    std::string name;  // torch's: weight, bias, running_mean, running_var; table
    Role role;
    bool decayed;  // two dimensions or more
    std::size_t outer, middle, inner;
    std::size_t offset = 0;  // in the program's weights
    bool live = true;        // the loss depends on it
    bool summed = false;     // several layers add to its gradient

    std::size_t size() const { return outer * middle * inner; }
};

// What a step needs to know beside the numbers.
struct Batch {
    std::size_t n;  // samples, at most those that the program was compiled for
    bool training;
    std::uint64_t noise, step;  // of dropout's draws
};

// Layout of every value: (n, height, width, channels), (n, tokens, features) or (n, features), float32.
class Program {
  public:
    // Throws std::invalid_argument, with the reason of `refuses`, for a graph that it can't run.
    Program(const std::vector<NodeSpec>& nodes, std::size_t batch);
    ~Program();
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

    float* input() { return at(input_); }  // n × input_size numbers, to be filled before `forward`
    std::size_t input_size() const { return input_size_; }
    const float* output() const { return at(output_); }  // n × output_size numbers, until the next forward
    std::size_t output_size() const { return output_size_; }
    std::size_t output_channels() const { return output_channels_; }
    float* output_gradient() { return at(output_gradient_); }  // to be filled before `backward`

    void forward(const Batch& batch);
    void backward(const Batch& batch);

    const std::vector<Parameter>& parameters() const { return parameters_; }
    // Parameters one after another: those decayed, those not, those that nothing depends on, the others.
    float* weights() { return weights_.data(); }
    float* gradients() { return gradients_.data(); }
    std::size_t decayed() const { return decayed_; }
    std::size_t trained() const { return trained_; }  // decayed or not
    std::size_t state() const { return state_; }      // all that is not constant
    std::size_t memory() const;                       // bytes

  private:
    void lay_out();
    void connect(Plan& plan);

    float* at(std::size_t offset) { return arena_.data() + offset; }
    const float* at(std::size_t offset) const { return arena_.data() + offset; }

    std::size_t input_ = 0, input_size_ = 0;
    std::size_t output_ = 0, output_size_ = 0, output_channels_ = 0, output_gradient_ = 0;
    std::size_t decayed_ = 0, trained_ = 0, state_ = 0;
    std::vector<std::unique_ptr<Layer>> layers_;
    std::vector<Parameter> parameters_;
    Block weights_, gradients_, arena_;
};

// Why no program can run a graph in batches of so many samples, in words; empty where one can.
std::string refuses(const std::vector<NodeSpec>& nodes, std::size_t batch);

}  // namespace cambrian::train
