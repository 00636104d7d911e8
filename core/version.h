// Which Limbeck this is.
#pragma once

namespace limbeck {

// The library's version, "0.1.0": that of its shared library and of what pkg-config and CMake find.
const char* version();

}  // namespace limbeck
