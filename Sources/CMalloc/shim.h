// What glibc offers beyond the standard for its heaps; Swift's Glibc module leaves it out.
#include <malloc.h>
