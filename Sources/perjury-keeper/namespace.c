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
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
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
    char go;
    if (recv(socket, &go, 1, 0) != 1) _exit(1);
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

// A namespace whose init waits to be told that it is the right one.
static bool make(
    struct pid_namespace *space, const struct mounts *mounts, uint32_t first_pid,
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
    char path[64];
    snprintf(path, sizeof path, "%d/ns/pid", (int)init);
    int namespace = openat(mounts->proc, path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (namespace < 0 || fstat(namespace, &status) != 0) {
        fail(failure, "opening /proc/%s", path);
        if (namespace >= 0) close(namespace);
        close(ends[0]);
        kill(init, SIGKILL);
        waitpid(init, NULL, 0);
        return false;
    }
    *space = (struct pid_namespace){
        .init = init,
        .socket = ends[0],
        .namespace = namespace,
        .number = (uint32_t)status.st_ino};
    return true;
}

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void unmake(struct pid_namespace *space) {
    kill(space->init, SIGKILL);
    waitpid(space->init, NULL, 0);
    namespace_close(space);
}

// The kernel gives a new namespace the lowest number that is free, and takes that of an ended one
// back a little later. So the namespaces that are not it are kept until it comes, and given back
// where the number is not free yet. For two seconds: longer, and somebody else has it.
static bool make_numbered(
    struct pid_namespace *space, const struct mounts *mounts, uint32_t first_pid, uint32_t number,
    struct failure *failure) {
    enum { MOST = 128, PATIENCE_SECONDS = 2 };
    const double end = seconds_now() + PATIENCE_SECONDS;
    do {
        struct pid_namespace others[MOST];
        int count = 0;
        bool made = false, found = false;
        while (count < MOST && (made = make(space, mounts, first_pid, failure))) {
            found = space->number == number;
            if (found) break;
            others[count++] = *space;
            // All below are taken.
            if (space->number > number) break;
        }
        while (count > 0) unmake(&others[--count]);
        if (found || !made) return found;
        usleep(5000);
    } while (seconds_now() < end);
    *space = (struct pid_namespace){0};
    errno = EBUSY;
    return fail(failure, "the pid namespace's number %u, which the store has seen", number);
}

// One whose number is well above the lowest that is free: nobody is given it soon, so that a later life
// can have it.
static bool make_above(
    struct pid_namespace *space, const struct mounts *mounts, struct failure *failure) {
    enum { BELOW = 32 };
    struct pid_namespace others[BELOW];
    int count = 0;
    while (count < BELOW && make(&others[count], mounts, 0, failure)) count++;
    bool made = count == BELOW && make(space, mounts, 0, failure);
    while (count > 0) unmake(&others[--count]);
    return made;
}

bool namespace_start(
    struct pid_namespace *space, struct mounts *mounts, uint32_t first_pid, uint32_t number,
    struct failure *failure) {
    struct pid_namespace made = {0};
    bool done = number != 0   ? make_numbered(&made, mounts, first_pid, number, failure)
        : first_pid == 0 ? make_above(&made, mounts, failure)
                         : make(&made, mounts, first_pid, failure);
    if (!done) return false;
    // Init touches nothing that can wait for the mount, so it may be waited for.
    char ready;
    if (send(made.socket, "g", 1, MSG_NOSIGNAL) != 1 || recv(made.socket, &ready, 1, 0) != 1) {
        errno = ECHILD;
        fail(failure, "init of the pid namespace did not start");
        unmake(&made);
        return false;
    }
    mounts->own_proc = ready == 'p';
    *space = made;
    return true;
}

bool namespace_stay(struct pid_namespace *space, uint32_t number, struct failure *failure) {
    struct stat status;
    if (stat("/proc/self/ns/pid", &status) != 0) return fail(failure, "asking for the pid namespace");
    space->number = (uint32_t)status.st_ino;
    if (number == 0 || number == space->number) return true;
    errno = EBUSY;
    return fail(failure, "the pid namespace's number %u, which the store has seen", number);
}

pid_t namespace_fork(const struct pid_namespace *space, struct failure *failure) {
    if (space->init == 0) {
        pid_t child = fork();
        if (child < 0) fail(failure, "fork");
        return child;
    }
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
