// A reader of the XML that pictures consist of, so that tests can measure them.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace limbeck::testing {

struct Element {
  std::string name;
  std::map<std::string, std::string> attributes;
  std::string text;  // its own, without that of the elements inside

  std::string at(const std::string& key) const;  // "" if there is no such attribute
  double number(const std::string& key) const;
  bool is(const std::string& role) const;  // one of the words of its class
};

// The elements of a document in the order of their beginnings. Error: what is not well-formed.
std::vector<Element> elements(const std::string& xml);

std::vector<Element> with_role(const std::string& document, const std::string& role);
std::vector<Element> with_name(const std::string& document, const std::string& name);
std::vector<std::string> texts_of(const std::vector<Element>& found);

using Texts = std::vector<std::string>;

}  // namespace limbeck::testing
