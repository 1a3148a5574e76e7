/* Plain reads of rows with the signature of entropy_f32, and repeated calls that cost nothing of
 * Python's. */
#include "../plain_read.h"

typedef int rows_call(const float *logits, size_t batch, size_t seq, size_t vocab, float *out);

void repeat(size_t calls, rows_call *call, const float *logits, size_t batch, size_t seq,
            size_t vocab, float *out)
{
    for (size_t i = 0; i < calls; i++) {
        call(logits, batch, seq, vocab, out);
    }
}

/* NULL behind the last that this machine can run. */
const char *reader_name(size_t i)
{
    return plain_reader_of(i).name;
}

static int read_rows(plain_read *read, const float *logits, size_t rows, size_t vocab, float *out)
{
#pragma omp parallel for if (rows > 1)
    for (size_t row = 0; row < rows; row++) {
        out[row] = read(logits + row * vocab, vocab);
    }
    return 0;
}

#define READER(i)                                                                              \
    int read_rows_##i(const float *logits, size_t batch, size_t seq, size_t vocab, float *out) \
    {                                                                                          \
        return read_rows(plain_reader_of(i).read, logits, batch * seq, vocab, out);            \
    }
READER(0)
READER(1)
READER(2)
READER(3)
READER(4)
READER(5)
