// The pid namespace that holds the programs of one life, so that all of them die together, whatever
// they did to get away (setsid, double fork, ignored signals).
//
// Its init is a child of the keeper that only reaps. Programs are children of the keeper too, born
// into the namespace, so that the keeper itself waits for them. The kernel ends the namespace when
// init ends, and init ends when the keeper does, by PR_SET_PDEATHSIG and by the end of its socket.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keeper.h"

// The programs' pids start here, so that a pid file that a power loss left behind need not name a
// process of the next life. Not vital, so failure is not told.
static void set_first_pid(int proc, uint32_t first_pid) {
    if (first_pid < 2) return;
    int fd = openat(proc, "sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
    if (fd < 0) return;
    char text[16];
    int length = snprintf(text, sizeof text, "%u", first_pid - 1);
    if (write(fd, text, (size_t)length) < 0) errno = 0;
    close(fd);
}

static _Noreturn void init_main(int socket, int proc, uint32_t first_pid) {
    prctl(PR_SET_NAME, "perjury-init");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    // A keeper that died before that call sends no signal, and getppid() is 0 here either way: the
    // end of the socket tells. Only the keeper holds the other end.
    close_all_but(socket, proc);
    set_first_pid(proc, first_pid);
    // Programs find themselves by their own pid in /proc. It is mounted over the keeper's, in the
    // same mount namespace; keeper and agent go on with theirs through the fd. Without the right to
    // do it (a container with a masked /proc), /proc/self is still true, and nothing else is
    // promised.
    const unsigned long options = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    char ready = mount("proc", "/proc", "proc", options, NULL) == 0 ? 'p' : 'r';
    close(proc);
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_SETMASK, &child, NULL);
    int signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals < 0 || send(socket, &ready, 1, MSG_NOSIGNAL) != 1) _exit(1);
    for (;;) {
        struct pollfd events[2] = {
            {.fd = socket, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
        if (poll(events, 2, -1) < 0) continue;
        if (events[0].revents != 0) {
            char request;
            if (recv(socket, &request, 1, 0) == 1) {
                // Every process of the namespace but this one, in one step: a fork that is under
                // way sees the signal and fails.
                kill(-1, SIGKILL);
                send(socket, "k", 1, MSG_NOSIGNAL);
            }
            _exit(0);
        }
        struct signalfd_siginfo info;
        while (read(signals, &info, sizeof info) > 0) {}
        while (waitpid(-1, NULL, WNOHANG) > 0) {}
    }
}

bool namespace_start(
    struct pid_namespace *space, struct mounts *mounts, uint32_t first_pid,
    struct failure *failure) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return fail(failure, "socketpair");
    // The raw call: clone() of libc wants a stack. All arguments after the flags are zero, so that
    // their order, which differs between machines, does not matter.
    pid_t init = (pid_t)syscall(SYS_clone, (unsigned long)(CLONE_NEWPID | SIGCHLD), 0, 0, 0, 0);
    if (init == 0) init_main(ends[1], mounts->proc, first_pid);
    int error = errno;
    close(ends[1]);
    if (init < 0) {
        close(ends[0]);
        errno = error;
        return fail(failure, "clone(CLONE_NEWPID)");
    }

    char path[64], ready;
    snprintf(path, sizeof path, "%d/ns/pid", (int)init);
    // Init touches nothing that can wait for the mount, so it may be waited for.
    bool alive = recv(ends[0], &ready, 1, 0) == 1;
    int namespace = alive ? openat(mounts->proc, path, O_RDONLY | O_CLOEXEC) : -1;
    if (namespace < 0) {
        fail(failure, alive ? "opening /proc/%s" : "init of /proc/%s did not start", path);
        close(ends[0]);
        kill(init, SIGKILL);
        waitpid(init, NULL, 0);
        return false;
    }
    mounts->own_proc = ready == 'p';
    *space = (struct pid_namespace){.init = init, .socket = ends[0], .namespace = namespace};
    return true;
}

pid_t namespace_fork(const struct pid_namespace *space, struct failure *failure) {
    // A go-between enters the namespace, and the child that it makes there becomes ours by
    // CLONE_PARENT. The keeper cannot do it itself, because it could not come back: with nothing
    // but a user namespace, its own pid namespace is one that it has no right to enter.
    volatile pid_t child = -1;
    volatile int error = 0;
    pid_t between = vfork();  // so that it can leave the pid in our memory
    if (between == 0) {
        if (setns(space->namespace, CLONE_NEWPID) == 0)
            child = (pid_t)syscall(SYS_clone, (unsigned long)(CLONE_PARENT | SIGCHLD), 0, 0, 0, 0);
        if (child == 0) return 0;
        error = errno;
        _exit(0);
    }
    if (between < 0) {
        fail(failure, "vfork");
        return -1;
    }
    while (waitpid(between, NULL, 0) < 0 && errno == EINTR) {}
    errno = error;
    if (child < 0) fail(failure, "starting a process in the pid namespace");
    return child;
}

void namespace_close(struct pid_namespace *space) {
    if (space->init == 0) return;
    close(space->socket);
    close(space->namespace);
    *space = (struct pid_namespace){0};
}
