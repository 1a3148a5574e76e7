#ifndef ENT_STATE_H
#define ENT_STATE_H

#include "row.h"

/* Whatever is not a state of this version is a row with a NaN. */
ent_record ent_record_of_state(const entropy_state *state);
entropy_state ent_state_of_record(const ent_record *record);

#endif
