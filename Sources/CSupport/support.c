#define _GNU_SOURCE
#include "CSupport.h"

#include <sys/xattr.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

static inline uint64_t mix(uint64_t a, uint64_t b) {
    __uint128_t product = (__uint128_t)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t load64(const unsigned char *p) {
    uint64_t v;
    memcpy(&v, p, 8);
    return v;
}

static const uint64_t K0 = 0xa0761d6478bd642full, K1 = 0xe7037ed1a0b428dbull,
                      K2 = 0x8ebc6af09c88c6e3ull, K3 = 0x589965cc75374cc3ull;

uint64_t perjury_hash(const void *bytes, size_t count, uint64_t seed) {
    const unsigned char *p = bytes;
    size_t left = count;
    uint64_t a = seed ^ K0, b = seed ^ K1;
    while (left >= 32) {
        a = mix(load64(p) ^ K1, load64(p + 8) ^ a);
        b = mix(load64(p + 16) ^ K2, load64(p + 24) ^ b);
        p += 32;
        left -= 32;
    }
    if (left > 0) {
        unsigned char tail[32] = {0};
        memcpy(tail, p, left);
        a = mix(load64(tail) ^ K1, load64(tail + 8) ^ a);
        b = mix(load64(tail + 16) ^ K2, load64(tail + 24) ^ b);
    }
    return mix(a ^ K3 ^ count, b ^ K1);
}

const char *perjury_image_path(void) {
    Dl_info info;
    struct link_map *image = NULL;
    bool is_loaded =
        dladdr1((const void *)&perjury_image_path, &info, (void **)&image, RTLD_DL_LINKMAP) != 0
        && image != NULL && image->l_name[0] != 0;
    // Of the executable the linker knows argv[0] only, which may be anything.
    return is_loaded ? image->l_name : "/proc/self/exe";
}

int perjury_name_and_pin_thread(const char *name, int cpu) {
    pthread_setname_np(pthread_self(), name);
    if (cpu < 0) return 0;
    if (cpu >= CPU_SETSIZE) return EINVAL;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

int perjury_memory_file(const char *name) {
    return memfd_create(name, MFD_CLOEXEC);
}

void perjury_forget_start(int file, int64_t length) {
    const int64_t page = 4096;
    if (length < page) return;
    if (fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, length / page * page) != 0)
        errno = 0;
}

size_t perjury_allowed_processors(int *numbers, size_t capacity) {
    cpu_set_t set;
    size_t count = 0;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 0;
    for (int number = 0; number < CPU_SETSIZE && count < capacity; number++)
        if (CPU_ISSET(number, &set)) numbers[count++] = number;
    return count;
}

int perjury_contains(const void *bytes, size_t count, const void *needle, size_t needle_count) {
    return memmem(bytes, count, needle, needle_count) != NULL;
}

int64_t perjury_list_attributes(const char *path, char *names, size_t capacity) {
    return llistxattr(path, names, capacity);
}

int64_t perjury_get_attribute(const char *path, const char *name, void *value, size_t capacity) {
    return lgetxattr(path, name, value, capacity);
}
