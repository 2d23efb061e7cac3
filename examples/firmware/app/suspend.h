/* suspend.h: a drawing that survives the loss of power between two steps: its state is kept after each, and found again
 * at the next start. */
#ifndef FIRMWARE_SUSPEND_H
#define FIRMWARE_SUSPEND_H

#include <mote/mote.h>

/* Keeps the state after a finished step. 0: done; else the board could not, and a restart goes on from an earlier one. */
int suspend_keep(const mote_sampler* sampler);

/* Goes on from the kept state, if there is one of this model and configuration: 1. Says so if there is one that is
 * damaged or foreign; the sampler then begins anew. */
int suspend_resume(mote_sampler* sampler);

/* The picture is finished: the next start begins another one. */
void suspend_forget(void);

#endif
