#include "apps/report/report.h"

#include <string_view>

#include "apps/report/page_data.h"
#include "apps/report/page_files.h"
#include "core/error.h"

namespace limbeck {
namespace {

// JSON that a <script> may hold. Only its strings have a "<", and there the escape means the same:
// so neither "</script>" nor "<!--" can occur. Bytes that are not UTF-8, which an option's path may
// have, become U+FFFD.
std::string script_json(const nlohmann::ordered_json& json) {
  using Handler = nlohmann::ordered_json::error_handler_t;
  std::string safe;
  for (const char c : json.dump(-1, ' ', false, Handler::replace)) {
    if (c == '<') {
      safe += "\\u003c";
    } else {
      safe += c;
    }
  }
  return safe;
}

// The template with each {{name}} replaced by that file, or by the data; what is put in is not
// looked through again.
std::string filled(std::string_view text, const std::string& data) {
  std::string page;
  while (true) {
    const std::size_t open = text.find("{{");
    page += text.substr(0, open);
    if (open == std::string_view::npos) return page;
    const std::size_t close = text.find("}}", open);
    const std::string name(text.substr(open + 2, close - open - 2));
    const std::string_view part = name == "data" ? data : detail::page_file(name);
    if (part.empty()) fail("report_page", "page.html asks for {}, which is not there", name);
    page += part;
    text.remove_prefix(close + 2);
  }
}

}  // namespace

std::string report_page(const ReportInput& input) {
  return filled(detail::page_file("page.html"), script_json(detail::page_data(input)));
}

}  // namespace limbeck
