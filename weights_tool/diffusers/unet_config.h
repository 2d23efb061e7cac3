// The settings of diffusers' UNet2DModel, as its config.json says them or as the library takes them where the file says
// nothing. Known and supported is one thing here: what this header has no place for is refused by name. Knows no
// tensors and builds nothing (unet_graph.h does).
#pragma once
#include <string>
#include <vector>

#include "kernels/kernels.h"
#include "weights_tool/io/json.h"

namespace mote::tool {

enum class UnetBlock { plain, attention, resample };  // DownBlock2D, AttnDownBlock2D, ResnetDownsampleBlock2D; Up alike
enum class TimeEmbedding { positional, fourier };
enum class ClassEmbedding { none, table, timestep, identity };

struct Unet2DConfig {
  int height = 0, width = 0;  // sample_size; 0: the file does not say
  int in_channels = 3, out_channels = 3;
  bool center_input_sample = false;  // the network sees 2 x - 1
  TimeEmbedding time_embedding = TimeEmbedding::positional;
  int time_features = 0;  // time_embedding_dim, or 4 times the first level's channels
  double freq_shift = 0;
  bool flip_sin_to_cos = true;
  ClassEmbedding class_embedding = ClassEmbedding::none;
  int num_class_embeds = 0;  // of a table
  std::vector<UnetBlock> down, up;
  std::vector<int> channels;  // block_out_channels: of each level
  int layers_per_block = 2;   // residual blocks of a level on the way down; one more on the way up
  bool middle = true, middle_attention = true;
  double middle_scale = 1;         // mid_block_scale_factor: what the middle's blocks divide by
  int downsample_padding = 1;      // 0: one column and row of zeros at the right and bottom only
  bool resnet_downsample = false;  // downsample_type: of attention blocks
  bool resnet_upsample = false;    // upsample_type
  Activation activation = Activation::silu;
  int head_dim = 8;                 // attention_head_dim; 0: null, one head
  int groups = 32;                  // norm_num_groups
  int middle_attention_groups = 0;  // attn_norm_num_groups, or what null stands for; 0: no normalisation
  double epsilon = 1e-5;            // norm_eps
  bool scale_shift = false;         // resnet_time_scale_shift

  std::vector<std::string> ignored;  // keys that the library does not know and passes over

  // Of an attention over so many channels. What is left over of the division is not attended to.
  int heads(int of_channels) const { return head_dim == 0 ? 1 : of_channels / head_dim; }
  int head_size(int of_channels) const { return head_dim == 0 ? of_channels : head_dim; }
};

// `view` is the root of a config.json. Throws Error(invalid_input) that names the key: values that are not supported
// (with those that are), lists of different lengths, groups that do not divide, heads wider than a block.
Unet2DConfig parse_unet2d_config(const JsonView& view);

}  // namespace mote::tool
