// The loss curve of a training: a CSV file with a row a step, and its picture. Rows are appended as they come; a resumed
// training drops the rows past its checkpoint, so that the file is the one of a training that never stopped.
//   step,images,loss,smoothed_loss,learning_rate,gradient_norm,val_loss      (val_loss: empty where not measured)
#pragma once
#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "weights_tool/io/image.h"
#include "weights_tool/train/trainer.h"

namespace mote::tool {

class TrainLog {
 public:
  // Keeps the rows of an existing file up to step `keep` (0: none) and rewrites it.
  TrainLog(const std::string& path, int64_t keep);

  // NaN: no validation_loss at this step. Reaches the file at the latest after a second of steps, or with flush().
  void add(const StepResult& step, double validation_loss);
  void flush();

  // Loss on a logarithmic axis: raw, smoothed, held-out.
  Image plot() const;

 private:
  struct Row {
    double step, loss, smoothed, validation;
  };
  void keep_row(const std::string& line, int64_t keep, std::string* kept);
  void check() const;

  std::string path_;
  std::ofstream file_;
  double flushed_ = 0;
  std::vector<Row> rows_;
};

}  // namespace mote::tool
