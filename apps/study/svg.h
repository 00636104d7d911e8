// What the pictures of a study share: the frame of an SVG document, and text and lines in it.
//
// A picture has its own ground and inks and changes both in a dark colour scheme; its parts name
// them by class: "ground", "ink", "muted", "grid", and "c0" to "c5", which set the current colour.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace limbeck::detail {

// Text as XML may hold it, between tags and in attributes.
std::string escaped(std::string_view text);

// About the width of a line of text 12 pixels high; sans-serif fonts differ by a tenth.
double text_width(std::string_view text);
double widest(const std::vector<std::string>& texts);  // 0 if there are none

// The text in lines about as wide as `width` at most, 12 pixels high, broken at spaces and within a
// word only if it is longer than a line. No line for an empty text.
std::vector<std::string> wrapped(std::string_view text, double width);

// Text at (x, y), the left end of its base line; `attributes` as they stand in the tag.
std::string text_at(double x, double y, std::string_view attributes, std::string_view text);

std::string line_from_to(double x1, double y1, double x2, double y2, std::string_view attributes);

// The whole document: its title for those who listen, its style, its ground, and the body.
std::string document(double width, double height, std::string_view title, std::string_view body);

}  // namespace limbeck::detail
