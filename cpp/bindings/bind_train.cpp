#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>

#include "arrays.hpp"
#include "bindings.hpp"
#include "cambrian/train/draws.hpp"
#include "cambrian/train/trainer.hpp"

namespace cambrian::bindings {
namespace {

using train::NodeSpec;
using train::Parameter;
using train::Role;

// Its long calls release the GIL.
struct Trainer final : train::Trainer {
    using train::Trainer::Trainer;
    std::mutex used;
};

class Alone {
  public:
    explicit Alone(Trainer& trainer) : lock_(trainer.used, std::try_to_lock) {
        if (!lock_) throw std::runtime_error("this Trainer is at work in another thread; give each its own");
    }

  private:
    std::unique_lock<std::mutex> lock_;
};

py::array_t<bool> keep(py::handle key, py::handle n, py::handle p_millionths) {
    const std::uint64_t word = seed_argument(key, "key");
    const auto count = static_cast<py::ssize_t>(
        integer(n, "n", 0, std::int64_t{std::numeric_limits<std::uint32_t>::max()} + 1));
    const auto p = static_cast<std::uint32_t>(integer(p_millionths, "p_millionths", 0, train::kMillion - 1));
    py::array_t<bool> kept(count);
    bool* out = kept.mutable_data();
    const py::gil_scoped_release release;
    train::keep(word, static_cast<std::size_t>(count), p, out);
    return kept;
}

std::int32_t int32(py::handle value, const char* name, std::int64_t low) {
    return static_cast<std::int32_t>(integer(value, name, low, std::numeric_limits<std::int32_t>::max()));
}

// (operation code, attributes, shape, inputs)
NodeSpec node_argument(py::handle value) {
    const auto node = py::cast<py::tuple>(value);
    if (node.size() != 4) throw py::value_error("nodes: a node is (operation, attributes, shape, inputs)");
    const auto codes = static_cast<std::int64_t>(operations().size()) - 1;
    NodeSpec spec{static_cast<Op>(integer(node[0], "nodes: operation", 0, codes)), {}, {}, {}};
    const auto attrs = py::cast<py::tuple>(node[1]), shape = py::cast<py::tuple>(node[2]);
    if (attrs.size() > kMaxAttrs) throw py::value_error("nodes: too many attributes");
    if (shape.size() > spec.shape.dim.size()) throw py::value_error("nodes: too many dimensions");
    for (std::size_t i = 0; i < attrs.size(); ++i) spec.attrs[i] = int32(attrs[i], "nodes: attribute", 0);
    spec.shape.rank = static_cast<std::uint8_t>(shape.size());
    for (std::size_t i = 0; i < shape.size(); ++i) spec.shape.dim[i] = int32(shape[i], "nodes: side", 1);
    for (const py::handle input : py::cast<py::tuple>(node[3])) {
        spec.inputs.push_back(int32(input, "nodes: input", 0));
    }
    return spec;
}

std::vector<NodeSpec> nodes_argument(py::handle value) {
    std::vector<NodeSpec> nodes;
    for (const py::handle node : py::cast<py::list>(value)) nodes.push_back(node_argument(node));
    return nodes;
}

std::size_t batch_size(py::handle value) {
    return static_cast<std::size_t>(batch_argument(value));
}

std::unique_ptr<Trainer> make_trainer(py::handle nodes, py::handle batch, const std::string& optimizer,
                                      py::handle classes, py::handle weight_decay, py::handle momentum,
                                      py::handle label_smoothing, py::handle clip, py::handle ema,
                                      py::handle noise) {
    constexpr double kMost = std::numeric_limits<float>::max();
    if (optimizer != "sgd" && optimizer != "adamw") {
        throw py::value_error("optimizer: expected sgd or adamw, got " + optimizer);
    }
    train::Settings settings;
    settings.rule = optimizer == "sgd" ? train::Rule::kSgd : train::Rule::kAdamw;
    settings.classes = flag_argument(classes, "classes");
    settings.decay = static_cast<float>(real(weight_decay, "weight_decay", 0, kMost));
    settings.momentum = static_cast<float>(real(momentum, "momentum", 0, 1));
    settings.smoothing = static_cast<float>(real(label_smoothing, "label_smoothing", 0, 1));
    settings.clip = static_cast<float>(real(clip, "clip", 0, kMost));
    settings.ema = real(ema, "ema", 0, 1);
    settings.noise = seed_argument(noise, "noise");
    return std::make_unique<Trainer>(nodes_argument(nodes), batch_size(batch), settings);
}

py::list arrays_of(Trainer& trainer) {
    py::list rows;
    for (const Parameter& parameter : trainer.program().parameters()) {
        rows.append(py::make_tuple(parameter.node, parameter.name, parameter.size()));
    }
    return rows;
}

// Torch's (outer, middle, inner) from or to the program's (inner, middle, outer).
template <bool kLoad>
void move(const Parameter& p, std::conditional_t<kLoad, const float, float>* torch,
          std::conditional_t<kLoad, float, const float>* own) {
    for (std::size_t a = 0; a < p.outer; ++a) {
        for (std::size_t b = 0; b < p.middle; ++b) {
            for (std::size_t c = 0; c < p.inner; ++c) {
                const std::size_t there = (a * p.middle + b) * p.inner + c;
                const std::size_t here = (c * p.middle + b) * p.outer + a;
                if constexpr (kLoad) {
                    own[here] = torch[there];
                } else {
                    torch[there] = own[here];
                }
            }
        }
    }
}

void need_all(Trainer& trainer, const py::list& arrays) {
    const std::size_t wanted = trainer.program().parameters().size();
    if (arrays.size() != wanted) {
        throw py::value_error("arrays: expected " + std::to_string(wanted) + ", got " +
                              std::to_string(arrays.size()));
    }
}

// The program's weights from or to arrays in torch's order.
template <bool kLoad>
void exchange(Trainer& trainer, const py::list& arrays) {
    const Alone alone(trainer);
    need_all(trainer, arrays);
    for (std::size_t i = 0; i < arrays.size(); ++i) {
        const Parameter& p = trainer.program().parameters()[i];
        const auto size = static_cast<py::ssize_t>(p.size());
        float* own = trainer.program().weights() + p.offset;
        if constexpr (kLoad) {
            move<true>(p, input<float>(arrays[i], "arrays", {size}).data, own);
        } else {
            move<false>(p, output<float>(arrays[i], {size}).data, own);
        }
    }
    if constexpr (kLoad) trainer.start();
}

// One kind of what a Trainer has learned: its numbers, in the order of the weights, and of which parameters.
struct Kind {
    float* data;
    bool (*has)(const Parameter&);
};

Kind kind_of(Trainer& trainer, const std::string& name) {
    const auto trained = [](const Parameter& p) { return p.role == Role::kTrained && p.live; };
    const auto changes = [](const Parameter& p) { return p.role != Role::kConstant; };
    if (name == "weights") return {trainer.program().weights(), changes};
    if (name == "first") return {trainer.first(), trained};
    if (name == "second") return {trainer.second(), trained};
    if (name == "averages") return {trainer.averages(), changes};
    if (name == "gradients") return {trainer.program().gradients(), trained};
    throw py::value_error("state: expected weights, first, second, averages or gradients, got " + name);
}

py::list state(Trainer& trainer, const std::string& name) {
    const Alone alone(trainer);
    const Kind kind = kind_of(trainer, name);
    py::list arrays;
    for (const Parameter& p : trainer.program().parameters()) {
        if (kind.data == nullptr || !kind.has(p)) {
            arrays.append(py::none());
            continue;
        }
        py::array_t<float> array(static_cast<py::ssize_t>(p.size()));
        move<false>(p, array.mutable_data(), kind.data + p.offset);
        arrays.append(array);
    }
    return arrays;
}

void restore(Trainer& trainer, py::handle step, const py::dict& states) {
    const Alone alone(trainer);
    const std::int64_t made = integer(step, "step", 0, std::int64_t{1} << 53);
    for (const char* name : {"weights", "first", "second", "averages"}) {
        const Kind kind = kind_of(trainer, name);
        if (kind.data == nullptr) continue;
        if (!states.contains(name)) throw py::value_error(std::string("states: ") + name + " are missing");
        const auto arrays = py::cast<py::list>(states[name]);
        need_all(trainer, arrays);
        for (std::size_t i = 0; i < arrays.size(); ++i) {
            const Parameter& p = trainer.program().parameters()[i];
            if (!kind.has(p)) continue;
            const auto flat = input<float>(arrays[i], name, {static_cast<py::ssize_t>(p.size())});
            move<true>(p, flat.data, kind.data + p.offset);
        }
    }
    trainer.go_on(static_cast<std::size_t>(made));
}

struct Held {
    train::Samples samples;
    py::object inputs, targets;  // keep the arrays alive
};

Held samples_argument(Trainer& trainer, py::handle inputs, py::handle targets) {
    const auto& program = trainer.program();
    const auto in = input<float>(inputs, "inputs", {kAny, static_cast<py::ssize_t>(program.input_size())});
    Held held{{in.size(0), in.data, nullptr, nullptr}, in.owner, {}};
    const auto n = static_cast<py::ssize_t>(held.samples.n);
    const std::size_t size = program.output_size(), places = size / program.output_channels();
    if (trainer.settings().classes) {
        const auto y = input<std::int64_t>(targets, "targets", {n, static_cast<py::ssize_t>(places)});
        held.samples.classes = y.data;
        held.targets = y.owner;
    } else {
        const auto y = input<float>(targets, "targets", {n, static_cast<py::ssize_t>(size)});
        held.samples.numbers = y.data;
        held.targets = y.owner;
    }
    return held;
}

py::array_t<double> run(Trainer& trainer, py::handle inputs, py::handle targets, py::handle order,
                        py::handle rates, py::handle seconds) {
    const Alone alone(trainer);
    const Held held = samples_argument(trainer, inputs, targets);
    const auto lr = input<double>(rates, "rates", {kAny});
    const auto rows = input<std::int64_t>(
        order, "order", {static_cast<py::ssize_t>(lr.size()), static_cast<py::ssize_t>(trainer.batch())});
    std::optional<train::Trainer::Clock::time_point> deadline;
    if (!seconds.is_none()) {
        const double left = std::max(0.0, real(seconds, "seconds", -1e9, 1e9));
        deadline = train::Trainer::Clock::now() + std::chrono::duration_cast<train::Trainer::Clock::duration>(
                                                      std::chrono::duration<double>(left));
    }
    std::vector<double> losses(lr.size());
    std::size_t made = 0;
    {
        const py::gil_scoped_release release;
        made = trainer.run(held.samples, {rows.data, rows.size()}, {lr.data, lr.size()}, deadline,
                           losses.data());
    }
    return py::array_t<double>(static_cast<py::ssize_t>(made), losses.data());
}

py::array_t<float> evaluate(Trainer& trainer, py::handle inputs) {
    const Alone alone(trainer);
    const auto& program = trainer.program();
    const auto in = input<float>(inputs, "inputs", {kAny, static_cast<py::ssize_t>(program.input_size())});
    py::array_t<float> outputs({in.owner.shape(0), static_cast<py::ssize_t>(program.output_size())});
    float* out = outputs.mutable_data();
    const py::gil_scoped_release release;
    trainer.evaluate(in.size(0), in.data, out);
    return outputs;
}

}  // namespace

void bind_train(py::module_& module) {
    module.def("keep", &keep, "Which of n values a dropout keeps.", py::arg("key"), py::arg("n"),
               py::arg("p_millionths"));
    module.def(
        "train_refuses",
        [](py::object nodes, py::object batch) {
            return train::refuses(nodes_argument(nodes), batch_size(batch));
        },
        "Why no Trainer can be made of a graph; empty where one can.", py::arg("nodes"), py::arg("batch"));
    py::class_<Trainer>(module, "Trainer", "Trains one network on the CPU.")
        .def(py::init(&make_trainer), py::arg("nodes"), py::arg("batch"), py::kw_only(), py::arg("optimizer"),
             py::arg("classes"), py::arg("weight_decay"), py::arg("momentum"), py::arg("label_smoothing"),
             py::arg("clip"), py::arg("ema"), py::arg("noise"))
        .def_property_readonly("arrays", &arrays_of)
        .def_property_readonly("step", [](Trainer& trainer) { return Alone(trainer), trainer.step(); })
        .def_property_readonly("memory", [](Trainer& trainer) { return trainer.program().memory(); })
        .def("load", &exchange<true>, py::arg("arrays"))
        .def("store", &exchange<false>, py::arg("arrays"))
        .def("state", &state, py::arg("name"))
        .def("restore", &restore, py::arg("step"), py::arg("states"))
        .def("run", &run, py::arg("inputs"), py::arg("targets"), py::arg("order"), py::arg("rates"),
             py::arg("seconds") = py::none())
        .def("finish",
             [](Trainer& trainer) {
                 const Alone alone(trainer);
                 trainer.finish();
             })
        .def("evaluate", &evaluate, py::arg("inputs"));
}

}  // namespace cambrian::bindings
