#define _GNU_SOURCE
#include "Calls.h"

#include <errno.h>
#include <grp.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

long test_call_as(unsigned user, unsigned group, unsigned more_group, long number, long a, long b,
                  long c, long d, long e) {
    int ends[2];
    if (pipe(ends) != 0) return -1;
    pid_t child = fork();
    if (child == 0) {
        gid_t groups[1] = {more_group};
        long answer[2] = {-1, EPROTO};
        // The system calls, not the C library's functions: those speak to all threads, which did not come along.
        if (syscall(SYS_setgroups, 1, groups) == 0 &&
            syscall(SYS_setresgid, group, group, group) == 0 &&
            syscall(SYS_setresuid, user, user, user) == 0) {
            answer[0] = syscall(number, a, b, c, d, e);
            answer[1] = errno;
        }
        _exit(write(ends[1], answer, sizeof answer) != sizeof answer);
    }
    close(ends[1]);
    long answer[2] = {-1, ECHILD};
    if (child > 0) {
        if (read(ends[0], answer, sizeof answer) != sizeof answer) answer[1] = EPROTO;
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    close(ends[0]);
    errno = (int)answer[1];
    return answer[0];
}

int test_mapped(int file, long length, int protection, int flags, long offset, int value,
                int sync) {
    int ends[2];
    if (pipe(ends) != 0) return -errno;
    int answer = -EPROTO;
    pid_t child = fork();
    if (child == 0) {
        unsigned char *memory = mmap(NULL, (size_t)length, protection, flags, file, 0);
        if (memory == MAP_FAILED) {
            answer = -errno;
        } else {
            if (value >= 0) memory[offset] = (unsigned char)value;
            if (sync && msync(memory, (size_t)length, MS_SYNC) != 0) answer = -errno;
            else answer = memory[offset];
            munmap(memory, (size_t)length);
        }
        _exit(write(ends[1], &answer, sizeof answer) != sizeof answer);
    }
    close(ends[1]);
    if (child > 0) {
        if (read(ends[0], &answer, sizeof answer) != sizeof answer) answer = -EPROTO;
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    close(ends[0]);
    return answer;
}

enum { ENTRIES = 64 };

static int submit(int ring, const struct io_uring_params *p, char *queue, unsigned count) {
    // Nobody else uses the ring: the kernel takes the entries within io_uring_enter.
    unsigned *array = (unsigned *)(queue + p->sq_off.array);
    for (unsigned i = 0; i < count; i++) array[i] = i;
    __atomic_store_n((unsigned *)(queue + p->sq_off.tail), count, __ATOMIC_RELEASE);
    long taken = syscall(SYS_io_uring_enter, ring, count, count, IORING_ENTER_GETEVENTS, NULL, 0);
    return taken < 0 ? -errno : taken == count ? 0 : -EAGAIN;
}

static int first_failure(const struct io_uring_params *p, char *queue, unsigned count,
                         unsigned length) {
    unsigned tail = __atomic_load_n((unsigned *)(queue + p->cq_off.tail), __ATOMIC_ACQUIRE);
    if (tail != count) return -EIO;
    struct io_uring_cqe *done = (struct io_uring_cqe *)(queue + p->cq_off.cqes);
    for (unsigned i = 0; i < count; i++) {
        int expected = done[i].user_data == count - 1 ? 0 : (int)length;
        if (done[i].res < 0) return done[i].res;
        if (done[i].res != expected) return -EIO;
    }
    return 0;
}

int test_ring_writes(int file, unsigned count, unsigned length, int flags) {
    static unsigned char bytes[ENTRIES][8192];
    if (count >= ENTRIES || length > sizeof bytes[0]) return -EINVAL;
    struct io_uring_params p = {0};
    long made = syscall(SYS_io_uring_setup, ENTRIES, &p);
    if (made < 0) return -errno;
    int ring = (int)made;
    size_t entries_size = p.sq_entries * sizeof(struct io_uring_sqe);
    size_t size = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
    size_t array_end = p.sq_off.array + p.sq_entries * sizeof(unsigned);
    if (array_end > size) size = array_end;
    char *queue = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
    struct io_uring_sqe *all =
        mmap(NULL, entries_size, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
    int result = -EOPNOTSUPP;
    if (queue != MAP_FAILED && all != MAP_FAILED && p.features & IORING_FEAT_SINGLE_MMAP) {
        memset(all, 0, entries_size);
        for (unsigned i = 0; i <= count; i++) {
            all[i].fd = file;
            all[i].user_data = i;
            if (i == count) {
                all[i].opcode = IORING_OP_FSYNC;
                break;
            }
            memset(bytes[i], (int)i, length);
            all[i].opcode = IORING_OP_WRITE;
            all[i].flags = IOSQE_IO_LINK;
            all[i].addr = (uintptr_t)bytes[i];
            all[i].len = length;
            all[i].off = (uint64_t)i * length;
            all[i].rw_flags = flags;
        }
        result = submit(ring, &p, queue, count + 1);
        if (result == 0) result = first_failure(&p, queue, count + 1, length);
    }
    if (all != MAP_FAILED) munmap(all, entries_size);
    if (queue != MAP_FAILED) munmap(queue, size);
    close(ring);
    return result;
}
