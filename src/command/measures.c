#include "measures.h"

bool measures_open(measures *m, bool varentropy, bool logprob)
{
    *m = (measures){.wanted = {[ENTROPY] = true, [VARENTROPY] = varentropy, [LOGPROB] = logprob}};
    bool ok = true;
    for (int c = 0; c < COLUMNS; c++) {
        ok = ok && (!m->wanted[c] || spool_open(&m->column[c]));
    }
    return ok;
}

bool measures_add(measures *m, float *const values[COLUMNS], size_t n)
{
    bool ok = true;
    for (int c = 0; c < COLUMNS; c++) {
        ok = ok && (!m->wanted[c] || spool_add(&m->column[c], values[c], n));
    }
    return ok;
}

void measures_close(measures *m)
{
    for (int c = 0; c < COLUMNS; c++) {
        spool_close(&m->column[c]);
    }
}
