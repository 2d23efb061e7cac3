// Reads tests/data/diffusion/schedulers.txt (its origin and words are explained beside it).
#pragma once
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace scheduler_data {

struct ScheduleValues {
  std::string name;
  double beta_start, beta_end;
  std::vector<int> index;
  std::vector<double> beta64, alpha_bar64, alpha_bar32;
};

struct NoisyValues {
  std::string schedule;
  int t;
  std::vector<float> noisy, velocity;  // of x_T as picture and noise[0]
};

struct Chain {
  std::string id, kind, prediction, schedule;
  double beta_start, beta_end, eta, clip;
  bool rederive_epsilon;
  bool ends_clean;  // the last step goes to alpha_bar = 1, else to alpha_bar of timestep 0
  std::vector<int> timesteps;
  std::vector<std::vector<float>> previous;  // x after each step
};

struct Data {
  std::vector<ScheduleValues> schedules;
  std::vector<NoisyValues> noisy;
  std::vector<Chain> chains;
  std::vector<float> x_T;
  std::vector<std::vector<float>> model_output, noise;
};

template <class T>
std::vector<T> rest_of(std::istringstream& line) {
  std::vector<T> values;
  for (T v; line >> v;) values.push_back(v);
  return values;
}

inline Chain read_chain(std::istringstream& line) {
  Chain c;
  std::string end;
  line >> c.id >> c.kind >> c.prediction >> c.schedule >> c.beta_start >> c.beta_end >> c.eta >> c.rederive_epsilon >>
      c.clip >> end;
  c.ends_clean = end == "clean";
  return c;
}

inline Data read() {
  std::ifstream file(MOTE_TEST_DATA "/diffusion/schedulers.txt");
  if (!file) throw std::runtime_error("cannot read " MOTE_TEST_DATA "/diffusion/schedulers.txt");
  Data d;
  for (std::string text; std::getline(file, text);) {
    std::istringstream line(text);
    std::string word;
    line >> word;
    if (word == "schedule") {
      d.schedules.emplace_back();
      line >> d.schedules.back().name >> d.schedules.back().beta_start >> d.schedules.back().beta_end;
    } else if (word == "index") {
      d.schedules.back().index = rest_of<int>(line);
    } else if (word == "betas64") {
      d.schedules.back().beta64 = rest_of<double>(line);
    } else if (word == "alpha_bar64") {
      d.schedules.back().alpha_bar64 = rest_of<double>(line);
    } else if (word == "alpha_bar32") {
      d.schedules.back().alpha_bar32 = rest_of<double>(line);
    } else if (word == "x_T") {
      d.x_T = rest_of<float>(line);
    } else if (word == "model_output") {
      d.model_output.push_back(rest_of<float>(line));
    } else if (word == "noise") {
      d.noise.push_back(rest_of<float>(line));
    } else if (word == "add_noise") {
      d.noisy.emplace_back();
      line >> d.noisy.back().schedule >> d.noisy.back().t;
    } else if (word == "noisy") {
      d.noisy.back().noisy = rest_of<float>(line);
    } else if (word == "velocity") {
      d.noisy.back().velocity = rest_of<float>(line);
    } else if (word == "chain") {
      d.chains.push_back(read_chain(line));
    } else if (word == "timesteps") {
      d.chains.back().timesteps = rest_of<int>(line);
    } else if (word == "prev") {
      d.chains.back().previous.push_back(rest_of<float>(line));
    }
  }
  return d;
}

}  // namespace scheduler_data
