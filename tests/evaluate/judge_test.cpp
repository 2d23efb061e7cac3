// The measuring of pictures as a whole, and its parts that are not mathematics: features, spreads, reports.
#include "weights_tool/evaluate/judge.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <stdexcept>

#include "tests/train/double_graph.h"
#include "tests/train/tiny_training.h"
#include "weights_tool/evaluate/report.h"
#include "weights_tool/train/classifier.h"

using namespace mote;
using namespace mote::tool;

namespace {

const double nan_value = std::numeric_limits<double>::quiet_NaN();

KernelSet fastest() {
  KernelSet set;
  REQUIRE(find_kernel_set(nullptr, &set));
  return set;
}

ClassifierConfig tiny_classifier() {
  ClassifierConfig config = default_classifier(8, 8, 1, 2);
  config.widths = {8, 8};
  config.features = 6;
  config.groups = 2;
  return config;
}

ClassifiedPictures tiny_data() { return {test::tiny_pictures(120), test::tiny_pictures(40, 9), 2}; }

// A classifier that nobody has trained: its features tell pictures apart all the same.
struct Bench {
  ThreadPool pool;
  Graph graph = build_classifier(tiny_classifier(), 3);
  FeatureExtractor extractor{graph, fastest(), pool};
  explicit Bench(int threads = 1) : pool(threads) {}
};

}  // namespace

TEST_CASE("features, class and confidence are those of the graph's definition") {
  Bench bench;
  const Dataset data = test::tiny_pictures(19);
  const PictureFeatures out = bench.extractor.run(data.images);
  REQUIRE(out.count == 19);
  REQUIRE(out.features == 6);
  REQUIRE(out.values.size() == 19 * 6);
  test::DoubleGraph twin(bench.graph);
  float largest = 0;
  for (size_t i = 0; i < 19; ++i) {
    test::DoubleInput input;
    for (size_t p = 0; p < 64; ++p) input.x.push_back(data.images.image(i)[p] / 127.5 - 1);
    const test::Values logits = twin.run(input), features = twin.values(classifier_feature_tensor(bench.graph));
    for (size_t f = 0; f < 6; ++f) {
      CHECK(static_cast<double>(out.values[i * 6 + f]) == doctest::Approx(features[f]).epsilon(1e-4));
      CHECK(out.values[i * 6 + f] >= 0);
      largest = std::max(largest, out.values[i * 6 + f]);
    }
    CHECK(out.classes[i] == (logits[0] >= logits[1] ? 0 : 1));
    CHECK(static_cast<double>(out.confidence[i]) ==
          doctest::Approx(1 / (1 + std::exp(-std::abs(logits[0] - logits[1])))).epsilon(1e-4));
  }
  CHECK(largest > 0);
}

TEST_CASE("features do not depend on threads or on the pictures beside; progress reaches the end") {
  Bench one(1), three(3);
  const Dataset data = test::tiny_pictures(50);
  uint64_t last = 0;
  const PictureFeatures a = one.extractor.run(data.images), b = three.extractor.run(data.images, [&](uint64_t done) {
    CHECK(done > last);
    last = done;
  });
  CHECK(last == 50);
  CHECK(a.values == b.values);
  CHECK(a.confidence == b.confidence);
  ImageSet single = data.images;
  single.count = 1;
  single.pixels.assign(data.images.image(33), data.images.image(34));
  const PictureFeatures c = one.extractor.run(single);
  CHECK(std::equal(c.values.begin(), c.values.end(), a.values.begin() + 33 * 6));
}

TEST_CASE("other weights are taken over; pictures or weights that do not fit are refused") {
  Bench bench;
  const Dataset data = test::tiny_pictures(4);
  const Graph other = build_classifier(tiny_classifier(), 4);
  const ParameterStore store(other, fastest(), bench.pool, false);
  FeatureExtractor expected(other, fastest(), bench.pool);
  bench.extractor.set_values(store.values(), store.size());
  CHECK(bench.extractor.run(data.images).values == expected.run(data.images).values);
  CHECK_THROWS_AS(bench.extractor.set_values(store.values(), store.size() - 16), std::invalid_argument);
  ImageSet wide = data.images;
  wide.width = 4;
  CHECK_THROWS_AS(bench.extractor.run(wide), std::invalid_argument);
}

TEST_CASE("agreement and confidence are means over the pictures") {
  PictureFeatures pictures;
  pictures.count = 4;
  pictures.classes = {0, 1, 2, 2};
  pictures.confidence = {1.0f, 0.5f, 0.25f, 0.25f};
  CHECK(agreement(pictures, {0, 1, 1, 2}) == 0.75);
  CHECK(mean_confidence(pictures) == 0.5);
  CHECK_THROWS_AS(agreement(pictures, {0, 1}), std::invalid_argument);
}

TEST_CASE("the real pictures themselves are at distance 0 with precision and recall 1; noise is far away") {
  Bench bench(2);
  const ClassifiedPictures real = tiny_data();
  const Judge judge(bench.extractor, real, 1000, fastest(), bench.pool);
  const Quality same = judge.judge(real.train.images, real.train.labels);
  CHECK(same.frechet < 1e-5);
  CHECK(same.precision == 1.0);
  CHECK(same.recall == 1.0);

  ImageSet noise = real.train.images;
  std::mt19937 random(2);
  for (uint8_t& pixel : noise.pixels) pixel = static_cast<uint8_t>(random());
  const Quality far = judge.judge(noise, {});
  CHECK(far.precision < 0.1);
  CHECK(std::isnan(far.agreement));
  CHECK(far.confidence > 0.5);
  CHECK(far.confidence <= 1.0);

  // Held-out pictures are like training pictures.
  const Quality floor = judge.floor();
  CHECK(judge.floor_pictures() == 40);
  CHECK(floor.frechet < far.frechet / 20);
  CHECK(floor.frechet > same.frechet);
  CHECK(floor.precision > 0.5);
  const PictureFeatures held_out = bench.extractor.run(real.held_out.images);
  CHECK(floor.agreement == agreement(held_out, real.held_out.labels));
}

TEST_CASE("fewer pictures than there are: taken at even distances, so that sorted classes are all in") {
  Bench bench;
  ClassifiedPictures real = tiny_data();
  for (size_t i = 0; i < 40; ++i) real.held_out.labels[i] = static_cast<int>(i / 20);  // sorted
  const Judge judge(bench.extractor, real, 10, fastest(), bench.pool);
  CHECK(judge.floor_pictures() == 10);
  const PictureFeatures all = bench.extractor.run(real.held_out.images);
  size_t right = 0;
  for (size_t i = 0; i < 40; i += 4) right += all.classes[i] == static_cast<int>(i / 20);
  CHECK(judge.floor().agreement == doctest::Approx(static_cast<double>(right) / 10));
}

TEST_CASE("mean, deviation and range of runs") {
  const Quality a = {1, 0.5, 0.25, nan_value, 1}, b = {2, 0.5, 0.75, 1, 1}, c = {6, 0.5, 0.5, 1, 1};
  const Spread spread = spread_of({a, b, c});
  CHECK(spread.mean.frechet == 3);
  CHECK(spread.deviation.frechet == doctest::Approx(std::sqrt((4.0 + 1 + 9) / 2)));
  CHECK(spread.low.frechet == 1);
  CHECK(spread.high.frechet == 6);
  CHECK(spread.deviation.precision == 0);
  CHECK(spread.low.recall == 0.25);
  CHECK(std::isnan(spread.mean.agreement));
  CHECK(std::isnan(spread.high.agreement));
  const Spread one = spread_of({b});
  CHECK(one.mean.frechet == 2);
  CHECK(one.deviation.frechet == 0);
}

TEST_CASE("a report has every number; what is not known is null in JSON and a dash in text") {
  EvalReport report;
  report.classifier = "c.safetensors";
  report.data = "train";
  report.classifier_accuracy = 0.925;
  report.features = 128;
  report.real_pictures = 60000;
  report.floor = {0.125, 0.75, 0.5, 0.925, 0.9375};
  Candidate drawn;
  drawn.path = "a.mote";
  drawn.drawn = true;
  drawn.steps = 10;
  drawn.seeds = {1, 2};
  drawn.pictures = {100, 100};
  drawn.runs = {{3, 0.5, 0.5, 1, 1}, {5, 0.5, 0.5, 1, 1}};
  Candidate read;
  read.path = "b.idx";
  read.pictures = {64};
  read.runs = {{2, 0.5, 0.5, nan_value, 1}};
  report.candidates = {drawn, read};
  CHECK(distance_ratio(report) == 2);

  const Json json = parse_json(write_json(report_json(report)), "report");
  const JsonView view(json, "report");
  CHECK(view.at("floor").at("frechet").number() == 0.125);
  CHECK(view.at("floor").at("confidence").number() == 0.9375);
  CHECK(view.at("classifier_accuracy").number() == 0.925);
  const JsonView first = view.at("candidates").at(0), second = view.at("candidates").at(1);
  CHECK(first.at("runs").size() == 2);
  CHECK(first.at("runs").at(1).at("seed").integer() == 2);
  CHECK(first.at("runs").at(1).at("frechet").number() == 5);
  CHECK(first.at("mean").at("frechet").number() == 4);
  CHECK(first.at("deviation").at("frechet").number() == doctest::Approx(std::sqrt(2.0)));
  CHECK(first.at("steps").integer() == 10);
  CHECK(second.at("mean").at("agreement").is_null());
  CHECK(!second.has("steps"));
  CHECK(view.at("distance_ratio").number() == 2);

  const std::string text = report_text(report);
  for (const char* part : {"92.50 %", "0.1250", "a.mote (10 steps)", "seed 2, 100 pictures", "standard deviation",
                           "a.mote / b.idx: 2.0000", "  -"}) {
    CAPTURE(part);
    CHECK(text.find(part) != std::string::npos);
  }
}
