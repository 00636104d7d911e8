// NPY files: what is written, what is read, and what is refused in which words.
#include "core/files/npy.h"

#include "tests/data/idx_files.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// A file of version 1.0 with this header and data; the header is not padded.
Bytes npy(const Bytes& header, const Bytes& data) {
  const auto size = header.size() + 1;
  return Bytes("\x93NUMPY\x01\x00", 8) + static_cast<char>(size & 255) +
         static_cast<char>(size >> 8) + header + "\n" + data;
}
Bytes npy(const Bytes& descr, const Bytes& shape, const Bytes& data) {
  return npy("{'descr': " + descr + ", 'fortran_order': False, 'shape': " + shape + ", }", data);
}

// numpy.save(file, numpy.array([[1, 2.5, -3], [4, 5, 6]], '<f4')), of numpy 1.24.2.
Bytes two_by_three() {
  return Bytes("\x93NUMPY\x01\x00\x76\x00", 10) +
         "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }" + Bytes(58, ' ') + "\n" +
         Bytes("\x00\x00\x80\x3f\x00\x00\x20\x40\x00\x00\x40\xc0", 12) +
         Bytes("\x00\x00\x80\x40\x00\x00\xa0\x40\x00\x00\xc0\x40", 12);
}
Tensor two_by_three_tensor() {
  return Tensor::from({2, 3}, {1, 2.5, -3, 4, 5, 6});
}

// The same as version 2.0, by numpy.lib.format.write_array(file, array, version=(2, 0)).
Bytes two_by_three_of_version_2() {
  Bytes file("\x93NUMPY\x02\x00\x74\x00\x00\x00", 12);
  file += "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
  file += Bytes(56, ' ') + "\n" + two_by_three().substr(128);
  return file;
}

Tensor read(const Bytes& bytes) {
  const Folder folder;
  return read_npy(folder.write("x.npy", bytes));
}

// What read_npy says to a file of these bytes, without the op and the file's name.
std::string complaint(const Bytes& bytes) {
  const Folder folder;
  const std::string file = folder.write("x.npy", bytes);
  const std::string start = "read_npy: " + file + ": ";
  const std::string text = error_of([&] { read_npy(file); });
  CHECK_MESSAGE(text.starts_with(start), text);
  return text.substr(std::min(start.size(), text.size()));
}

// What it says to a file with this header and the data of four elements <f4.
std::string complaint_about_header(const Bytes& header) {
  return complaint(npy(header, Bytes(16, '\0')));
}

}  // namespace

TEST_CASE("a tensor of any rank comes back as it was") {
  const Folder folder;
  const std::string file = folder.file("x.npy");
  for (const Shape& shape : {Shape{}, Shape{1}, Shape{7}, Shape{2, 3}, Shape{3, 1, 5}, Shape{0},
                             Shape{3, 0, 2}, Shape{1, 2, 1, 2, 1, 2}, Shape{300, 1000}}) {
    CAPTURE(shape.str());
    Tensor x = random_tensor(shape, 1);
    for (real& element : x.values()) element = static_cast<float>(element);
    write_npy(file, x);
    CHECK(same_bits(read_npy(file), x));
    const Bytes bytes = read_all(file);
    const auto data = 4 * static_cast<std::size_t>(x.size());
    CHECK((bytes.size() - data) % 64 == 0);
    CHECK(bytes[bytes.size() - data - 1] == '\n');
  }
}

TEST_CASE("infinities and not-a-number come back") {
  const Folder folder;
  write_npy(folder.file("x.npy"), Tensor::from({3}, {INFINITY, -INFINITY, NAN}));
  const Tensor x = read_npy(folder.file("x.npy"));
  CHECK(x.values()[0] == INFINITY);
  CHECK(x.values()[1] == -INFINITY);
  CHECK(std::isnan(x.values()[2]));
}

TEST_CASE("the bytes are those that numpy writes") {
  const Folder folder;
  const std::string file = folder.file("x.npy");
  write_npy(file, two_by_three_tensor());
  CHECK(read_all(file) == two_by_three());
  CHECK(same_bits(read(two_by_three()), two_by_three_tensor()));
  CHECK(same_bits(read(two_by_three_of_version_2()), two_by_three_tensor()));
  write_npy(file, Tensor::full({1}, 2));
  CHECK(contains(read_all(file), "'shape': (1,), }"));
  write_npy(file, Tensor::scalar(2));
  CHECK(contains(read_all(file), "'shape': (), }"));
}

// The data are those of numpy.array([...], TYPE).tobytes().
TEST_CASE("every element type is converted") {
  const auto read_pair = [](const Bytes& descr, const Bytes& data) {
    return read(npy("'" + descr + "'", "(2,)", data));
  };
  CHECK(difference(read_pair("<f4", {"\x00\x00\xc0\x3f\x00\x00\x00\xc0", 8}), {1.5, -2}) == 0);
  const Tensor doubles =
      read_pair("<f8", {"\x00\x00\x00\x00\x00\x00\xf8\x3f\x9a\x99\x99\x99\x99\x99\xb9\xbf", 16});
  CHECK(difference(doubles, {1.5, -0.1}) == 0);
  CHECK(difference(read_pair("<i4", {"\xfe\xff\xff\xff\x70\x11\x01\x00", 8}), {-2, 70000}) == 0);
  const Tensor longs =
      read_pair("<i8", {"\xfe\xff\xff\xff\xff\xff\xff\xff\x00\xf2\x05\x2a\x01\x00\x00\x00", 16});
  CHECK(difference(longs, {-2, 5e9}) == 0);
  CHECK(difference(read_pair("|u1", {"\x00\xc8", 2}), {0, 200}) == 0);
}

TEST_CASE("the keys of the header stand in any order, with or without spaces and a last comma") {
  const Bytes data = two_by_three().substr(128);
  for (const char* header :
       {"{'shape': (2, 3), 'fortran_order': False, 'descr': '<f4'}",
        "{'fortran_order':False,'descr':'<f4','shape':(2,3,),}",
        "  { 'descr' : '<f4' , 'shape' : ( 2 , 3 ) ,'fortran_order': False }  "}) {
    CHECK(same_bits(read(npy(header, data)), two_by_three_tensor()));
  }
}

TEST_CASE("element types that cannot be read are refused with a remedy") {
  const auto complaint_about = [](const Bytes& descr) {
    return complaint(npy(descr, "(4,)", Bytes(16, '\0')));
  };
  CHECK(complaint_about("'<f2'") ==
        "its elements are <f2; <f4, <f8, <i4, <i8 and |u1 can be read; save array.astype('<f4')");
  CHECK(contains(complaint_about("'|O'"), "its elements are pickled Python objects; "));
  CHECK(contains(complaint_about("'>f4'"), "elements are >f4, most significant byte first; "));
  for (const char* descr : {"'|b1'", "'<i2'", "'<U3'", "'<c8'", "'=f4'", "'f4'", "'<f4 '", "''"}) {
    CHECK(contains(complaint_about(descr), "can be read; save array.astype('<f4')"));
  }
  CHECK(complaint_about("[('a', '<f4'), ('b', '<i4')]") ==
        "it holds records; save one field, array['name']");
}

TEST_CASE("Fortran order is refused with a remedy") {
  CHECK(complaint_about_header("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2), }") ==
        "it is in Fortran order; save numpy.ascontiguousarray(array)");
}

TEST_CASE("files of another kind or version are refused") {
  CHECK(complaint("") == "not an NPY file: it does not begin with \\x93NUMPY");
  CHECK(contains(complaint("PK\x03\x04, of numpy.savez"), "not an NPY file"));
  Bytes bytes = two_by_three();
  bytes[6] = 3;
  CHECK(complaint(bytes) == "it is NPY of version 3.0; 1.0 and 2.0 can be read");
  bytes[6] = 1, bytes[7] = '\xff';
  CHECK(contains(complaint(bytes), "version 1.255; "));
}

TEST_CASE("a missing file and a folder are named") {
  CHECK(contains(error_of([] { read_npy("/no/file.npy"); }),
                 "read_npy: /no/file.npy: cannot be opened: No such file"));
  const Folder folder;
  CHECK(contains(error_of([&] { read_npy(folder.path()); }), "Is a directory"));
}

TEST_CASE("files of the wrong length are refused") {
  CHECK(complaint(two_by_three().substr(0, 100)) == "it breaks off within its header");
  CHECK(complaint(two_by_three().substr(0, 150)) ==
        "its header promises 24 bytes, shape (2, 3) of <f4, and 22 follow");
  CHECK(contains(complaint(two_by_three() + "x"), "24 bytes, shape (2, 3) of <f4, and 25 follow"));
  CHECK(contains(complaint(npy("'<f8'", "()", "1234")), "8 bytes, shape () of <f8, and 4 follow"));
  CHECK(contains(complaint(npy("'|u1'", "(0, 3)", "1")), "0 bytes, shape (0, 3) of |u1, and 1"));
}

TEST_CASE("lengths that no file has ask for no memory") {
  CHECK(contains(complaint(npy("'|u1'", "(1099511627776,)", "1")), "promises 1099511627776 bytes"));
  CHECK(complaint(Bytes("\x93NUMPY\x02\x00\xff\xff\xff\xff{}", 14)) ==
        "it breaks off within its header");
  for (const char* shape :
       {"(4294967296, 4294967296)", "(9223372036854775807,)", "(3037000500, 3037000500, 0)",
        "(0, 9223372036854775807, 9223372036854775807)"}) {
    CHECK(complaint(npy("'|u1'", shape, "")) ==
          "its dimensions multiply to more than any file can hold");
  }
}

TEST_CASE("more dimensions than a tensor has are refused") {
  CHECK(complaint(npy("'|u1'", "(1, 1, 1, 1, 1, 1, 1)", "1")) ==
        "it has 7 dimensions; a tensor has at most 6");
}

TEST_CASE("a header that is not the format's dict is refused where it goes wrong") {
  const auto wrong = [](const Bytes& header, const std::string& what) {
    const std::string text = complaint_about_header(header);
    const std::string start = "its header is not that of NPY: expected ";
    CHECK_MESSAGE(text.starts_with(start + what), text);
  };
  wrong("", "'{' at byte 0");
  CHECK(contains(complaint(Bytes("\x93NUMPY\x01\x00\x00\x00", 10)), "expected '{' at byte 0"));
  wrong("['descr']", "'{' at byte 0");
  wrong("{,}", "one of the keys 'descr', 'fortran_order' and 'shape', each once, at byte 1");
  wrong("{'descr': '<f4', 'descr': '<f4'}", "one of the keys");
  wrong("{'descr': '<f4', 'order': 'C'}", "one of the keys");
  wrong("{'descr': '<f4',, 'shape': (4,)}", "one of the keys");
  wrong("{\"descr\": '<f4'}", "one of the keys");
  wrong("{'descr' '<f4'}", "':' at byte 9");
  wrong("{'descr': <f4}", "an element type in single quotes");
  wrong("{'descr': '<f4}", "an element type in ASCII");
  wrong("{'descr': '\x1b[1m'}", "an element type in ASCII");
  wrong("{'descr': '<f4' 'shape': (4,)}", "'}' at byte 16");
  wrong("{'fortran_order': 0}", "True or False");
  wrong("{'fortran_order': Falsehood}", "'}'");
  wrong("{'shape': 4}", "'('");
  wrong("{'shape': (4)}", "a comma, as in (3,)");
  wrong("{'shape': (2 2)}", "a comma, as in (3,)");
  wrong("{'shape': (2, 2 1)}", "')'");
  wrong("{'shape': (2,, 2)}", "a dimension");
  wrong("{'shape': (,)}", "a dimension");
  for (const char* n : {"-4", "-0", "+4", "04", "4.0", "0x4", "True", "9223372036854775808"}) {
    const std::string text = complaint_about_header(fmt::format("{{'shape': ({},)}}", n));
    CHECK_MESSAGE(contains(text, "expected a"), text);
  }
  const Bytes good = "{'descr': '<f4', 'fortran_order': False, 'shape': (4,)}";
  CHECK(read(npy(good, Bytes(16, '\0'))).shape() == Shape{4});
  wrong(good + "}", "spaces and a line feed at byte 55");
  wrong(good + "\n", "no more at byte 56");
  wrong(good.substr(0, 54), "'}'");
}

TEST_CASE("a header that lacks a key is refused") {
  CHECK(complaint_about_header("{}") == "its header lacks 'descr'");
  CHECK(complaint_about_header("{'descr': '<f4', 'shape': (4,)}") ==
        "its header lacks 'fortran_order'");
  CHECK(complaint_about_header("{'descr': '<f4', 'fortran_order': False}") ==
        "its header lacks 'shape'");
}

TEST_CASE("no finite number becomes infinite in silence") {
  // numpy.array([1e300, -inf], '<f8')
  const Bytes file = npy("'<f8'", "(2,)",
                         {"\x9c\x75\x00\x88\x3c\xe4\x37\x7e\x00\x00\x00\x00\x00\x00\xf0\xff", 16});
#ifdef LIMBECK_REAL_DOUBLE
  const Tensor x = read(file);
  CHECK(x.values()[0] == 1e300);
  CHECK(x.values()[1] == -INFINITY);
  const Folder folder;
  CHECK(error_of([&] { write_npy(folder.file("x.npy"), x); }) ==
        "write_npy: " + folder.file("x.npy") + ": 1e+300 is beyond the range of <f4");
  CHECK(std::filesystem::is_empty(folder.path()));
#else
  CHECK(complaint(file) == "1e+300 is beyond the range of a tensor");
#endif
}

TEST_CASE("a file that cannot be written is named, and the old one stays") {
  const Tensor x = two_by_three_tensor();
  CHECK(contains(error_of([&] { write_npy("/no/folder/x.npy", x); }),
                 "write_npy: /no/folder/x.npy: cannot be written: No such file"));
  const Folder folder;
  // A full disk, which shows when the bytes are written.
  const std::string file = folder.file("x.npy");
  std::filesystem::create_symlink("/dev/full", file);
  CHECK(contains(error_of([&] { write_npy(file, x); }), ": cannot be written: No space left"));
  CHECK(std::filesystem::is_symlink(file));
  // A folder in the file's place.
  std::filesystem::create_directory(folder.file("folder"));
  CHECK(contains(error_of([&] { write_npy(folder.file("folder"), x); }), "Is a directory"));
}

TEST_CASE("a file cut anywhere is refused") {
  for (const Bytes& whole : {two_by_three(), two_by_three_of_version_2()}) {
    for (std::size_t size = 0; size < whole.size(); ++size)
      CHECK(complaint(whole.substr(0, size)) != "");
  }
}

TEST_CASE("random changes give an Error or a tensor that the file can hold") {
  const Folder folder;
  Rng rng(1);
  int refused = 0, accepted = 0;
  for (int i = 0; i < 10'000; ++i) {
    Bytes bytes = i % 2 == 0 ? two_by_three() : two_by_three_of_version_2();
    // Every other pair leaves out padding and data, so that more changes fall on the dict.
    const auto at = static_cast<std::size_t>(rng.below(i % 4 < 2 ? 72 : 152));
    bytes[at] = static_cast<char>(bytes[at] + 1 + rng.below(255));
    const std::string file = folder.write("x.npy", bytes);
    const std::string text = error_of([&] {
      const Tensor x = read_npy(file);
      CHECK(static_cast<std::size_t>(x.size()) <= bytes.size());
      double total = 0;
      for (const real element : x.values()) total += element;
      CHECK(!std::signbit(total * total));
    });
    const bool error = text.starts_with("read_npy: " + file + ": ");
    CHECK_MESSAGE((error || text == "(no error)"), text);
    ++(error ? refused : accepted);
  }
  CHECK(refused > 5000);
  CHECK(accepted > 500);
}
