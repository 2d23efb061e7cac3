#include "weights_tool/train/dataset.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <set>

#include "tiny_training.h"
#include "weights_tool/io/error.h"
#include "weights_tool/io/file.h"
#include "weights_tool/io/idx.h"
#include "weights_tool/io/npy.h"
#include "weights_tool/io/png.h"

using namespace mote;
using namespace mote::tool;
using mote::test::TempFolder;
using mote::test::tiny_pictures;

namespace {

BatchOptions options_of(int batch) {
  BatchOptions options;
  options.batch = batch;
  options.classes = 2;
  options.seed = 9;
  return options;
}

DatasetNeeds needs_of(int size, int classes) {
  DatasetNeeds needs;
  needs.height = needs.width = size;
  needs.channels = 1;
  needs.classes = classes;
  return needs;
}

std::string refusal(const std::string& path, const DatasetNeeds& needs) {
  try {
    load_dataset(path, needs);
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::invalid_input);
    CHECK(std::string(error.what()).find('\n') == std::string::npos);
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("every epoch shows every picture once, in an order of its own") {
  const Dataset data = tiny_pictures(30);
  BatchSource source(data, options_of(7));  // does not divide 30
  std::vector<int64_t> seen;
  for (int64_t step = 0; step < 30; ++step) {
    source.select(step);
    for (int i = 0; i < 7; ++i) seen.push_back(source.index(i));
  }
  std::set<std::vector<int64_t>> orders;
  for (size_t epoch = 0; epoch < 7; ++epoch) {
    std::vector<int64_t> order(seen.begin() + static_cast<std::ptrdiff_t>(30 * epoch),
                               seen.begin() + static_cast<std::ptrdiff_t>(30 * epoch + 30));
    orders.insert(order);
    std::sort(order.begin(), order.end());
    for (int64_t i = 0; i < 30; ++i) CHECK(order[static_cast<size_t>(i)] == i);
  }
  CHECK(orders.size() == 7);
}

TEST_CASE("a step's batch does not depend on the steps before") {
  const Dataset data = tiny_pictures(30);
  BatchOptions options = options_of(8);
  options.flip = true;
  options.class_dropout = 0.5;
  BatchSource forward(data, options), jumping(data, options);
  for (int64_t step = 0; step < 40; ++step) {
    forward.select(step);
    jumping.select(1000 - step);
    jumping.select(step);
    for (int i = 0; i < 8; ++i) {
      CHECK(forward.index(i) == jumping.index(i));
      CHECK(forward.label(i) == jumping.label(i));
      CHECK(forward.flipped(i) == jumping.flipped(i));
    }
  }
}

TEST_CASE("half of the pictures are mirrored, and as many classes dropped as asked for") {
  const Dataset data = tiny_pictures(50);
  BatchOptions options = options_of(50);
  options.flip = true;
  options.class_dropout = 0.1;
  BatchSource source(data, options);
  int flipped = 0, dropped = 0;
  for (int64_t step = 0; step < 200; ++step) {
    source.select(step);
    for (int i = 0; i < 50; ++i) {
      flipped += source.flipped(i);
      dropped += source.label(i) == 2;
      if (source.label(i) != 2) CHECK(source.label(i) == data.labels[static_cast<size_t>(source.index(i))]);
    }
  }
  CHECK(std::abs(flipped - 5000) < 250);  // five standard deviations
  CHECK(std::abs(dropped - 1000) < 150);
}

TEST_CASE("bytes become floats in [-1, 1], rows reversed when mirrored, and back") {
  const uint8_t pixels[] = {0, 1, 2, 253, 254, 255};  // 1 x 2 x 3, then mirrored
  float out[6];
  picture_to_floats(pixels, 1, 2, 3, false, out);
  CHECK(out[0] == -1.0f);
  CHECK(out[5] == 1.0f);
  CHECK(static_cast<double>(out[1]) == doctest::Approx(2.0 / 255 - 1).epsilon(1e-6));
  uint8_t back[6];
  floats_to_picture(out, 6, back);
  CHECK(std::equal(pixels, pixels + 6, back));
  picture_to_floats(pixels, 1, 2, 3, true, out);
  floats_to_picture(out, 6, back);
  const uint8_t mirrored[] = {253, 254, 255, 0, 1, 2};
  CHECK(std::equal(mirrored, mirrored + 6, back));
  const float beyond[] = {-3.0f, 7.0f, 0.0f / 0.0f};
  floats_to_picture(beyond, 3, back);
  CHECK(back[0] == 0);
  CHECK(back[1] == 255);
  CHECK(back[2] == 0);
}

TEST_CASE("an IDX folder, gzipped or not, gives pictures, labels and the held-out ones") {
  const TempFolder folder;
  const Dataset made = tiny_pictures(10), held_out = tiny_pictures(4, 6);
  const auto labels = [](const Dataset& data) { return std::vector<uint8_t>(data.labels.begin(), data.labels.end()); };
  write_idx_images(folder.path("train-images-idx3-ubyte.gz"), made.images, false);
  write_idx_labels(folder.path("train-labels-idx1-ubyte"), labels(made), false);
  const Dataset loaded = load_dataset(folder.path(), needs_of(8, 2));
  CHECK(loaded.images.pixels == made.images.pixels);
  CHECK(loaded.labels == made.labels);
  CHECK(load_dataset(folder.path("train-images-idx3-ubyte.gz"), needs_of(8, 2)).labels == made.labels);
  CHECK(load_dataset(folder.path(), needs_of(8, 0)).labels.empty());
  Dataset validation;
  CHECK(!load_validation(folder.path(), needs_of(8, 2), &validation));
  write_idx_images(folder.path("t10k-images-idx3-ubyte"), held_out.images, false);
  write_idx_labels(folder.path("t10k-labels-idx1-ubyte.gz"), labels(held_out), false);
  CHECK(load_validation(folder.path(), needs_of(8, 2), &validation));
  CHECK(validation.images.pixels == held_out.images.pixels);
  CHECK(load_validation(folder.path("train-images-idx3-ubyte.gz"), needs_of(8, 2), &validation));
  CHECK(!load_validation(folder.path("t10k-images-idx3-ubyte"), needs_of(8, 2), &validation));
}

TEST_CASE("pictures or labels that do not fit the model are refused") {
  const TempFolder folder;
  const Dataset made = tiny_pictures(10);
  write_idx_images(folder.path("train-images-idx3-ubyte"), made.images, false);
  CHECK(refusal(folder.path(), needs_of(16, 0)).find("8x8x1, but the model is for 16x16x1") != std::string::npos);
  CHECK(refusal(folder.path(), needs_of(8, 2)).find("no file of labels") != std::string::npos);
  write_idx_labels(folder.path("train-labels-idx1-ubyte"), {0, 1, 0, 1, 0, 1, 0, 1, 0, 2}, false);
  CHECK(refusal(folder.path(), needs_of(8, 2)) != "");
  CHECK(refusal(folder.path(), needs_of(8, 3)) == "");
  write_idx_labels(folder.path("train-labels-idx1-ubyte"), {0, 1, 0}, true);
  CHECK(refusal(folder.path(), needs_of(8, 2)) != "");
}

TEST_CASE("a folder of PNG files is a data set, its subfolders are classes") {
  const TempFolder folder;
  for (const int label : {0, 1, 2}) {
    const std::string sub = folder.path(std::string("class-") + static_cast<char>('a' + label));
    std::filesystem::create_directories(sub);
    for (int i = 0; i <= label; ++i) {
      write_png(sub + "/" + std::to_string(i) + ".png", Image(8, 8, 1, static_cast<uint8_t>(10 * label + i)), false);
    }
  }
  const Dataset data = load_dataset(folder.path(), needs_of(8, 3));
  CHECK(data.images.count == 6);
  CHECK(data.labels == std::vector<int>{0, 1, 1, 2, 2, 2});
  CHECK(data.images.image(5)[0] == 22);
  CHECK(refusal(folder.path(), needs_of(8, 2)).find("3 subfolders, but the model has 2 classes") != std::string::npos);
  CHECK(load_dataset(folder.path("class-b"), needs_of(8, 0)).images.count == 2);
  write_png(folder.path("class-c/x.png"), Image(4, 8, 1), false);
  CHECK(refusal(folder.path(), needs_of(8, 3)) != "");
}

TEST_CASE("an array's samples are floats, channels last, and have classes of none") {
  const TempFolder folder;
  const std::string path = folder.path("a.npy");
  const float values[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};  // (2, 3, 1, 2)
  write_npy(path, {2, 3, 1, 2}, values, false);
  DatasetNeeds needs;
  needs.height = 1;
  needs.width = 2;
  needs.channels = 3;
  const Dataset data = load_dataset(path, needs);
  CHECK(data.images.count == 2);
  CHECK(data.elements() == 6);
  float sample[6];
  data.sample(1, false, sample);
  CHECK(std::vector<float>(sample, sample + 6) == std::vector<float>{7, 9, 11, 8, 10, 12});
  data.sample(1, true, sample);  // the two pixels change places
  CHECK(std::vector<float>(sample, sample + 6) == std::vector<float>{8, 10, 12, 7, 9, 11});
  needs.classes = 2;
  CHECK(refusal(path, needs).find("has no classes") != std::string::npos);
  needs.classes = 0;
  needs.width = 3;
  CHECK(refusal(path, needs).find("(2, 3, 1, 2)") != std::string::npos);
  Dataset validation;
  CHECK(!load_validation(path, needs, &validation));
  write_npy(folder.path("a-test.npy"), {1, 3, 1, 3}, values, false);
  CHECK(load_validation(path, needs, &validation));
  CHECK(validation.images.count == 1);
  const float bad[] = {1, std::numeric_limits<float>::infinity()};
  write_npy(path, {1, 2}, bad, true);
  needs.channels = 2;
  needs.width = 1;
  CHECK(refusal(path, needs).find("element 1 is not finite") != std::string::npos);
}

TEST_CASE("points are rows of an array, and every window of a signal is a sample") {
  const TempFolder folder;
  const std::string path = folder.path("a.npy");
  const float values[] = {1, 2, 3, 4, 5, 6};
  write_npy(path, {3, 2}, values, false);
  DatasetNeeds needs;
  needs.height = needs.width = 1;
  needs.channels = 2;
  const Dataset points = load_dataset(path, needs);
  CHECK(points.images.count == 3);
  float sample[4];
  points.sample(2, true, sample);
  CHECK(sample[0] == 5);
  CHECK(sample[1] == 6);
  write_npy(path, {6}, values, true);
  needs.channels = 1;
  needs.width = 4;
  const Dataset windows = load_dataset(path, needs);
  CHECK(windows.images.count == 3);
  windows.sample(1, false, sample);
  CHECK(std::vector<float>(sample, sample + 4) == std::vector<float>{2, 3, 4, 5});
  needs.width = 7;
  CHECK(refusal(path, needs).find("(6,)") != std::string::npos);
}

TEST_CASE("transparent pictures of twice the size, chosen and classed by a list") {
  const TempFolder folder;
  const std::string pictures = folder.path("pictures"), list = folder.path("list.csv");
  create_directories(pictures);
  write_png(pictures + "/a.png", Image(4, 4, 3, 10), false);
  write_png(pictures + "/b.png", Image(2, 2, 1, 20), false);
  write_png(pictures + "/left out.png", Image(7, 7, 1, 30), false);
  AtomicFile file(list, false);
  file.write(std::string("b.png,grey,2\na.png,colour\n"));
  file.commit();
  DatasetNeeds needs;
  needs.height = needs.width = 2;
  needs.channels = 3;
  needs.classes = 2;
  needs.class_list = list;
  const Dataset data = load_dataset(pictures, needs);
  REQUIRE(data.images.count == 3);
  CHECK(data.labels == std::vector<int>{0, 0, 1});
  CHECK(data.images.image(1)[0] == 20);
  CHECK(data.images.image(2)[11] == 10);
  needs.classes = 3;
  CHECK(refusal(pictures, needs).find("2 classes, but the model has 3") != std::string::npos);
  CHECK(refusal(list, needs).find("a class list is for a folder") != std::string::npos);
}

TEST_CASE("pictures move by lots that reach every place and no further") {
  Dataset data = tiny_pictures(1);
  BatchOptions options = options_of(16);
  options.shift = 1;
  std::vector<float> plain(data.elements()), moved(plain.size()), expected(plain.size());
  data.sample(0, false, plain.data());
  std::set<std::vector<float>> seen;
  for (int64_t step = 0; step < 20; ++step) {
    BatchSource source(data, options);
    source.select(step);
    for (int i = 0; i < 16; ++i) {
      source.picture(i, moved.data());
      bool found = false;
      for (int dy = -1; dy <= 1; ++dy) {
        for (int dx = -1; dx <= 1; ++dx) {
          shift_picture(plain.data(), data.images.height, data.images.width, data.images.channels, dy, dx,
                        expected.data());
          found = found || expected == moved;
        }
      }
      CHECK(found);
      seen.insert(moved);
    }
  }
  CHECK(seen.size() == 9);
}
