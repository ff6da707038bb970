// The parts of Layout::parse that look at a whole record once its words are read.
#pragma once

#include "cambrian/layout.hpp"

namespace cambrian {

// Each throws std::invalid_argument that names the column, repeat or procedure.
void validate_columns(const Layout& layout);     // repeats tile their slots; order decides before it asks
void validate_masks(const Layout& layout);       // each names a repeat around or beside it
void validate_procedures(const Layout& layout);  // registers, expressions, blocks; no recursion
void validate_frames(const Layout& layout);      // every column that any execution can read exists and fits

}  // namespace cambrian
