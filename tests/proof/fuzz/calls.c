/* The C interface, called in every way that bytes can describe. */
#include "calls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input in = {data, data + size};
    switch (take_below(&in, 16)) {
    case 11:
    case 13: call_on_garbage(&in); break;
    case 14:
    case 15: call_on_pieces(&in); break;
    case 12: call_machine(&in); break;
    default: call_on_rows(&in); break;
    }
    return 0;
}
