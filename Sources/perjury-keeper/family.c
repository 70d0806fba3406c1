// The descendants of this process, where no pid namespace holds them: all of them, whatever they did to
// get away (setsid, double fork), since a subreaper inherits what its descendants leave behind.
//
// A process that has its SIGKILL forks no more. So a look at /proc that finds none without it has
// found all, but for one that was born at its very end of a parent that ended before it was seen; that
// one is found by the next look, and there is a next look as long as there is a child.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keeper.h"

struct relative {
    pid_t pid, parent;
    bool is_ours;
};

static int compare(const void *one, const void *other) {
    return ((const struct relative *)one)->pid - ((const struct relative *)other)->pid;
}

// "PID (NAME) STATE PARENT …", where NAME may hold anything. 0: there is no such process.
static pid_t parent_of(int proc, const char *name) {
    char path[64], text[512];
    snprintf(path, sizeof path, "%.20s/stat", name);
    int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    if (size <= 0) return 0;
    text[size] = '\0';
    const char *end = strrchr(text, ')');
    int parent = 0;
    return end != NULL && sscanf(end, ") %*c %d", &parent) == 1 ? parent : 0;
}

static struct relative *all_processes(int proc, size_t *count) {
    int fd = openat(proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    struct relative *all = NULL;
    size_t room = 0;
    *count = 0;
    if (directory == NULL) return NULL;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        pid_t pid = (pid_t)atoi(entry->d_name);
        pid_t parent = pid > 0 ? parent_of(proc, entry->d_name) : 0;
        if (parent == 0) continue;
        if (*count == room) {
            room = room * 2 + 256;
            struct relative *more = realloc(all, room * sizeof *all);
            if (more == NULL) break;
            all = more;
        }
        all[(*count)++] = (struct relative){.pid = pid, .parent = parent};
    }
    closedir(directory);
    if (*count > 0) qsort(all, *count, sizeof *all, compare);
    return all;
}

static bool is_among(const struct relative *all, size_t count, pid_t pid) {
    const struct relative wanted = {.pid = pid};
    const struct relative *found = count == 0 ? NULL : bsearch(&wanted, all, count, sizeof *all, compare);
    return found != NULL && found->is_ours;
}

// Marks whoever descends from this process, `spared` excepted, which has no children.
static void mark(struct relative *all, size_t count, pid_t spared) {
    const pid_t own = getpid();
    for (bool found = true; found;) {
        found = false;
        for (size_t i = 0; i < count; i++) {
            if (all[i].is_ours || all[i].pid == spared) continue;
            all[i].is_ours = all[i].parent == own || is_among(all, count, all[i].parent);
            found = found || all[i].is_ours;
        }
    }
}

// By its folder in /proc, which is of this process alone, even if its number is given to another one.
static void kill_relative(int proc, const struct relative *relative) {
    char name[16];
    snprintf(name, sizeof name, "%d", (int)relative->pid);
    int fd = openat(proc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    // Its parent may have ended meanwhile; then it is ours or init's, as it was before.
    if (syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) != 0 && errno == ENOSYS)
        kill(relative->pid, SIGKILL);
    close(fd);
}

void family_kill(int proc, pid_t spared) {
    enum { MOST_LOOKS = 100 };
    struct relative *before = NULL;
    size_t before_count = 0;
    bool found = family_exists();
    for (int look = 0; look < MOST_LOOKS && found; look++) {
        size_t count;
        struct relative *all = all_processes(proc, &count);
        mark(all, count, spared);
        found = false;
        for (size_t i = 0; i < count; i++) {
            if (!all[i].is_ours || is_among(before, before_count, all[i].pid)) continue;
            kill_relative(proc, &all[i]);
            memory_note(all[i].pid);
            found = true;
        }
        free(before);
        before = all;
        before_count = count;
    }
    free(before);
}

bool family_exists(void) {
    siginfo_t info;
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}
