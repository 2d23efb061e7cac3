// Folders of PNG files.
#include "weights_tool/io/image_folder.h"

#include "tests/io/support.h"
#include "weights_tool/io/png.h"

using namespace mote::tool;
using test::contains;
using test::error_of;
using test::TemporaryFolder;

TEST_CASE("a folder's PNG files are read in the order of their names, all else is left out") {
  const TemporaryFolder folder;
  write_png(folder / "b.png", Image(2, 3, 1, 20), false);
  write_png(folder / "a.PNG", Image(2, 3, 1, 10), false);
  write_png(folder / "c10.png", Image(2, 3, 1, 30), false);
  write_png(folder / ".hidden.png", Image(1, 1, 1), false);
  test::save(folder / "notes.txt", std::string("x"));
  test::save(folder / "png", std::string("x"));
  std::filesystem::create_directory(folder / "folder.png");
  const ImageSet set = read_image_folder(folder.path());
  CHECK(set.count == 3);
  CHECK(set.height == 2);
  CHECK(set.width == 3);
  CHECK(set.channels == 1);
  REQUIRE(set.pixels.size() == 18);
  CHECK(set.image(0)[0] == 10);
  CHECK(set.image(1)[5] == 20);
  CHECK(set.image(2)[0] == 30);
}

TEST_CASE("palette pictures count as RGB") {
  const TemporaryFolder folder;
  test::save(folder / "a.png", test::load_data("palette4.png"));
  CHECK(read_image_folder(folder.path()).channels == 3);
}

TEST_CASE("a picture of another size, kind or content is named") {
  const TemporaryFolder folder;
  CHECK(error_of([&] { read_image_folder(folder.path()); }) == "3: " + folder.path() + ": no PNG files in this folder");
  write_png(folder / "a.png", Image(2, 3, 1), false);
  write_png(folder / "b.png", Image(3, 2, 1), false);
  CHECK(error_of([&] { read_image_folder(folder.path()); }) ==
        "3: " + (folder / "b.png") + ": 2x3 grey, but a.png is 3x2 grey; all pictures must be alike");
  write_png(folder / "b.png", Image(2, 3, 3), true);
  CHECK(contains(error_of([&] { read_image_folder(folder.path()); }), "b.png: 3x2 RGB, but a.png is 3x2 grey"));
  test::save(folder / "b.png", test::load_data("grey_alpha.png"));
  CHECK(contains(error_of([&] { read_image_folder(folder.path()); }), "b.png: has an alpha channel"));
  test::save(folder / "b.png", std::string("no picture"));
  CHECK(contains(error_of([&] { read_image_folder(folder.path()); }), "b.png: byte 0: not a PNG file"));
  write_png(folder / "b.png", Image(2, 3, 1), true);
  CHECK(contains(error_of([&] { read_image_folder(folder.path(), {}, 11); }),
                 "more than the 11 bytes allowed here, at b.png"));
  CHECK(read_image_folder(folder.path(), {}, 12).count == 2);
  CHECK(contains(error_of([&] { read_image_folder(folder / "none"); }), "4: "));
}
