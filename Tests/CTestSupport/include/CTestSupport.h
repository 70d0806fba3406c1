// System calls that the C library shows to GNU programs only, for tests.
#ifndef CTESTSUPPORT_H
#define CTESTSUPPORT_H

#include <sys/syscall.h>

#include "ByteModel.h"
#include "Calls.h"
#include "Storm.h"

/// syscall(2) with all its arguments; -1 and `errno` on failure.
long test_syscall(long number, long a, long b, long c, long d, long e, long f);

extern const int test_o_direct, test_o_tmpfile, test_rwf_dsync;

#endif
