// safetensors: what is written, what is read, and what is refused in which words.
#include "core/files/safetensors.h"

#include "tests/cpu_time.h"
#include "tests/data/idx_files.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// A file of this header, not padded, and these data.
Bytes file_of(const Bytes& header, const Bytes& data) {
  Bytes bytes(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<char>(header.size() >> 8 * i & 255);
  return bytes + header + data;
}

// One tensor "x".
Bytes one(const Bytes& dtype, const Bytes& shape, const Bytes& data) {
  return file_of(fmt::format(R"({{"x":{{"dtype":"{}","shape":{},"data_offsets":[0,{}]}}}})", dtype,
                             shape, data.size()),
                 data);
}

TensorFile read(const Bytes& bytes) {
  const Folder folder;
  return read_safetensors(folder.write("x.safetensors", bytes));
}

// What the reader says to a file of these bytes, without the op and the file's name.
std::string complaint(const Bytes& bytes) {
  const Folder folder;
  const std::string file = folder.write("x.safetensors", bytes);
  const std::string start = "read_safetensors: " + file + ": ";
  const std::string text = error_of([&] { read_safetensors(file); });
  if (!text.starts_with(start)) return text;
  return text.substr(start.size());
}

// The same for a header of one entry, or more, and eight bytes of data.
std::string complaint_about(const Bytes& header) {
  return complaint(file_of(header, Bytes(8, '\0')));
}

constexpr const char* two_floats = R"("dtype":"F32","shape":[2],"data_offsets":[0,8])";

Bytes small_file() {
  return file_of(
      R"({"__metadata__":{"spec":"mlp:"},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]},)"
      R"("a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}}  )",
      Bytes("\x00\x00\x80\x3f\x00\x00\x20\x40\x00\x00\x40\xc0", 12));
}

}  // namespace

TEST_CASE("tensors come back from safetensors with their names and metadata, to the bit") {
  const Folder folder;
  const std::string file = folder.file("x.safetensors");
  TensorFile content{.tensors = {{"1.weight", random_tensor({3, 4}, 1)},
                                 {"1.bias", random_tensor({4}, 2)},
                                 {"", Tensor::zeros({2, 0, 3})},
                                 {"größe \"7\"", random_tensor({}, 3)},
                                 {"large", random_tensor({300, 700}, 4)}},
                     .metadata = {{"spec", "mlp:4"}, {"note", "a \"line\"\nand another"}}};
  for (const StoredAs stored : {StoredAs::own, StoredAs::f32}) {
    if (stored == StoredAs::f32) {
      for (NamedTensor& t : content.tensors) {
        for (real& x : t.tensor.values()) x = static_cast<float>(x);
      }
    }
    write_safetensors(file, content, stored);
    const TensorFile again = read_safetensors(file);
    CHECK(again.metadata == content.metadata);
    REQUIRE(again.tensors.size() == content.tensors.size());
    for (const NamedTensor& t : again.tensors) {
      const auto same = [&](const NamedTensor& other) {
        return other.name == t.name && same_bits(other.tensor, t.tensor);
      };
      CHECK_MESSAGE(std::ranges::any_of(content.tensors, same), t.name);
    }
  }
}

TEST_CASE("the written file is what the format's description says") {
  const Folder folder;
  const std::string file = folder.file("x.safetensors");
  write_safetensors(file, {.tensors = {{"a", Tensor::from({2}, {1, -2.5})}}, .metadata = {}});
  const Bytes header = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  REQUIRE(header.size() == 54);  // and two spaces, so that the data begin at a multiple of eight
  CHECK(read_all(file) == Bytes("\x38\0\0\0\0\0\0\0", 8) + header + "  " +
                              Bytes("\x00\x00\x80\x3f\x00\x00\x20\xc0", 8));
}

TEST_CASE("tensors are read in the order of their data, whatever the header's") {
  const TensorFile file = read(small_file());
  REQUIRE(file.tensors.size() == 2);
  CHECK(file.tensors[0].name == "a");
  CHECK(file.tensors[0].tensor.shape() == Shape{2, 1});
  CHECK(difference(file.tensors[0].tensor, {1, 2.5}) == 0);
  CHECK(difference(file.tensors[1].tensor, {-3}) == 0);
  CHECK(file.metadata == Metadata{{"spec", "mlp:"}});
}

TEST_CASE("F64, F16 and BF16 become reals") {
  const Tensor f64 = read(one("F64", "[1]", {"\0\0\0\0\0\0\xf8\xbf", 8})).tensors[0].tensor;
  CHECK(difference(f64, {-1.5}) == 0);
  // IEEE 754, half precision: 1, −2, the largest (65504), the smallest (2⁻²⁴), the smallest normal
  // (2⁻¹⁴), 1/3 rounded (0.33325195), −0.
  const Tensor f16 =
      read(one("F16", "[7]", {"\x00\x3c\x00\xc0\xff\x7b\x01\x00\x00\x04\x55\x35\x00\x80", 14}))
          .tensors[0]
          .tensor;
  CHECK(difference(f16, {1, -2, 65504, 0x1p-24, 0x1p-14, 0.333251953125, 0}) == 0);
  CHECK(f16.values()[3] == static_cast<real>(0x1p-24));
  CHECK(f16.values()[4] == static_cast<real>(0x1p-14));
  CHECK(std::signbit(f16.values()[6]));
  const Tensor special = read(one("F16", "[3]", {"\x00\x7c\x00\xfc\x01\x7e", 6})).tensors[0].tensor;
  CHECK(special.values()[0] == INFINITY);
  CHECK(special.values()[1] == -INFINITY);
  CHECK(std::isnan(special.values()[2]));
  const Tensor bf16 = read(one("BF16", "[2]", {"\x80\x3f\x49\xc0", 4})).tensors[0].tensor;
  CHECK(difference(bf16, {1, -3.140625}) == 0);
}

TEST_CASE("tensors of integers are passed over and named") {
  const Bytes header = R"({"n":{"dtype":"I64","shape":[],"data_offsets":[0,8]},)"
                       R"("x":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}})";
  const TensorFile file = read(file_of(header, Bytes(8, '\7') + Bytes("\x00\x00\x80\x3f", 4)));
  CHECK(file.skipped == std::vector<std::string>{"n"});
  REQUIRE(file.tensors.size() == 1);
  CHECK(difference(file.tensors[0].tensor, {1}) == 0);
}

TEST_CASE("what is not safetensors is refused in words") {
  CHECK(complaint("") == "not a safetensors file: it has fewer than 8 bytes");
  CHECK(complaint(Bytes("\xff\xff\xff\xff\xff\xff\xff\xff", 8) + "{}") ==
        "not a safetensors file, or a part of one: its header would have 18446744073709551615 "
        "bytes of 2");
  CHECK(complaint(file_of(" {}", "")) == "not a safetensors file: no { begins its header");
  CHECK(complaint(file_of("[]", "")) == "not a safetensors file: no { begins its header");
  CHECK(contains(complaint(file_of("{", "")), "its header is not JSON"));
  CHECK(contains(complaint(file_of("{}x", "")), "its header is not JSON"));
  CHECK(contains(complaint(file_of("{\"\xff\":{}}", "")), "its header is not JSON"));
  CHECK(read(file_of("{}   ", "")).tensors.empty());
  CHECK(complaint(file_of("{}", "x")) == "its tensors end at byte 0 of 1");
}

TEST_CASE("a file of torch.save is told from others, and how to write it anew") {
  // A zip archive begins with the letters PK, 3 and 4, 26 bytes of sizes, and a member's name.
  const auto zip = [](const Bytes& name) {
    return Bytes("PK\x03\x04\x14", 5) + Bytes(25, '\0') + name + Bytes(64, 'x');
  };
  const std::string rewritten = complaint(zip("archive/data.pkl"));
  CHECK(
      rewritten.starts_with("it is a file of torch.save, a zip archive with a pickle, which is "
                            "not read here: a pickle is a program. PyTorch can write"));
  CHECK(contains(rewritten, "weights_only=True"));
  CHECK(contains(rewritten, "save_file("));
  // The first dict with tensors in it: an optimizer's, which has none itself, is passed by.
  CHECK(contains(rewritten, "any(map(torch.is_tensor, d.values()))"));
  CHECK(complaint(zip("x.npy")) == "not a safetensors file: it is a zip archive");
  CHECK(complaint(Bytes("PK\x03\x04\x14\0\0\0", 8)) ==
        "not a safetensors file: it is a zip archive");
  CHECK(complaint(Bytes("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46", 8) + "ab")
            .starts_with("it is a pickle, as torch.save wrote them once"));
  // A header of 640 bytes begins like a pickle.
  const Bytes header = "{\"__metadata__\":{\"a\":\"" + Bytes(640 - 25, 'b') + "\"}}";
  REQUIRE(header.size() == 640);
  CHECK(read(file_of(header, "")).metadata.at("a").size() == 615);
}

TEST_CASE("a key that is said twice is refused, in the header and within an entry") {
  const Bytes entry = fmt::format("\"x\":{{{}}}", two_floats);
  CHECK(complaint_about("{" + entry + "," + entry + "}") == "its header says the key \"x\" twice");
  CHECK(complaint_about(fmt::format("{{\"x\":{{\"dtype\":\"F32\",{}}}}}", two_floats)) ==
        "its header says the key \"dtype\" twice");
  CHECK(complaint_about(fmt::format(R"({{"__metadata__":{{"a":"1","a":"2"}},{}}})", entry)) ==
        "its header says the key \"a\" twice");
  // The same key in two objects is no repetition.
  CHECK(read(file_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                     R"("b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
                     Bytes(8, '\0')))
            .tensors.size() == 2);
}

TEST_CASE("entries that are not as they should be are refused") {
  const auto entry = [](const Bytes& dtype, const Bytes& shape, const Bytes& offsets) {
    return complaint_about(fmt::format(R"({{"x":{{"dtype":{},"shape":{},"data_offsets":{}}}}})",
                                       dtype, shape, offsets));
  };
  CHECK(entry("\"F32\"", "[2]", "[0,8]") == "(no error)");
  CHECK(entry("\"F31\"", "[2]", "[0,8]") ==
        "tensor \"x\" is of dtype F31, which is not known here; F64, F32, F16 and BF16 are read");
  CHECK(entry("4", "[2]", "[0,8]") == "tensor \"x\" lacks dtype, a string");
  CHECK(entry("\"F32\"", "2", "[0,8]") == "tensor \"x\" lacks shape, a list");
  CHECK(complaint_about(R"({"x":{"dtype":"F32","shape":[2]}})") ==
        "tensor \"x\" lacks data_offsets, a list");
  CHECK(complaint_about(R"({"x":7})") == "tensor \"x\" lacks dtype, a string");
  for (const char* n : {"-2", "2.0", "\"2\"", "null", "[2]", "1e1", "9223372036854775808"}) {
    CHECK(contains(entry("\"F32\"", fmt::format("[{}]", n), "[0,8]"), "where an integer from 0"));
  }
  CHECK(contains(entry("\"F32\"", "[4294967296,4294967296]", "[0,8]"), "than any file can hold"));
  CHECK(contains(entry("\"F32\"", "[1,1,1,1,1,1,2]", "[0,8]"), "it has 7 dimensions"));
  CHECK(contains(entry("\"F32\"", "[2]", "[0]"), "needs data_offsets [BEGIN, END]"));
  CHECK(contains(entry("\"F32\"", "[2]", "[8,0]"), "needs data_offsets [BEGIN, END]"));
  CHECK(entry("\"F32\"", "[3]", "[0,8]") ==
        "tensor \"x\", (3) of F32, has 12 bytes, and its data_offsets span 8");
  CHECK(entry("\"F32\"", "[1]", "[4,8]") ==
        "tensor \"x\" begins at byte 4 of the data and the one before it ends at 0");
  CHECK(entry("\"F32\"", "[1]", "[0,4]") == "its tensors end at byte 4 of 8");
  CHECK(entry("\"F32\"", "[4]", "[0,16]") == "its tensors end at byte 16 of 8");
}

TEST_CASE("data that overlap or leave holes are refused") {
  const auto two = [](int begin) {
    return complaint_about(
        fmt::format(R"({{"a":{{"dtype":"F16","shape":[2],"data_offsets":[0,4]}},)"
                    R"("b":{{"dtype":"F16","shape":[2],"data_offsets":[{},{}]}}}})",
                    begin, begin + 4));
  };
  CHECK(two(4) == "(no error)");
  CHECK(two(2) == "tensor \"b\" begins at byte 2 of the data and the one before it ends at 4");
  CHECK(two(6) == "tensor \"b\" begins at byte 6 of the data and the one before it ends at 4");
}

TEST_CASE("metadata are strings") {
  CHECK(complaint(file_of(R"({"__metadata__":7})", "")) == "__metadata__ is not an object");
  CHECK(complaint(file_of(R"({"__metadata__":{"seed":1}})", "")) ==
        "__metadata__ maps \"seed\" to what is no string");
}

TEST_CASE("names that no file can hold are refused when writing") {
  const Folder folder;
  const std::string file = folder.file("x.safetensors");
  const auto refusal = [&](std::vector<NamedTensor> tensors) {
    return error_of(
        [&] { write_safetensors(file, {.tensors = std::move(tensors), .metadata = {}}); });
  };
  const Tensor x = Tensor::zeros({1});
  CHECK(contains(refusal({{"a", x}, {"a", x}}), "two tensors are called \"a\""));
  CHECK(contains(refusal({{"__metadata__", x}}), "reserved"));
  CHECK(contains(refusal({{"\xff", x}}), "is not UTF-8"));
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("a safetensors file cut anywhere is refused") {
  const Bytes whole = small_file();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CHECK(complaint(whole.substr(0, size)) != "(no error)");
  }
}

TEST_CASE("random changes of a safetensors file give an Error or what the file can hold") {
  const Folder folder;
  Rng rng(1);
  int refused = 0, accepted = 0;
  for (int i = 0; i < 10'000; ++i) {
    Bytes bytes = small_file();
    for (Index change = 0; change <= rng.below(3); ++change) {
      const auto at = static_cast<std::size_t>(rng.below(static_cast<Index>(bytes.size())));
      bytes[at] = static_cast<char>(rng.below(256));
    }
    const std::string file = folder.write("x.safetensors", bytes);
    const std::string text = error_of([&] {
      std::size_t numbers = 0;
      for (const NamedTensor& t : read_safetensors(file).tensors)
        numbers += t.tensor.values().size();
      CHECK(2 * numbers <= bytes.size());
    });
    const bool error = text.starts_with("read_safetensors: " + file + ": ");
    CHECK_MESSAGE((error || text == "(no error)"), text);
    ++(error ? refused : accepted);
  }
  CHECK(refused > 1000);
  CHECK(accepted > 100);
}

TEST_CASE(
    "a header costs what it weighs: many keys take no square of their number, and depth ends") {
  const auto header_of = [](int tensors) {
    Bytes header = "{";
    for (int i = 0; i < tensors; ++i) {
      header += fmt::format(R"({}"t{}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}})",
                            i == 0 ? "" : ",", i);
    }
    return file_of(header + "}", "");
  };
  const auto seconds_for = [&](int tensors) {
    const Bytes bytes = header_of(tensors);
    const double start = cpu_seconds();
    CHECK(read(bytes).tensors.size() == static_cast<std::size_t>(tensors));
    return cpu_seconds() - start;
  };
  seconds_for(100);
  CHECK(seconds_for(20'000) < 60 * seconds_for(2'000));  // 10 in proportion, 100 by the square
  for (const int depth : {200, 100'000}) {
    const auto n = static_cast<std::size_t>(depth);
    CHECK(complaint_about(R"({"a":{"dtype":"F32","shape":[)" + Bytes(n, '[') + Bytes(n, ']') +
                          R"(],"data_offsets":[0,0]}})") ==
          "its header is nested more than 128 deep");
  }
  CHECK(complaint_about(R"({"a":{"dtype":"F32","shape":[[1]],"data_offsets":[0,0]}})") ==
        "tensor \"a\" has array where an integer from 0 to 2^63 - 1 belongs");
}
