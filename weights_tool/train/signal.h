// A long one-channel recording (an ECG, a microphone, an accelerometer) as a network sees it: cut to a stretch of time,
// freed of slow drift, scaled into about [-1, 1]. Training takes windows of it (train/dataset.h).
//
// JSON, under "signal" of a training's configuration: {"rate": 360, "offset": 1024, "scale": 0.002, "high_pass": 0.5,
//  "begin": 0, "end": 0.8}
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "weights_tool/io/json.h"

namespace mote::tool {

struct SignalConfig {
  double rate = 1;            // samples a second
  double offset = 0;          // a value of the file is (value - offset) * scale for the network
  double scale = 1;           // not 0
  double high_pass = 0;       // Hz: what is slower is removed (prepare_signal); 0: nothing
  double begin = 0, end = 1;  // the share of the recording, in time, that training sees
};

// Error(invalid_input) that names the key.
SignalConfig signal_config_from_json(const JsonView& view);
Json signal_config_to_json(const SignalConfig& config);

// Values as they are in the file: a .npy of rank 1 (or higher with one size that is not 1), or a zip archive that holds
// just one .npy (Debian's scipy/misc/ecg.dat is one). Error(invalid_input), Error(io).
std::vector<double> read_signal(const std::string& path);

// Samples [begin, end) of a recording of `count`, from shares of it.
struct Stretch {
  size_t begin, end;
};
Stretch stretch_of(double begin, double end, size_t count);

// The stretch, scaled, and high-passed: a Butterworth filter of second order run both ways, whose squared gain is 1/4 at
// the cut-off in power. The filter sees the stretch alone, so nothing of the rest gets in.
std::vector<double> prepare_signal(const std::vector<double>& recording, const Stretch& stretch,
                                   const SignalConfig& config);

}  // namespace mote::tool
