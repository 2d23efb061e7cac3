// Decides whether bytes are a model that is safe to run. Total: defined for every input, reads nothing outside
// [bytes, bytes + size), allocates nothing, keeps no state. Its time grows with the number of records (and of schedule
// entries), not with the size of the weights. Works from the rules of SPEC.md; rules.h has their texts.
//
// After it passes, running the operators in order cannot read or write outside the file, the arena of
// ModelRecord::arena_bytes and the picture, and reads no activation that was not written before.
#pragma once
#include "core/status.h"
#include "format/rules.h"
#include "format/view.h"

namespace mote::format {

// On success fills *view. On failure *view is left as it was and, if `place` is not null, *place says which rule is
// broken and where. `size` may be larger than the model. `bytes` must be a multiple of 16.
Status verify(const void* bytes, size_t size, View* view, Place* place);

// What verify leaves out because it takes time: the checksum, and that every float of DATA that a tensor names is
// finite. Needs a view that verify made.
Status check(const View& view, Place* place);

}  // namespace mote::format
