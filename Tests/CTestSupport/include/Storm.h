// Concurrent storms of calls on names, after fsstress (SGI).
#ifndef STORM_H
#define STORM_H

#include <stdint.h>

enum { TEST_STORM_TOKENS = 32, TEST_STORM_WORKERS = 16 };

struct test_storm_result {
    uint64_t operations;
    /// How many names `counted-0` and `counted-1` must have now, by the calls that succeeded.
    int64_t counted;
    /// For each worker a hash of the answers to its calls below its own directory.
    uint64_t answers[TEST_STORM_WORKERS];
    /// Empty when all is well.
    char problem[256];
};

/// Storms below `root`, which is empty: each worker in a directory of its own, `own-N`, where its calls and their answers
/// depend on the seed only, and in directories that all share:
///
/// - `tokens-0`, `tokens-1`: files that are only renamed, never over each other; `token-N` holds "N".
/// - `counted-0`, `counted-1`: names come and go one at a time, none is replaced.
/// - `chaos`: anything.
///
/// Workers of even number are processes, the others threads of the caller's process.
int test_storm(const char *root, uint64_t seed, unsigned workers, uint64_t operations,
               struct test_storm_result *result);

#endif
