// Method. The model is what the file must hold: an array and a size. Each step does one call and its effect on the
// array, then compares the answer, the file's size and, for what reads, the bytes. Four ways lead to the file: plain
// calls, O_APPEND, O_DIRECT (which sees what the server holds, past the page cache) and one shared mapping of all of it
// that stays while other calls go on, so that pages are dirty when a truncation or a punch meets them.
//
// Left out: stores beyond the end through the mapping (no filesystem promises anything), and SEEK_DATA while mapped
// pages are dirty (FUSE asks the server without writing them back first).
#define _GNU_SOURCE
#include "ByteModel.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "random.h"

enum { LIMIT = 256 << 10, PAGE = 4096, HISTORY = 24 };

struct step {
    const char *name;
    uint64_t offset, length, size;
};

struct run {
    const char *path;
    uint64_t random;
    int file, append, direct;
    char *mapping;
    unsigned char *model, *buffer;
    uint64_t size;
    struct test_byte_model_result *result;
    struct step history[HISTORY];
    uint64_t steps;
};

static uint64_t below(struct run *r, uint64_t bound) { return random_below(&r->random, bound); }

static void note(struct run *r, const char *name, uint64_t offset, uint64_t length) {
    r->history[r->steps++ % HISTORY] = (struct step){name, offset, length, r->size};
}

__attribute__((format(printf, 2, 3))) static int differs(struct run *r, const char *format, ...) {
    char *text = r->result->difference;
    size_t room = sizeof r->result->difference;
    if (*text) return -1;
    va_list arguments;
    va_start(arguments, format);
    size_t used = (size_t)vsnprintf(text, room, format, arguments);
    va_end(arguments);
    uint64_t first = r->steps > HISTORY ? r->steps - HISTORY : 0;
    for (uint64_t i = first; i < r->steps && used + 100 < room; i++) {
        struct step s = r->history[i % HISTORY];
        used += (size_t)snprintf(text + used, room - used, "\n#%lu %s %lu+%lu, size before %lu",
                                 (unsigned long)i, s.name, (unsigned long)s.offset,
                                 (unsigned long)s.length, (unsigned long)s.size);
    }
    return -1;
}

static int compare(struct run *r, const void *bytes, uint64_t offset, uint64_t length,
                   const char *way) {
    const unsigned char *got = bytes;
    if (memcmp(got, r->model + offset, length) == 0) return 0;
    uint64_t i = 0;
    while (got[i] == r->model[offset + i]) i++;
    return differs(r, "%s: byte %lu is %02x, not %02x", way, (unsigned long)(offset + i), got[i],
                   r->model[offset + i]);
}

static int check_size(struct run *r) {
    struct stat now;
    if (fstat(r->file, &now) != 0) return differs(r, "fstat: %s", strerror(errno));
    if ((uint64_t)now.st_size != r->size)
        return differs(r, "size %lu, not %lu", (unsigned long)now.st_size, (unsigned long)r->size);
    return 0;
}

static int read_through(struct run *r, int file, uint64_t offset, uint64_t length, const char *way) {
    ssize_t got = pread(file, r->buffer, length, (off_t)offset);
    if (got < 0 && errno == EINVAL && file == r->direct) {
        r->result->unsupported++;
        return 0;
    }
    if (got < 0) return differs(r, "%s: %s", way, strerror(errno));
    uint64_t expected = offset >= r->size ? 0 : r->size - offset;
    if (expected > length) expected = length;
    if ((uint64_t)got != expected)
        return differs(r, "%s: %ld bytes, not %lu", way, (long)got, (unsigned long)expected);
    return compare(r, r->buffer, offset, expected, way);
}

static int check_all(struct run *r) {
    if (check_size(r) != 0) return -1;
    if (read_through(r, r->direct, 0, LIMIT, "whole, O_DIRECT") != 0) return -1;
    if (compare(r, r->mapping, 0, r->size, "whole, mapped") != 0) return -1;
    posix_fadvise(r->file, 0, 0, POSIX_FADV_DONTNEED);
    return read_through(r, r->file, 0, LIMIT, "whole, read again");
}

static void fill(struct run *r, uint64_t length) {
    for (uint64_t i = 0; i < length; i += 8) {
        uint64_t word = random_next(&r->random);
        memcpy(r->buffer + i, &word, 8);
    }
}

static void grow(struct run *r, uint64_t end) {
    if (end > r->size) r->size = end;
}

static void resize(struct run *r, uint64_t size) {
    if (size < r->size) memset(r->model + size, 0, r->size - size);
    r->size = size;
}

static void pick(struct run *r, uint64_t *offset, uint64_t *length) {
    switch (below(r, 16)) {
        case 0: *length = 1 + below(r, 65536); break;
        case 1 ... 3: *length = 1 + below(r, 3 * PAGE); break;
        case 4 ... 6: *length = PAGE * (1 + below(r, 3)); break;
        default: *length = 1 + below(r, 512); break;
    }
    switch (below(r, 8)) {
        case 0: *offset = below(r, LIMIT); break;
        case 1: *offset = PAGE * below(r, LIMIT / PAGE); break;
        case 2: *offset = r->size; break;
        default: *offset = below(r, r->size + PAGE); break;
    }
    if (*offset >= LIMIT) *offset = LIMIT - 1;
    if (*length > LIMIT - *offset) *length = LIMIT - *offset;
}

static int write_done(struct run *r, ssize_t got, uint64_t offset, uint64_t length) {
    if (got < 0 || (uint64_t)got != length)
        return differs(r, "wrote %ld of %lu: %s", (long)got, (unsigned long)length,
                       got < 0 ? strerror(errno) : "");
    memcpy(r->model + offset, r->buffer, length);
    grow(r, offset + length);
    r->result->written += length;
    return 0;
}

static int do_write(struct run *r) {
    uint64_t offset, length;
    pick(r, &offset, &length);
    fill(r, length);
    switch (below(r, 8)) {
        case 0: {
            note(r, "pwritev", offset, length);
            uint64_t a = length / 3, b = length / 2;
            struct iovec parts[3] = {
                {r->buffer, a}, {r->buffer + a, b - a}, {r->buffer + b, length - b}};
            return write_done(r, pwritev(r->file, parts, 3, (off_t)offset), offset, length);
        }
        case 1: {
            note(r, "pwritev2 RWF_DSYNC", offset, length);
            struct iovec part = {r->buffer, length};
            return write_done(r, pwritev2(r->file, &part, 1, (off_t)offset, RWF_DSYNC), offset,
                              length);
        }
        default:
            note(r, "pwrite", offset, length);
            return write_done(r, pwrite(r->file, r->buffer, length, (off_t)offset), offset, length);
    }
}

static int do_append(struct run *r) {
    uint64_t offset, length;
    pick(r, &offset, &length);
    if (length > LIMIT - r->size) length = LIMIT - r->size;
    if (length == 0) return 0;
    fill(r, length);
    note(r, "append", r->size, length);
    return write_done(r, write(r->append, r->buffer, length), r->size, length);
}

static int do_direct(struct run *r, int writes) {
    uint64_t offset, length;
    pick(r, &offset, &length);
    if (below(r, 4) != 0) {
        offset &= ~(uint64_t)(PAGE - 1);
        length = (length + PAGE - 1) & ~(uint64_t)(PAGE - 1);
    }
    if (!writes) {
        note(r, "O_DIRECT pread", offset, length);
        return read_through(r, r->direct, offset, length, "O_DIRECT pread");
    }
    fill(r, length);
    note(r, "O_DIRECT pwrite", offset, length);
    ssize_t got = pwrite(r->direct, r->buffer, length, (off_t)offset);
    if (got < 0 && errno == EINVAL) {
        r->result->unsupported++;
        return 0;
    }
    return write_done(r, got, offset, length);
}

static int do_read(struct run *r) {
    uint64_t offset, length;
    pick(r, &offset, &length);
    note(r, "pread", offset, length);
    return read_through(r, r->file, offset, length, "pread");
}

static int do_truncate(struct run *r) {
    uint64_t size = below(r, 3) == 0 ? below(r, LIMIT + 1) : below(r, r->size + PAGE);
    if (size > LIMIT) size = LIMIT;
    int kind = (int)below(r, 40);
    if (kind == 0) size = 0;
    note(r, kind == 0 ? "open O_TRUNC" : kind < 20 ? "truncate" : "ftruncate", size, 0);
    int error = 0;
    if (kind == 0) {
        int file = open(r->path, O_RDWR | O_TRUNC | O_CLOEXEC);
        error = file < 0 ? -1 : close(file);
    } else {
        error = kind < 20 ? truncate(r->path, (off_t)size) : ftruncate(r->file, (off_t)size);
    }
    if (error != 0) return differs(r, "truncation: %s", strerror(errno));
    resize(r, size);
    return 0;
}

static int do_mapped(struct run *r, int writes) {
    uint64_t offset, length;
    pick(r, &offset, &length);
    if (offset >= r->size) return 0;
    if (length > r->size - offset) length = r->size - offset;
    if (!writes) {
        note(r, "mapped load", offset, length);
        return compare(r, r->mapping + offset, offset, length, "mapped load");
    }
    fill(r, length);
    uint64_t way = below(r, 8);
    note(r, way < 2 ? "mapped store, msync" : way == 2 ? "own mapping, store, munmap" : "mapped store",
         offset, length);
    if (way == 2) {
        uint64_t start = offset & ~(uint64_t)(PAGE - 1);
        size_t span = offset + length - start;
        char *own = mmap(NULL, span, PROT_READ | PROT_WRITE, MAP_SHARED, r->file, (off_t)start);
        if (own == MAP_FAILED) return differs(r, "mmap: %s", strerror(errno));
        memcpy(own + (offset - start), r->buffer, length);
        munmap(own, span);
    } else {
        memcpy(r->mapping + offset, r->buffer, length);
        if (way < 2 && msync(r->mapping, LIMIT, MS_SYNC) != 0)
            return differs(r, "msync: %s", strerror(errno));
    }
    memcpy(r->model + offset, r->buffer, length);
    r->result->written += length;
    return 0;
}

static int do_allocate(struct run *r) {
    static const struct {
        int mode;
        const char *name;
    } modes[] = {
        {0, "fallocate"},
        {FALLOC_FL_KEEP_SIZE, "fallocate KEEP_SIZE"},
        {FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, "fallocate PUNCH_HOLE"},
        {FALLOC_FL_ZERO_RANGE, "fallocate ZERO_RANGE"},
        {FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, "fallocate ZERO_RANGE KEEP_SIZE"},
    };
    uint64_t offset, length, kind = below(r, 5);
    pick(r, &offset, &length);
    note(r, modes[kind].name, offset, length);
    if (fallocate(r->file, modes[kind].mode, (off_t)offset, (off_t)length) != 0) {
        if (errno != EOPNOTSUPP) return differs(r, "fallocate: %s", strerror(errno));
        r->result->unsupported++;
        return 0;
    }
    if (kind >= 2) {
        uint64_t end = offset + length < r->size ? offset + length : r->size;
        if (offset < end) memset(r->model + offset, 0, end - offset);
    }
    if (kind == 0 || kind == 3) grow(r, offset + length);
    return 0;
}

static int do_copy(struct run *r) {
    uint64_t from, to, length, ignored;
    pick(r, &from, &length);
    pick(r, &to, &ignored);
    if (length > LIMIT - to) length = LIMIT - to;
    note(r, "copy_file_range from", from, length);
    note(r, "copy_file_range to", to, length);
    off_t source = (off_t)from, target = (off_t)to;
    ssize_t got = copy_file_range(r->file, &source, r->file, &target, length, 0);
    if (from >= r->size) {
        if (got == 0) return 0;
        // Overlapping ranges are an error even where there is nothing to copy.
        return got < 0 && errno == EINVAL ? 0 : differs(r, "copied %ld from beyond", (long)got);
    }
    uint64_t available = length < r->size - from ? length : r->size - from;
    // Linux shortens the range to what the file holds before it looks for an overlap.
    if (from < to + available && to < from + available)
        return got < 0 && errno == EINVAL ? 0 : differs(r, "overlap: copied %ld", (long)got);
    if (got <= 0 || (uint64_t)got > available)
        return differs(r, "copied %ld of %lu: %s", (long)got, (unsigned long)available,
                       got < 0 ? strerror(errno) : "");
    memmove(r->model + to, r->model + from, (size_t)got);
    grow(r, to + (uint64_t)got);
    r->result->written += (uint64_t)got;
    return 0;
}

static int all_zero(const unsigned char *bytes, uint64_t length) {
    return length == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0);
}

static int do_seek(struct run *r) {
    uint64_t offset = below(r, r->size + PAGE);
    note(r, "SEEK_DATA and SEEK_HOLE", offset, 0);
    if (msync(r->mapping, LIMIT, MS_SYNC) != 0) return differs(r, "msync: %s", strerror(errno));
    off_t data = lseek(r->file, (off_t)offset, SEEK_DATA);
    int error = errno;
    if (data < 0 && error != ENXIO) return differs(r, "SEEK_DATA: %s", strerror(error));
    if (data >= 0 && ((uint64_t)data < offset || (uint64_t)data >= r->size))
        return differs(r, "SEEK_DATA: %ld", (long)data);
    uint64_t end = data < 0 ? r->size : (uint64_t)data;
    if (offset < end && !all_zero(r->model + offset, end - offset))
        return differs(r, "SEEK_DATA passed over data, to %ld", (long)data);
    off_t hole = lseek(r->file, (off_t)offset, SEEK_HOLE);
    if (offset >= r->size)
        return hole < 0 && errno == ENXIO ? 0 : differs(r, "SEEK_HOLE beyond: %ld", (long)hole);
    if (hole < (off_t)offset || (uint64_t)hole > r->size)
        return differs(r, "SEEK_HOLE: %ld", (long)hole);
    if ((uint64_t)hole < r->size && r->model[hole] != 0)
        return differs(r, "SEEK_HOLE found data at %ld", (long)hole);
    return 0;
}

static int do_sync(struct run *r) {
    uint64_t kind = below(r, 3);
    note(r, kind == 0 ? "fsync" : kind == 1 ? "fdatasync" : "sync_file_range", 0, 0);
    int error = kind == 0   ? fsync(r->file)
                : kind == 1 ? fdatasync(r->file)
                            : sync_file_range(r->file, 0, 0,
                                              SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
    return error == 0 ? 0 : differs(r, "sync: %s", strerror(errno));
}

static int step(struct run *r) {
    switch (below(r, 64)) {
        case 0 ... 15: return do_write(r);
        case 16 ... 18: return do_append(r);
        case 19 ... 23: return do_direct(r, 1);
        case 24 ... 28: return do_direct(r, 0);
        case 29 ... 35: return do_read(r);
        case 36 ... 41: return do_truncate(r);
        case 42 ... 46: return do_mapped(r, 1);
        case 47 ... 49: return do_mapped(r, 0);
        case 50 ... 55: return do_allocate(r);
        case 56 ... 59: return do_copy(r);
        case 60: return do_seek(r);
        case 61: return do_sync(r);
        case 62:
            note(r, "drop caches", 0, 0);
            posix_fadvise(r->file, 0, 0, POSIX_FADV_DONTNEED);
            return 0;
        default: return below(r, 4) == 0 ? check_all(r) : 0;
    }
}

static int open_all(struct run *r, int create) {
    r->file = open(r->path, O_RDWR | O_CLOEXEC | create, 0600);
    if (r->file < 0) return differs(r, "open: %s", strerror(errno));
    r->append = open(r->path, O_WRONLY | O_APPEND | O_CLOEXEC);
    r->direct = open(r->path, O_RDWR | O_DIRECT | O_CLOEXEC);
    // tmpfs of older kernels has no O_DIRECT.
    if (r->direct < 0) r->direct = open(r->path, O_RDWR | O_CLOEXEC);
    if (r->append < 0 || r->direct < 0) return differs(r, "open: %s", strerror(errno));
    r->mapping = mmap(NULL, LIMIT, PROT_READ | PROT_WRITE, MAP_SHARED, r->file, 0);
    if (r->mapping == MAP_FAILED) {
        r->mapping = NULL;
        return differs(r, "mmap: %s", strerror(errno));
    }
    return 0;
}

static void close_all(struct run *r) {
    if (r->mapping) munmap(r->mapping, LIMIT);
    if (r->file >= 0) close(r->file);
    if (r->append >= 0) close(r->append);
    if (r->direct >= 0) close(r->direct);
    r->mapping = NULL;
    r->file = r->append = r->direct = -1;
}

static void play(const char *path, uint64_t seed, uint64_t count, int cpu,
                 struct test_byte_model_result *result) {
    struct run r = {.path = path, .random = random_start(seed), .result = result};
    r.file = r.append = r.direct = -1;
    cpu_set_t one;
    CPU_ZERO(&one);
    if (cpu >= 0) CPU_SET(cpu, &one);
    if (cpu >= 0) sched_setaffinity(0, sizeof one, &one);
    // Room for stores of whole words, and for the memory that O_DIRECT wants.
    r.model = calloc(1, LIMIT + PAGE);
    r.buffer = aligned_alloc(PAGE, LIMIT + PAGE);
    if (!r.model || !r.buffer) differs(&r, "no memory");
    else if (open_all(&r, O_CREAT | O_EXCL) == 0) {
        while (result->operations < count && step(&r) == 0 && check_size(&r) == 0) {
            result->operations++;
            if (below(&r, 2000) == 0) {
                close_all(&r);
                if (open_all(&r, 0) != 0) break;
            }
        }
        if (!*result->difference) check_all(&r);
    }
    close_all(&r);
    free(r.model);
    free(r.buffer);
}

int test_byte_model(const char *path, uint64_t seed, uint64_t count, int cpu,
                    struct test_byte_model_result *result) {
    struct test_byte_model_result *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) return -1;
    // A process of its own: whoever serves a mount must not map its files (see `test_mapped`).
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        play(path, seed, count, cpu, shared);
        _exit(0);
    }
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (child < 0 || status != 0)
        snprintf(shared->difference, sizeof shared->difference, "process: status %d", status);
    *result = *shared;
    munmap(shared, sizeof *shared);
    return *result->difference ? -1 : 0;
}
