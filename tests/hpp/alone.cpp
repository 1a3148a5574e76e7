// The header needs no other before it, and may be included twice.
#include <entropy.hpp>

#include <entropy.hpp>
