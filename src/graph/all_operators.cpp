// The table of every operator. In a file of its own: linked only by those who name it.
#include "graph/operators.h"

extern "C" const mote_operator* const mote_all_operators[] = {
    &mote_op_conv2d_f32,
    &mote_op_linear_f32,
    &mote_op_group_norm_f32,
    &mote_op_activation_f32,
    &mote_op_attention_f32,
    &mote_op_add_f32,
    &mote_op_upsample_f32,
    &mote_op_average_pool_f32,
    &mote_op_timestep_embedding_f32,
    &mote_op_class_embedding_f32,
    &mote_op_scale_shift_f32,
    &mote_op_conv2d_s8,
    &mote_op_linear_s8,
    &mote_op_group_norm_s8,
    &mote_op_activation_s8,
    &mote_op_attention_s8,
    &mote_op_add_s8,
    &mote_op_upsample_s8,
    &mote_op_average_pool_s8,
    &mote_op_scale_shift_s8,
    &mote_op_quantize_s16,
    &mote_op_step_embedding_s16,
    nullptr,
};
