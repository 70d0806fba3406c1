// The stage of who may neither mount nor make a namespace: fusermount3, which is setuid root, mounts
// and unmounts, below a folder of the caller's own that the harness has locked for this keeper.
//
// No kernel removes such a mount when its processes end. So there are two of us, keeper and guard,
// and whichever is left cleans up (guard.c).
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keeper.h"

// What it has printed, as the end of a sentence.
static void add_words(struct failure *failure, int fd) {
    char text[200];
    ssize_t size = read(fd, text, sizeof text - 1);
    while (size > 0 && (text[size - 1] == '\n' || text[size - 1] == '\r')) size--;
    if (size <= 0) return;
    text[size] = '\0';
    size_t length = strlen(failure->what);
    snprintf(failure->what + length, sizeof failure->what - length, ": %s", text);
}

// Runs it to its end; `comm` becomes its fd 3.
static bool run_tool(
    const char *tool, const char *const *arguments, const char *path, int comm, struct failure *failure) {
    int words[2];
    if (pipe2(words, O_CLOEXEC | O_NONBLOCK) != 0) return fail(failure, "pipe2");
    pid_t pid = fork();
    if (pid == 0) {
        char *environment[] = {
            "_FUSE_COMMFD=3", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL};
        dup2(words[1], 2);
        if (comm >= 0) dup2(comm, 3);
        close_all_but(comm >= 0 ? 3 : 2, comm >= 0 ? 3 : 2);
        execve(tool, (char *const *)arguments, environment);
        _exit(127);
    }
    int error = errno;
    close(words[1]);
    int status = -1;
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    bool done = pid > 0 && status == 0;
    if (!done) {
        errno = pid < 0 ? error : EPERM;
        fail(failure, "%s for %s", tool, path);
        add_words(failure, words[0]);
    }
    close(words[0]);
    return done;
}

int fusermount_mount(
    const char *tool, const char *path, const char *options, struct failure *failure) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        fail(failure, "socketpair");
        return -1;
    }
    const char *arguments[] = {"fusermount3", "-o", options, "--", path, NULL};
    bool done = run_tool(tool, arguments, path, ends[1], failure);
    close(ends[1]);
    char byte;
    int fds[MAX_FDS], count = 0;
    if (done && (receive_message(ends[0], &byte, 1, fds, &count) != 1 || count != 1)) {
        errno = EPROTO;
        fail(failure, "%s gave no /dev/fuse", tool);
        count = 0;
    }
    close(ends[0]);
    return count == 1 ? fds[0] : -1;
}

bool fusermount_unmount(const char *tool, const char *path, struct failure *failure) {
    // Detached at once, whoever still has files of it open.
    const char *arguments[] = {"fusermount3", "-u", "-z", "--", path, NULL};
    return run_tool(tool, arguments, path, -1, failure);
}

// Without a request to whoever serves it.
static bool is_mounted(const struct mounts *mounts) {
    struct statx data, place;
    const int known = AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC;
    if (statx(AT_FDCWD, mounts->data, known, STATX_TYPE, &data) != 0)
        return errno != ENOENT && errno != ENOTDIR;  // ENOTCONN: nobody serves it any more
    if (statx(AT_FDCWD, mounts->root, known, STATX_TYPE, &place) != 0) return false;
    return data.stx_dev_major != place.stx_dev_major || data.stx_dev_minor != place.stx_dev_minor;
}

static bool unmount(const struct mounts *mounts, struct failure *failure) {
    return !is_mounted(mounts) || fusermount_unmount(mounts->tool, mounts->data, failure);
}

// Removes what is in the folder, which is closed, whatever its modes are.
static void empty_folder(int fd) {
    DIR *directory = fdopendir(fd);
    if (directory == NULL) {
        close(fd);
        return;
    }
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) continue;
        if (unlinkat(fd, name, 0) == 0) continue;
        struct stat status;
        if (fstatat(fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(status.st_mode)) continue;
        if ((status.st_mode & 0700) != 0700) fchmodat(fd, name, 0700, 0);
        int inner = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (inner >= 0) empty_folder(inner);
        unlinkat(fd, name, AT_REMOVEDIR);
    }
    closedir(directory);
}

static bool make_folders(const struct mounts *mounts, struct failure *failure) {
    if (!unmount(mounts, failure)) return false;
    int fd = open(mounts->root, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return fail(failure, "opening %s", mounts->root);
    empty_folder(fd);
    if (mkdir(mounts->data, 0755) != 0 || chmod(mounts->data, 0755) != 0)
        return fail(failure, "mkdir %s", mounts->data);
    if (mkdir(mounts->run, 0755) != 0 || chmod(mounts->run, 01777) != 0)
        return fail(failure, "mkdir %s", mounts->run);
    return true;
}

bool fusermount_enter(const struct mounts *mounts, struct failure *failure) {
    // fusermount3 is nothing special to a process whose programs cannot gain rights.
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1) {
        errno = EPERM;
        return fail(failure, "running %s, which is setuid root, under no_new_privs", mounts->tool);
    }
    // Before anything is made that has to be removed.
    return guard_start(mounts, failure) && make_folders(mounts, failure);
}

bool fusermount_renew(const struct mounts *mounts, struct failure *failure) {
    return make_folders(mounts, failure);
}

void fusermount_leave(const struct mounts *mounts) {
    struct failure failure = {0};
    struct stat locked, named;
    // Somebody else's by now, if it was removed already.
    if (fstat(PLACE_LOCK, &locked) != 0 || lstat(mounts->root, &named) != 0
        || locked.st_ino != named.st_ino)
        return;
    // What is mounted must not be emptied.
    if (!unmount(mounts, &failure)) return;
    int fd = open(mounts->root, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return;
    empty_folder(fd);
    rmdir(mounts->root);
    char above[sizeof mounts->root];
    snprintf(above, sizeof above, "%s", mounts->root);
    char *slash = strrchr(above, '/');
    if (slash == NULL) return;
    *slash = '\0';
    rmdir(above);  // unless another keeper's is in it
}
