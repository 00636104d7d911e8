// Images as lines of CSV: a label and the pixels.
#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <limits>

#include "core/error.h"
#include "core/parallel.h"
#include "data/formats/csv_text.h"
#include "data/formats/names.h"
#include "data/formats/packed_file.h"
#include "data/formats/raw_sets.h"

namespace limbeck::detail {
namespace {

constexpr std::array<std::string_view, 7> label_words = {"label",   "labels", "class",   "target",
                                                         "targets", "y",      "class_id"};

// What the first lines say of the rest.
struct Table {
  std::string file;
  std::string text;
  std::vector<CsvLine> lines;  // of images
  std::vector<std::string> heads{};
  char separator = ',';
  std::size_t columns = 0;
  std::size_t label_column = 0;  // `columns`: there are no labels
};

bool is_number(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error != std::errc::invalid_argument && end == text.data() + text.size();
}

std::vector<std::string> fields_of(std::string_view line, char separator) {
  std::vector<std::string> fields;
  for (CsvFields rest(line, separator); !rest.done();) {
    fields.push_back(lower_case(bare(rest.next())));
  }
  return fields;
}

bool is_label_word(const std::string& word) {
  return std::ranges::find(label_words, word) != label_words.end();
}

// Whether all fields but one are pixels: from 0 to 255, and not 0, 1, 2, … or 1, 2, 3, …, which are
// names of columns.
bool has_pixels(const std::vector<std::string>& fields) {
  std::vector<double> numbers;
  for (const std::string& field : fields) {
    if (!is_number(field)) continue;
    double number = 256;
    std::from_chars(field.data(), field.data() + field.size(), number);
    if (!(number >= 0 && number <= 255)) return false;
    numbers.push_back(number);
  }
  if (numbers.size() + 1 != fields.size()) return false;
  const auto jump =
      std::ranges::adjacent_find(numbers, [](double a, double b) { return b != a + 1; });
  return jump != numbers.end() || numbers[0] > 1;
}

// Whether a line of such fields names columns. ("y" may be a letter that an image shows.)
bool is_head(const std::vector<std::string>& fields) {
  const auto numbers = std::ranges::count_if(fields, is_number);
  return (std::ranges::any_of(fields, is_label_word) && !has_pixels(fields)) ||
         numbers < static_cast<std::ptrdiff_t>(fields.size() / 2);
}

bool is_image_size(Index columns, const ImageOptions& options) {
  try {
    const std::array<Index, 2> dims = {1, columns};
    layout_of(dims, options, "");
    return true;
  } catch (const Error&) {
    return false;
  }
}

Table read_table(const std::string& path, const ImageOptions& options) {
  Table table{.file = path,
              .text = PackedFile(load_op, path).read_rest(std::numeric_limits<std::size_t>::max()),
              .lines = {}};
  const std::string other = other_kind(std::string_view(table.text).substr(0, 512));
  if (!other.empty()) fail(load_op, "{}: it is not CSV{}", path, other);
  table.lines = lines_of(table.text);
  if (table.lines.empty()) fail(load_op, "{}: it is empty", path);
  table.separator = separator_of(table.lines[0].text);
  std::vector<std::string> first = fields_of(table.lines[0].text, table.separator);
  table.columns = first.size();
  if (table.columns < 2) {
    fail(load_op, "{}: line {} has one field; a label and pixels are needed, with commas between",
         path, table.lines[0].number);
  }
  if (is_head(first)) {
    const auto label = std::ranges::find_if(first, is_label_word);
    table.label_column = static_cast<std::size_t>(label - first.begin());
    const auto columns = static_cast<Index>(first.size());
    if (label == first.end() && !is_image_size(columns, options)) table.label_column = 0;
    table.heads = std::move(first);
    table.lines.erase(table.lines.begin());
    if (table.lines.empty()) fail(load_op, "{}: it has names of columns and no image", path);
  }
  return table;
}

// "line 7, column 3 (pixel1)": counted from 1.
std::string place_of(const Table& table, const CsvLine& line, std::size_t column) {
  const std::string head = table.heads.empty() ? "" : fmt::format(" ({})", table.heads.at(column));
  return fmt::format("{}: line {}, column {}{}", table.file, line.number, column + 1, head);
}

[[noreturn]] void refuse_columns(const Table& table, const CsvLine& line, std::size_t columns) {
  fail(load_op, "{}: line {} has {} fields and the first line {}", table.file, line.number, columns,
       table.columns);
}

// A pixel as a number, whatever its range. Error: it is none.
double number_of(std::string_view field, const Table& table, const CsvLine& line,
                 std::size_t column) {
  const std::string_view text = bare(field);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  if (!whole || !(number >= 0 && number <= 255)) {
    fail(load_op, "{}: '{}' is not a number from 0 to 255", place_of(table, line, column),
         text.substr(0, 40));
  }
  return number;
}

// The pixels of a line, and its label as it is written. False: a pixel has a decimal point, and
// none was expected: T is a byte.
template <class T>
bool read_line(const Table& table, const CsvLine& line, T* pixels, std::string_view& label) {
  CsvFields fields(line.text, table.separator);
  std::size_t column = 0;
  for (; !fields.done(); ++column) {
    if (column == table.columns) break;
    if (column == table.label_column) {
      label = bare(fields.next());
      continue;
    }
    const int byte = fields.next_byte();
    if (byte >= 0) {
      *pixels++ = static_cast<T>(byte);
      continue;
    }
    const std::string_view field = fields.next();
    const double number = number_of(field, table, line, column);
    if (sizeof(T) == 1 && field.find_first_of(".eE") != std::string_view::npos) return false;
    *pixels++ = static_cast<T>(number);
  }
  if (column < table.columns || !fields.done()) {
    while (!fields.done()) fields.next(), ++column;
    refuse_columns(table, line, column);
  }
  return true;
}

// All pixels, with all labels as they are written; nothing where read_line refuses.
template <class T>
std::vector<T> read_lines(const Table& table, std::vector<std::string_view>& labels) {
  const bool labelled = table.label_column < table.columns;
  const std::size_t one = table.columns - (labelled ? 1 : 0);
  // Before memory is asked for: a line of so many fields has as many separators and more.
  for (const CsvLine& line : table.lines) {
    if (line.text.size() + 1 >= 2 * table.columns) continue;
    const std::size_t columns = fields_of(line.text, table.separator).size();
    if (columns != table.columns) refuse_columns(table, line, columns);
    fail(load_op, "{}: line {} has empty fields", table.file, line.number);
  }
  std::vector<T> pixels(table.lines.size() * one);
  labels.resize(table.lines.size());
  std::atomic<bool> fits = true;
  const auto count = static_cast<Index>(table.lines.size());
  parallel_for(count, 64, [&](Index begin, Index end) {
    for (Index i = begin; i < end && fits; ++i) {
      const auto at = static_cast<std::size_t>(i);
      if (!read_line(table, table.lines[at], &pixels[at * one], labels[at])) fits = false;
    }
  });
  if (!fits) pixels.clear();
  return pixels;
}

// Labels as numbers where all are, else as words.
void set_labels(RawSet& set, const Table& table, std::span<const std::string_view> labels) {
  std::map<std::string_view, std::int64_t> places;
  const bool numbers = std::ranges::all_of(labels, is_number);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    double number = 0;
    const std::string_view text = labels[i];
    const auto place = [&] { return place_of(table, table.lines[i], table.label_column); };
    if (text.empty()) fail(load_op, "{}: there is no label", place());
    if (numbers) {
      std::from_chars(text.data(), text.data() + text.size(), number);
      if (!(number >= -1e15 && number <= 1e15) || number != std::floor(number)) {
        fail(load_op, "{}: the label '{}' is not a whole number", place(), text.substr(0, 40));
      }
      set.labels.push_back(static_cast<std::int64_t>(number));
    } else {
      const auto [known, is_new] = places.emplace(text, static_cast<std::int64_t>(places.size()));
      if (is_new) set.words.emplace_back(text);
      set.labels.push_back(known->second);
    }
  }
}

struct Reader {
  const ImageOptions& options;
  RealsAsBytes as_bytes{};
  std::vector<std::string> notes{};

  // No set where the file has no labels.
  std::optional<RawSet> operator()(const std::string& path) {
    const Table table = read_table(path, options);
    if (table.label_column == table.columns) {
      notes.push_back(fmt::format("{} has no labels and is left out", path));
      return std::nullopt;
    }
    const std::array<Index, 2> dims = {static_cast<Index>(table.lines.size()),
                                       static_cast<Index>(table.columns) - 1};
    const Layout layout = layout_of(dims, options, path);
    RawSet set{.image = layout.image, .file = path};
    std::vector<std::string_view> labels;
    set.pixels = read_lines<std::uint8_t>(table, labels);
    set.pixels = set.pixels.empty() ? as_bytes(read_lines<float>(table, labels), path, notes)
                                    : as_bytes(std::move(set.pixels), path, notes);
    if (layout.channels_last) put_channels_first(set.pixels, set.image);
    set_labels(set, table, labels);
    return set;
  }
};

using Files = std::map<Role, std::string>;

// Whether it is a table of a few columns, names of classes or what is to be handed in to Kaggle
// say.
bool is_a_list(const std::string& path) {
  std::string begin(1 << 16, '\0');
  begin.resize(PackedFile(load_op, path).read(begin.data(), begin.size()));
  const std::vector<CsvLine> lines = lines_of(begin);
  if (lines.empty() || !other_kind(begin).empty()) return false;
  return fields_of(lines[0].text, separator_of(lines[0].text)).size() < 4;
}

RawSets read_files(const Files& files, const std::string& name, const ImageOptions& options) {
  Reader read{.options = options};
  RawSets sets{.on_their_side = name.starts_with("emnist")};
  for (const auto& [role, path] : files) {
    sets.of(role) = read(path);
  }
  sets.notes = std::move(read.notes);
  return sets;
}

}  // namespace

RawSets read_csv(const std::string& path, const ImageOptions& options) {
  const std::string name = std::filesystem::path(path).filename().string();
  return read_files({{Role::train, path}}, parse_name(name).set, options);
}

std::vector<Found> csv_sets(const Listing& folder) {
  std::map<std::string, Files> sets;
  for (const std::string& file : folder.files) {
    if (!has_ending(file, ".csv")) continue;
    const SetName name = parse_name(file);
    const std::string path = folder.of(file);
    if (is_a_list(path)) continue;
    std::string& place = sets[name.set][name.role];
    if (!place.empty() && place + ".gz" != path) {
      fail(load_op, "{} and {} are the same part of one set: take one of them away", place, path);
    }
    if (place.empty()) place = path;
  }
  std::vector<Found> found;
  for (const auto& [set, files] : sets) {
    if (files.contains(Role::unsaid) && files.size() > 1) {
      fail(load_op, "{} has {} beside files of training and test images: take it away", folder.path,
           files.at(Role::unsaid));
    }
    found.push_back({.name = set.empty() ? "csv" : set,
                     .what = "CSV",
                     .read = [set = set, files = files](const ImageOptions& options) {
                       return read_files(files, set, options);
                     }});
  }
  return found;
}

}  // namespace limbeck::detail
