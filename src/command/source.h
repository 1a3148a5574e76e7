/* A file of logits with what belongs to its rows, and the measuring of them. */
#ifndef ENT_SOURCE_H
#define ENT_SOURCE_H

#include "logits.h"
#include "mask.h"
#include "measures.h"
#include "progress.h"
#include "targets.h"

/* What is read in step. */
typedef struct source {
    logits logits;
    float temperature;
    bool with_mask, with_targets;
    mask mask;
    targets targets;
} source;

/* A mask_path or targets_path of NULL: there is none. Returns NULL, or the file that cannot be
 * used, with its error; source_close is due in any case. */
const npy *source_open(source *s, const char *path, bool bf16, float temperature,
                       const char *mask_path, const char *targets_path);

/* Adds every row to the columns. False where that fails: source_failed then gives the file that
 * could not be read, or NULL if it was the columns that could not be written. */
bool measure(source *s, measures *m, progress *p);
const npy *source_failed(const source *s);

void source_close(source *s);

#endif
