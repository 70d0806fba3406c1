// A random data-integrity test of one file against an array of bytes, after fsx (Apple, NeXT, SGI).
#ifndef BYTEMODEL_H
#define BYTEMODEL_H

#include <stdint.h>

/// How many of each kind were done, and what went wrong.
struct test_byte_model_result {
    /// Calls that had their effect and answer compared.
    uint64_t operations;
    /// Calls that the filesystem does not support (EOPNOTSUPP; EINVAL of O_DIRECT at odd offsets).
    uint64_t unsupported;
    /// Bytes that the calls wrote.
    uint64_t written;
    /// Empty when all is well; else the difference, the last calls before it, one on a line.
    char difference[4096];
};

/// Does `count` random operations on a new file at `path` and compares each with the model.
///
/// \param cpu the core to stay on meanwhile, or -1.
/// \returns 0, or -1 when `result->difference` tells of a difference.
int test_byte_model(const char *path, uint64_t seed, uint64_t count, int cpu,
                    struct test_byte_model_result *result);

#endif
