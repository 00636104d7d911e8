// The sheet of digits from outside: the picture it writes.
#include "tests/apps/run_program.h"
#include "tests/data/idx_files.h"

using namespace limbeck;
using namespace limbeck::testing;

TEST_CASE("digit_sheet writes a PNG picture, a row a class") {
  const Folder out;
  const std::string file = out.file("sheet.png");
  const Finished run = run_program("digit_sheet", {"--columns", "3", "--out", file});
  CAPTURE(run.err);
  CHECK(run.exit_code == 0);
  CHECK(contains(run.out, "3 images of each of 10 classes"));
  const Bytes png = read_all(file);
  CHECK(png.starts_with("\x89PNG\r\n\x1a\n"));
  // Its header: width, then height; an image has 28 pixels and a gap of 2.
  CHECK(png.substr(12, 4) == "IHDR");
  CHECK(png.substr(16, 8) == word(3 * 30) + word(10 * 30));
}

TEST_CASE("digit_sheet says what it cannot read or write") {
  const Finished unread = run_program("digit_sheet", {"--data", "/no/such/folder"});
  CHECK(unread.exit_code == 1);
  CHECK(unread.err.starts_with(
      "digit_sheet: error: load_images: /no/such/folder: there is no such folder"));
  const Finished unwritten =
      run_program("digit_sheet", {"--columns", "1", "--out", "/no/such/folder/sheet.png"});
  CHECK(unwritten.exit_code == 1);
  CHECK(contains(unwritten.err, "/no/such/folder/sheet.png"));
  CHECK(run_program("digit_sheet", {"--columns", "0"}).exit_code == 2);
}
