#include "bindings.hpp"

namespace cambrian::bindings {

void bind_build(pybind11::module_& module) {
    module.def(
        "build",
        [] {
            pybind11::dict facts;
            facts["compiler"] = CAMBRIAN_COMPILER;
            facts["flags"] = CAMBRIAN_FLAGS;
            facts["type"] = CAMBRIAN_BUILD_TYPE;
            return facts;
        },
        "How this binary was compiled.");
}

}  // namespace cambrian::bindings
