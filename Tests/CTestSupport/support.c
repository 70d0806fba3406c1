#define _GNU_SOURCE
#include "CTestSupport.h"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

const int test_o_direct = O_DIRECT, test_o_tmpfile = O_TMPFILE, test_rwf_dsync = RWF_DSYNC;

long test_syscall(long number, long a, long b, long c, long d, long e, long f) {
    return syscall(number, a, b, c, d, e, f);
}
