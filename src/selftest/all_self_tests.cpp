// The table of every self-test. In a file of its own: linked only by those who name it.
#include "selftest/bench.h"

extern "C" const mote_self_test_case* const mote_all_self_tests[] = {
    &mote_self_test_conv2d_f32,      &mote_self_test_linear_f32,
    &mote_self_test_group_norm_f32,  &mote_self_test_activation_f32,
    &mote_self_test_attention_f32,   &mote_self_test_add_f32,
    &mote_self_test_upsample_f32,    &mote_self_test_average_pool_f32,
    &mote_self_test_scale_shift_f32, &mote_self_test_conv2d_s8,
    &mote_self_test_conv2d_s16,      &mote_self_test_channel_sums_s8,
    &mote_self_test_affine_s8,       &mote_self_test_table_s8,
    &mote_self_test_attention_s8,    &mote_self_test_add_s8,
    &mote_self_test_upsample_s8,     &mote_self_test_average_pool_s8,
    &mote_self_test_quantize_s16,    nullptr,
};
