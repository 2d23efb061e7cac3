/* suspend.c: the state of a sampler, kept by the board under a name. One place to keep it: power lost while it is
 * written leaves a block whose checksum is wrong, and the drawing begins anew. Two places, written by turns, would lose
 * one step at most. */
#include "suspend.h"

#include "board.h"
#include "fashion.h"

static const char name[] = "state.bin";
static unsigned char block[MOTE_FASHION_SAVED_BYTES];

int suspend_keep(const mote_sampler* sampler) {
  if (mote_sampler_save(sampler, block, sizeof block) != MOTE_OK) return 1;
  return board_save(name, block, sizeof block);
}

int suspend_resume(mote_sampler* sampler) {
  const size_t size = board_load(name, block, sizeof block);
  mote_status status;
  if (size == 0) return 0;
  status = mote_sampler_restore(sampler, block, size);
  if (status == MOTE_OK) return 1;
  board_print("state refused, the drawing begins anew: ");
  board_print(mote_status_text(status));
  board_print("\n");
  return 0;
}

void suspend_forget(void) { (void)board_save(name, block, 0); }
