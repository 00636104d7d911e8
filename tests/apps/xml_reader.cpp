#include "tests/apps/xml_reader.h"

#include <algorithm>
#include <iterator>
#include <sstream>

#include "core/error.h"

namespace limbeck::testing {
namespace {

// The text that XML stands for. Error: an & that begins no entity of the five, a <.
std::string unescaped(const std::string& xml) {
  static const std::map<std::string, char> entities = {
      {"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
  std::string text;
  for (std::size_t i = 0; i < xml.size(); ++i) {
    if (xml[i] == '<' || (xml[i] >= 0 && xml[i] < ' ' && xml[i] != '\n')) {
      fail("xml", "raw {}", xml);
    }
    if (xml[i] != '&') {
      text += xml[i];
      continue;
    }
    const std::string entity = xml.substr(i, xml.find(';', i) - i + 1);
    if (!entities.contains(entity)) fail("xml", "no entity: {}", entity);
    text += entities.at(entity);
    i += entity.size() - 1;
  }
  return text;
}

// The name and attributes between < and >, as: name a="…" b="…"
Element tag(const std::string& inside) {
  static const std::string letters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
  std::size_t at = std::min(inside.find_first_not_of(letters), inside.size());
  Element element = {inside.substr(0, at), {}, ""};
  if (at == 0) fail("xml", "no name: <{}>", inside);
  while (at < inside.size()) {
    const std::size_t begin = inside.find_first_not_of(' ', at);
    const std::size_t equals = std::min(inside.find_first_not_of(letters, begin), inside.size());
    const std::size_t end = inside.find('"', equals + 2);
    if (begin == at || begin == equals || inside.compare(equals, 2, "=\"") != 0 ||
        end == std::string::npos) {
      fail("xml", "no attribute: {}", inside.substr(at));
    }
    const std::string key = inside.substr(begin, equals - begin);
    const std::string value = unescaped(inside.substr(equals + 2, end - equals - 2));
    if (!element.attributes.emplace(key, value).second) fail("xml", "{} twice: <{}>", key, inside);
    at = end + 1;
  }
  return element;
}

}  // namespace

std::string Element::at(const std::string& key) const {
  const auto found = attributes.find(key);
  return found == attributes.end() ? "" : found->second;
}

double Element::number(const std::string& key) const {
  return std::stod(at(key));
}

bool Element::is(const std::string& role) const {
  std::istringstream roles(at("class"));
  return std::find(std::istream_iterator<std::string>(roles), {}, role) !=
         std::istream_iterator<std::string>();
}

std::vector<Element> elements(const std::string& xml) {
  std::vector<Element> all;
  std::vector<std::size_t> open;  // indices of the elements that enclose the place read
  for (std::size_t at = 0; at < xml.size();) {
    const std::size_t begin = std::min(xml.find('<', at), xml.size());
    const std::string text = unescaped(xml.substr(at, begin - at));
    if (!open.empty()) all[open.back()].text += text;
    if (open.empty() && text.find_first_not_of(" \n") != std::string::npos) {
      fail("xml", "outside: {}", text);
    }
    if (begin == xml.size()) break;
    const std::size_t end = xml.find('>', begin);
    if (end == std::string::npos) fail("xml", "unfinished: {}", xml.substr(begin));
    std::string inside = xml.substr(begin + 1, end - begin - 1);
    at = end + 1;
    if (inside.starts_with('/')) {
      if (open.empty() || inside != "/" + all[open.back()].name) {
        fail("xml", "unmatched: <{}>", inside);
      }
      open.pop_back();
      continue;
    }
    if (open.empty() && !all.empty()) fail("xml", "a second root: <{}>", inside);
    const bool whole = inside.ends_with('/');
    if (whole) inside.pop_back();
    all.push_back(tag(inside));
    if (!whole) open.push_back(all.size() - 1);
  }
  if (!open.empty()) fail("xml", "not closed: {}", all[open.back()].name);
  return all;
}

std::vector<Element> with_role(const std::string& document, const std::string& role) {
  std::vector<Element> found;
  for (const Element& element : elements(document)) {
    if (element.is(role)) found.push_back(element);
  }
  return found;
}

std::vector<Element> with_name(const std::string& document, const std::string& name) {
  std::vector<Element> found;
  for (const Element& element : elements(document)) {
    if (element.name == name) found.push_back(element);
  }
  return found;
}

std::vector<std::string> texts_of(const std::vector<Element>& found) {
  std::vector<std::string> texts;
  for (const Element& element : found) texts.push_back(element.text);
  return texts;
}

}  // namespace limbeck::testing
