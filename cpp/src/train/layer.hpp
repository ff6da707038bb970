// One operation of a program: what it reads and writes, and what it does in the two directions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "cambrian/train/program.hpp"

namespace cambrian::train {

// Size of a value for one sample.
struct Form {
    std::size_t height = 1, width = 1;  // of tokens: 1, their number
    std::size_t channels = 1;
    bool image = false;

    std::size_t rows() const { return height * width; }
    std::size_t size() const { return rows() * channels; }
};

Form form_of(const Shape& shape);

class Layer {
  public:
    struct Input {
        std::size_t value;  // its number in the program
        const float* x = nullptr;
        float* dx = nullptr;  // null where no gradient is wanted
        bool add = false;     // to what dx holds already
    };

    struct Weight {
        std::size_t parameter;
        float* data = nullptr;
        float* gradient = nullptr;
    };

    Layer() = default;
    virtual ~Layer() = default;
    Layer(const Layer&) = delete;
    Layer& operator=(const Layer&) = delete;

    virtual void forward(const Batch& batch) = 0;
    virtual void backward(const Batch& batch) = 0;

    std::vector<Input> inputs;
    std::vector<Weight> weights;
    std::size_t output = 0;
    float* y = nullptr;
    float* dy = nullptr;         // `backward` may destroy it
    bool inputs_kept = false;    // `backward` reads what the inputs held
    bool output_kept = false;    // `backward` reads y
    bool overwrites = false;     // y may lie where its first input does
    bool passes = false;         // dx of the first input may lie where dy does
    bool constant = false;       // no gradient goes back
    std::size_t saved_size = 0;  // floats from `forward` to `backward`
    float* saved = nullptr;
    std::size_t saved_span = 0;
    std::size_t work_size = 0;  // floats, shared by all layers
    float* work = nullptr;
};

// What a layer is made from.
struct Draft {
    const NodeSpec& spec;
    std::int32_t node;
    std::size_t batch;
    std::vector<Form> inputs;
    Form output;
    std::vector<Parameter>& parameters;

    // Declare an array of the layer: a kernel, as torch orders it, which is decayed; or numbers for channels.
    void kernel(Layer& layer, std::size_t outer, std::size_t middle, std::size_t inner = 1) const;
    void channels(Layer& layer, const char* name, Role role = Role::kTrained) const;
    void table(Layer& layer, std::size_t size) const;     // the weights of an embedding
    void constant(Layer& layer, std::size_t size) const;  // what the node reads and nobody trains
};

using Made = std::unique_ptr<Layer>;
Made make_convolution(const Draft& draft);
// `places`: the input is an image of so many places that was to be flattened, channels first.
Made make_linear(const Draft& draft, std::size_t places);
Made make_norm(const Draft& draft);
Made make_activation(const Draft& draft);
Made make_max_pool(const Draft& draft);
Made make_average_pool(const Draft& draft);
Made make_mean(const Draft& draft);
Made make_flatten(const Draft& draft);
Made make_dropout(const Draft& draft);
Made make_add(const Draft& draft);
Made make_concat(const Draft& draft);
Made make_multiply(const Draft& draft);
Made make_resize(const Draft& draft);
Made make_zero(const Draft& draft);
Made make_last(const Draft& draft);
Made make_attention(const Draft& draft);
Made make_embedding(const Draft& draft);
Made make_position(const Draft& draft);
Made make_unembed(const Draft& draft, std::size_t table);  // the number of the embedding's parameter

}  // namespace cambrian::train
