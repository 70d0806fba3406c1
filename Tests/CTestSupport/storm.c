#define _GNU_SOURCE
#include "Storm.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "random.h"

enum { NO_REPLACE = 1, EXCHANGE = 2 };

struct worker {
    int root;
    unsigned number;
    uint64_t own, shared;  // two generators: what happens in shared directories must not change the own calls
    uint64_t operations, done, answers;
    int64_t counted;
};

struct path {
    char text[96];
};

static int swap_names(int root, const char *from, const char *to, unsigned flags) {
    return (int)syscall(SYS_renameat2, root, from, root, to, flags);
}

// Makes or opens a file and writes a few bytes into it.
static int put(int root, const char *path, int flags, uint64_t *random) {
    int file = openat(root, path, O_RDWR | O_CREAT | O_CLOEXEC | flags, 0644);
    if (file < 0) return -1;
    char bytes[1500];
    size_t length = 1 + random_below(random, sizeof bytes);
    memset(bytes, 'a' + (int)random_below(random, 26), length);
    ssize_t count = pwrite(file, bytes, length, (off_t)random_below(random, 9000));
    int error = errno;
    close(file);
    errno = error;
    return (int)count;
}

static int put_unnamed(int root, const char *path) {
    int file = openat(root, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
    if (file < 0) return -1;
    char name[40];
    snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    int result = write(file, "unnamed", 7) == 7
                     ? linkat(AT_FDCWD, name, root, path, AT_SYMLINK_FOLLOW)
                     : -1;
    int error = errno;
    close(file);
    errno = error;
    return result;
}

static int set_size(int root, const char *path, uint64_t size) {
    int file = openat(root, path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0) return -1;
    int result = ftruncate(file, (off_t)size);
    int error = errno;
    close(file);
    errno = error;
    return result;
}

static struct path anywhere(const char *top, uint64_t *random) {
    static const char *const directories[] = {"", "", "d0/", "d1/", "d0/d2/", "d3/"};
    static const char *const names[] = {"a", "b", "c", "d0", "d1", "d2", "d3", "e", "f"};
    struct path path;
    snprintf(path.text, sizeof path.text, "%s/%s%s", top, directories[random_below(random, 6)],
             names[random_below(random, 9)]);
    return path;
}

static int any_call(int root, const char *top, uint64_t *random) {
    struct path a = anywhere(top, random), b = anywhere(top, random);
    switch (random_below(random, 20)) {
        case 0 ... 3: return put(root, a.text, O_NOFOLLOW, random);
        case 4: return put(root, a.text, O_EXCL, random);
        case 5 ... 7: return mkdirat(root, a.text, 0755);
        case 8: return unlinkat(root, a.text, AT_REMOVEDIR);
        case 9 ... 10: return unlinkat(root, a.text, 0);
        case 11 ... 13: return swap_names(root, a.text, b.text, 0);
        case 14: return swap_names(root, a.text, b.text, NO_REPLACE);
        case 15: return swap_names(root, a.text, b.text, EXCHANGE);
        case 16: return linkat(root, a.text, root, b.text, 0);
        case 17: return symlinkat("a", root, b.text);
        case 18: return set_size(root, a.text, random_below(random, 10000));
        default: return put_unnamed(root, a.text);
    }
}

static struct path shared_name(const char *kind, uint64_t *random) {
    struct path path;
    snprintf(path.text, sizeof path.text, "%s-%d/n%d", kind, (int)random_below(random, 2),
             (int)random_below(random, 48));
    return path;
}

static void call_tokens(struct worker *w) {
    struct path a = shared_name("tokens", &w->shared), b = shared_name("tokens", &w->shared);
    unsigned flags = random_below(&w->shared, 2) ? NO_REPLACE : EXCHANGE;
    (void)swap_names(w->root, a.text, b.text, flags);
}

static void call_counted(struct worker *w) {
    struct path a = shared_name("counted", &w->shared), b = shared_name("counted", &w->shared);
    int added = 0;
    switch (random_below(&w->shared, 10)) {
        case 0: added = put(w->root, a.text, O_EXCL, &w->shared) >= 0; break;
        case 1: added = mkdirat(w->root, a.text, 0755) == 0; break;
        case 2: added = linkat(w->root, a.text, w->root, b.text, 0) == 0; break;
        case 3: added = symlinkat("n1", w->root, a.text) == 0; break;
        case 4: added = mknodat(w->root, a.text, S_IFIFO | 0600, 0) == 0; break;
        case 5 ... 6: added = -(unlinkat(w->root, a.text, 0) == 0); break;
        case 7: added = -(unlinkat(w->root, a.text, AT_REMOVEDIR) == 0); break;
        default: (void)swap_names(w->root, a.text, b.text, NO_REPLACE); break;
    }
    w->counted += added;
}

static void list_all(struct worker *w, const char *name) {
    int directory = openat(w->root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) return;
    char bytes[4096];
    while (syscall(SYS_getdents64, directory, bytes, sizeof bytes) > 0) {
    }
    close(directory);
}

static void storm(struct worker *w) {
    char own[32];
    snprintf(own, sizeof own, "own-%u", w->number);
    for (; w->done < w->operations; w->done++) {
        uint64_t place = random_below(&w->own, 16);
        if (place < 9) {
            int answer = any_call(w->root, own, &w->own);
            w->answers = w->answers * 31 + (uint64_t)(answer < 0 ? -errno : answer);
        } else if (place < 11) {
            call_tokens(w);
        } else if (place < 13) {
            call_counted(w);
        } else if (place < 15) {
            (void)any_call(w->root, "chaos", &w->shared);
        } else {
            list_all(w, random_below(&w->shared, 2) ? "chaos" : "tokens-0");
        }
    }
}

static void *storm_thread(void *worker) {
    storm(worker);
    return NULL;
}

static int make_folders(int root, unsigned workers) {
    static const char *const names[] = {"tokens-0", "tokens-1", "counted-0", "counted-1", "chaos"};
    for (int i = 0; i < 5; i++)
        if (mkdirat(root, names[i], 0755) != 0) return -1;
    char name[32];
    for (unsigned i = 0; i < workers; i++) {
        snprintf(name, sizeof name, "own-%u", i);
        if (mkdirat(root, name, 0755) != 0) return -1;
    }
    for (int i = 0; i < TEST_STORM_TOKENS; i++) {
        snprintf(name, sizeof name, "tokens-0/n%d", i);
        int file = openat(root, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (file < 0) return -1;
        int length = snprintf(name, sizeof name, "%d", i);
        int failed = write(file, name, (size_t)length) != length;
        close(file);
        if (failed) return -1;
    }
    return 0;
}

static void run_workers(struct worker *all, unsigned count, char *problem, size_t room) {
    pid_t processes[TEST_STORM_WORKERS] = {0};
    pthread_t threads[TEST_STORM_WORKERS];
    int has_thread[TEST_STORM_WORKERS] = {0};
    for (unsigned i = 0; i < count; i += 2) {
        processes[i] = fork();
        if (processes[i] == 0) {
            storm(&all[i]);
            _exit(0);
        }
    }
    for (unsigned i = 1; i < count; i += 2)
        has_thread[i] = pthread_create(&threads[i], NULL, storm_thread, &all[i]) == 0;
    for (unsigned i = 0; i < count; i++) {
        int status = -1;
        if (i % 2 != 0) {
            if (has_thread[i]) status = pthread_join(threads[i], NULL);
        } else if (processes[i] > 0) {
            while (waitpid(processes[i], &status, 0) < 0 && errno == EINTR) {
            }
        }
        if (status != 0) snprintf(problem, room, "worker %u ended with %d", i, status);
    }
}

int test_storm(const char *path, uint64_t seed, unsigned workers, uint64_t operations,
               struct test_storm_result *result) {
    memset(result, 0, sizeof *result);
    if (workers > TEST_STORM_WORKERS) workers = TEST_STORM_WORKERS;
    size_t size = sizeof(struct worker) * TEST_STORM_WORKERS;
    struct worker *all =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (all == MAP_FAILED || root < 0 || make_folders(root, workers) != 0) {
        snprintf(result->problem, sizeof result->problem, "preparing: %s", strerror(errno));
    } else {
        for (unsigned i = 0; i < workers; i++) {
            all[i].root = root;
            all[i].number = i;
            all[i].operations = operations;
            all[i].own = random_start(seed * 1000 + i);
            all[i].shared = random_start(seed * 1000 + 500 + i);
        }
        run_workers(all, workers, result->problem, sizeof result->problem);
        for (unsigned i = 0; i < workers; i++) {
            result->operations += all[i].done;
            result->counted += all[i].counted;
            result->answers[i] = all[i].answers;
        }
    }
    if (root >= 0) close(root);
    if (all != MAP_FAILED) munmap(all, size);
    return *result->problem ? -1 : 0;
}
