// Adding to a file that others follow while it grows.
#pragma once

#include <string>
#include <string_view>

namespace limbeck {

// How far what was added has come when the call returns.
enum class Reached {
  readers,  // others see it
  disk,     // a machine that stops does not lose it, if the file was there before
};

// Writes the bytes at the file's end; makes the file if it is not there. Error, in the name of
// `op`, with the path and the system's reason: it cannot be written, or not all of it.
void append_to_file(const char* op, const std::string& path, std::string_view bytes,
                    Reached reached = Reached::readers);

}  // namespace limbeck
