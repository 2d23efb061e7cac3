// The status codes of the C API, under the names device code uses. One list: include/mote/mote.h.
#pragma once
#include <mote/mote.h>

namespace mote {

using Status = mote_status;

// Returns from the enclosing function if `expr` is an error.
#define MOTE_TRY(expr)                       \
  do {                                       \
    const ::mote::Status mote_try_ = (expr); \
    if (mote_try_ < 0) return mote_try_;     \
  } while (0)

}  // namespace mote
