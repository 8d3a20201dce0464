#include <zlib.h>

// Macros that Swift can't see; each begins a stream in gzip's form.
static inline int sandstorm_deflate_begin(z_stream *stream, int level) {
    return deflateInit2(stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
}
static inline int sandstorm_inflate_begin(z_stream *stream) { return inflateInit2(stream, 15 + 16); }
