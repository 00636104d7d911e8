// The files that make up the page of a report, as they lie in apps/report. The Makefile writes the
// source of this function.
#pragma once

#include <string>
#include <string_view>

namespace limbeck::detail {

// The text of "page.html", "page.css" or one of the scripts; empty if there is no such file.
std::string_view page_file(const std::string& name);

}  // namespace limbeck::detail
