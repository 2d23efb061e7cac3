#include "graph/ops/convolution_s8.h"

extern "C" const mote_operator mote_op_conv2d_s8 = {mote::format::OpKind::conv2d,
                                                    mote::DType::i8,
                                                    1,
                                                    mote::convolution_s8_phases,
                                                    mote::convolution_s8_run,
                                                    mote::convolution_s8_packed_bytes,
                                                    mote::convolution_s8_pack,
                                                    mote::convolution_s8_packed_scratch_bytes};
