#include "entropy.h"

const char *entropy_strerror(int status)
{
    switch (status) {
    case ENTROPY_OK: return "success";
    case ENTROPY_ERR_NULL: return "a pointer that is needed is NULL";
    case ENTROPY_ERR_SHAPE:
        return "the shape is not valid: an empty vocabulary, more elements than memory can hold, "
               "or "
               "strides that cannot be";
    case ENTROPY_ERR_VALUE: return "an argument is outside its domain";
    case ENTROPY_ERR_ISA:
        return "the instruction set does not exist, or this machine or build lacks it";
    case ENTROPY_ERR_NOMEM: return "out of memory";
    default: return "unknown status";
    }
}

#define STRING_OF(x) #x
#define STRING(x) STRING_OF(x)

const char *entropy_version(void)
{
    return STRING(ENTROPY_VERSION_MAJOR) "." STRING(ENTROPY_VERSION_MINOR) "." STRING(
        ENTROPY_VERSION_PATCH);
}
