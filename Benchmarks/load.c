/* Calls on a directory, timed: one line `LOAD NANOSECONDS-PER-CALL` each. Usage: load DIRECTORY */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}
static char *buffer;
static void die(const char *what) { perror(what); exit(1); }

int main(int argc, char **argv) {
    if (argc != 2 || chdir(argv[1])) die("load: directory");
    if (posix_memalign((void **)&buffer, 4096, 1 << 20)) die("memory");
    memset(buffer, 'x', 1 << 20);
    int f = open("f", O_RDWR | O_CREAT, 0644), blocks = 16384;
    if (f < 0) die("create");
    double t = now();
    for (int i = 0; i < blocks; i++)
        if (pwrite(f, buffer, 4096, (off_t)i * 4096) != 4096) die("write");
    printf("write-4k-sequential %.0f\n", (now() - t) / blocks);
    unsigned r = 1;
    t = now();
    for (int i = 0; i < blocks; i++) {
        r = r * 1664525 + 1013904223;
        if (pwrite(f, buffer, 4096, (off_t)(r >> 18) * 4096) != 4096) die("write");
    }
    printf("write-4k-random %.0f\n", (now() - t) / blocks);
    t = now();
    for (int i = 0; i < 128; i++)
        if (pwrite(f, buffer, 1 << 20, (off_t)(i % 64) << 20) != 1 << 20) die("write");
    printf("write-1m %.0f\n", (now() - t) / 128);
    int d = open("f", O_RDONLY | O_DIRECT);
    if (d < 0) die("open O_DIRECT");
    t = now();
    for (int i = 0; i < blocks; i++)
        if (pread(d, buffer, 4096, (off_t)(i % 16384) * 4096) != 4096) die("read");
    printf("read-4k-direct %.0f\n", (now() - t) / blocks);
    t = now();
    for (int i = 0; i < 3000; i++) {
        int g = open("a", O_RDWR | O_CREAT | O_EXCL, 0644);
        if (g < 0 || close(g) || rename("a", "b") || unlink("b")) die("names");
    }
    printf("create-rename-unlink %.0f\n", (now() - t) / 3000);
    return 0;
}
