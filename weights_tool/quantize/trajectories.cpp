#include "weights_tool/quantize/trajectories.h"

#include "diffusion/noise.h"
#include "diffusion/rows.h"

namespace mote::tool {

void follow_trajectories(const Graph& graph, const std::vector<format::RowRecord>& rows,
                         const TrajectoryOptions& options, ThreadPool& pool,
                         const std::function<void(const Visit&, float* m)>& predict) {
  const Tensor& input = graph.tensors[static_cast<size_t>(graph.input)];
  const Tensor& output = graph.tensors[static_cast<size_t>(graph.output)];
  const uint32_t elements = static_cast<uint32_t>(input.elements());
  const size_t channels = static_cast<size_t>(input.dims[2]), out_channels = static_cast<size_t>(output.dims[2]);
  pool.parallel_for(options.pictures, [&](int picture, int worker) {
    const uint32_t sample = static_cast<uint32_t>(picture);
    std::vector<float> x(elements), m(static_cast<size_t>(output.elements()));
    std::vector<float> history(size_t{format::max_history} * elements, 0.0f);
    fill_gaussian(x.data(), 0, elements, options.seed, 0, sample, noise_initial);
    const bool without_class = graph.num_classes == 0 || picture % 8 == 7;
    const int class_row = graph.num_classes == 0 ? 0 : without_class ? graph.num_classes : picture % graph.num_classes;
    for (size_t step = 0; step < rows.size(); ++step) {
      const Visit visit{picture, static_cast<int>(step), row_timestep(rows[step]), class_row, x.data(), worker};
      predict(visit, m.data());
      if (out_channels != channels) {  // the rest is a learned variance, which rows do not use
        for (size_t e = 0; e < elements; ++e) m[e] = m[e / channels * out_channels + e % channels];
      }
      const StepNoise noise = {nullptr, options.seed, static_cast<uint32_t>(step), sample};
      sampler_update(rows[step], x.data(), m.data(), history.data(), format::max_history, elements, 0, elements, noise);
    }
  });
}

}  // namespace mote::tool
