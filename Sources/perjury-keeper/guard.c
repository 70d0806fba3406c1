// Two processes for a stage that the kernel does not clean up: the keeper, and above it the guard, which
// does nothing but wait. Whoever of the two, or the harness, is killed, one is left that ends all
// descendants, unmounts and removes the folder. Both are subreapers: what the keeper leaves
// behind is the guard's.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "keeper.h"

void guard_clean(const struct mounts *mounts) {
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    // Two seconds at first: one that waits for the mount ends when the harness's /dev/fuse is closed, and
    // whoever waits for us may have to be told before that.
    for (int tries = 0; tries < 20; tries++) {
        family_kill(mounts->proc, 0);
        while (waitpid(-1, NULL, WNOHANG) > 0) {}
        if (!family_exists()) break;
        sigtimedwait(&child, NULL, &(struct timespec){.tv_nsec = 100 * 1000 * 1000});
    }
    memory_forget();
    fusermount_leave(mounts);
    close(HARNESS);
    while (family_exists()) {
        family_kill(mounts->proc, 0);
        while (waitpid(-1, NULL, WNOHANG) > 0) {}
        if (family_exists()) sigtimedwait(&child, NULL, &(struct timespec){.tv_sec = 1});
    }
}

int guard = -1;

bool guard_has_ended(void) {
    struct pollfd end = {.fd = guard, .events = POLLIN};
    return poll(&end, 1, 0) > 0;
}

bool guard_start(const struct mounts *mounts, struct failure *failure) {
    int alive[2];
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0 || pipe2(alive, O_CLOEXEC) != 0)
        return fail(failure, "preparing the guard");
    pid_t keeper = fork();
    if (keeper < 0) return fail(failure, "fork of the keeper");
    if (keeper == 0) {
        close(alive[1]);
        // Not inherited.
        if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
            return fail(failure, "PR_SET_CHILD_SUBREAPER");
        guard = alive[0];
        return true;
    }
    close(alive[0]);
    prctl(PR_SET_NAME, "perjury-guard");
    int status;
    // What it inherits meanwhile is waited for, too.
    for (pid_t ended; (ended = waitpid(-1, &status, 0)) != keeper;)
        if (ended < 0 && errno != EINTR) break;
    guard_clean(mounts);
    _exit(0);
}
