// perjury-keeper STAGE ROOT [FUSERMOUNT3]: one worker's mounts and processes, so that nothing is left of them.
//
//   harness
//    └ keeper           own session and mount namespace; fd 3: socket to the harness (protocol.h)
//        ├ agent        answers sync() and syncfs() of the programs
//        ├ init         pid 1 of the pid namespace
//        └ launcher → program         in the pid namespace, but children of the keeper
//
// STAGE says how: `root` by its right to mount, `user-namespace` by the same right in a user namespace of
// its own, and `fusermount` without any namespace: there the programs are the descendants of a subreaper
// (family.c), fusermount3 mounts (fusermount.c), fd 4 holds the lock of ROOT, and a guard between
// harness and keeper cleans up (guard.c).
//
// A life is what happens between two KILLs: MOUNT, any number of SPAWNs, KILL, UNMOUNT. Whoever
// dies takes the rest along, by the kernel and not by clean-up code:
//   harness → end of fd 3 → the keeper ends
//   keeper → PR_SET_PDEATHSIG and end of socket → init and agent end
//   init → the kernel kills every process of the pid namespace
//   last process of the mount namespace → the mounts go, and the serving process reads ENODEV
//   keeper or guard → the other of the two does all this, where there is a guard
//
// One thread, one poll loop. Nothing in it waits for the mount or for a program.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "keeper.h"

static void reply(uint32_t tag, bool success, const struct failure *failure) {
    answer((struct answer){.kind = ANS_REPLY, .tag = tag}, success ? NULL : failure, -1);
}

static void request_open(uint32_t tag) {
    struct failure failure;
    int fd = mounts_open_device(&own_mounts, &failure);
    answer((struct answer){.kind = ANS_REPLY, .tag = tag}, fd < 0 ? &failure : NULL, fd);
    if (fd >= 0) close(fd);
}

static void close_all(int *fds, int count) {
    for (int i = 0; i < count; i++) {
        if (fds[i] >= 0) close(fds[i]);
        fds[i] = -1;
    }
}

static void request_mount(uint32_t tag, const char *body, size_t size, int *fds, int fd_count) {
    struct failure failure;
    uint32_t numbers[3];
    if (size != sizeof numbers || fd_count != 1) {
        errno = EPROTO;
        fail(&failure, "a MOUNT that makes no sense");
        return reply(tag, false, &failure);
    }
    memcpy(numbers, body, sizeof numbers);
    life.first_pid = numbers[1];
    life.namespace_number = numbers[2];
    bool done = mounts_attach(&own_mounts, fds[0], numbers[0], &failure);
    // Before the harness hears of it: with another /dev/fuse open, its own would not be the last one.
    close_all(fds, fd_count);
    reply(tag, done, &failure);
}

static void request_unmount(uint32_t tag) {
    struct failure failure;
    if (!life_is_empty()) {
        errno = EBUSY;
        fail(&failure, "unmounting %s while programs live; KILL comes first", own_mounts.data);
        return reply(tag, false, &failure);
    }
    bool done = mounts_renew(&own_mounts, &failure);
    reply(tag, done, &failure);
}

static void request_signal(uint32_t tag, const char *body, size_t size) {
    struct failure failure;
    uint32_t numbers[2] = {0};
    if (size == sizeof numbers) memcpy(numbers, body, sizeof numbers);
    for (int i = 0; i < life.program_count; i++) {
        if (life.programs[i].id != numbers[0]) continue;
        // Not reaped yet, so the pid is still its own.
        bool done = kill(life.programs[i].pid, (int)numbers[1]) == 0;
        if (!done) fail(&failure, "signal %u to program %u", numbers[1], numbers[0]);
        return reply(tag, done, &failure);
    }
    errno = ESRCH;
    fail(&failure, "signal %u to program %u", numbers[1], numbers[0]);
    reply(tag, false, &failure);
}

static void handle_request(void) {
    static _Alignas(8) char bytes[MAX_DATAGRAM];
    int fds[MAX_FDS] = {-1, -1, -1}, fd_count;
    ssize_t size = receive_message(HARNESS, bytes, sizeof bytes, fds, &fd_count);
    if (size == 0 || (size < 0 && errno != EMSGSIZE)) life_end(NULL);
    struct request_header head;
    if (size < (ssize_t)sizeof head) {
        if (size > 0) errno = EPROTO;
        struct failure failure;
        fail(&failure, "receiving a request");
        life_end(&failure);
    }

    memcpy(&head, bytes, sizeof head);
    char *body = bytes + sizeof head;
    size_t left = (size_t)size - sizeof head;
    struct failure failure;
    if (head.version != PROTOCOL_VERSION) head.kind = 0;
    switch (head.kind) {
    case REQ_OPEN: request_open(head.tag); break;
    case REQ_MOUNT: request_mount(head.tag, body, left, fds, fd_count); break;
    case REQ_SPAWN: request_spawn(head.tag, body, left, fds, fd_count); break;
    case REQ_KILL: life_kill(head.tag); break;
    case REQ_UNMOUNT: request_unmount(head.tag); break;
    case REQ_SIGNAL: request_signal(head.tag, body, left); break;
    default:
        errno = EPROTO;
        fail(&failure, "a request of another version (%x) or kind (%u)", head.version, head.kind);
        reply(head.tag, false, &failure);
    }
    close_all(fds, fd_count);
}

static int set_up(const char *root, struct failure *failure) {
    const bool is_guarded = own_mounts.stage == STAGE_FUSERMOUNT;
    close_all_but(HARNESS, is_guarded ? PLACE_LOCK : HARNESS);
    if (is_guarded) fcntl(PLACE_LOCK, F_SETFD, FD_CLOEXEC);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int standard = 0; standard < 3; standard++) {
        if (null < 0 || dup2(null, standard) < 0) {
            fail(failure, "opening /dev/null");
            return -1;
        }
    }
    if (null > 2) close(null);
    fcntl(HARNESS, F_SETFD, FD_CLOEXEC);
    setsid();
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_SETMASK, &child, NULL);
    signal(SIGCHLD, SIG_DFL);  // ignored, it would reap by itself
    if (chdir("/") != 0 || !mounts_enter(&own_mounts, root, failure)) return -1;
    int signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals < 0) fail(failure, "signalfd");
    return signals;
}

static void wait_for_event(int signals) {
    enum { FIXED = 4 };
    struct pollfd ready[FIXED + MAX_PROGRAMS] = {
        {.fd = HARNESS, .events = POLLIN},
        {.fd = signals, .events = POLLIN},
        {.fd = life.killing && !life.told_signalled ? life.space.socket : -1, .events = POLLIN},
        {.fd = guard, .events = POLLIN},
    };
    int count = life.program_count;
    for (int i = 0; i < count; i++)
        ready[FIXED + i] = (struct pollfd){.fd = life.programs[i].status, .events = POLLIN};
    if (poll(ready, FIXED + (nfds_t)count, -1) < 0) return;
    if (ready[3].revents != 0) life_end(NULL);

    for (int i = 0; i < count; i++)
        if (ready[FIXED + i].revents != 0) life_read_status(&life.programs[i]);
    if (ready[2].revents != 0) life_kill_signalled();
    if (ready[1].revents != 0) {
        struct signalfd_siginfo info;
        while (read(signals, &info, sizeof info) > 0) {}
        life_reap();
    }
    if (ready[0].revents != 0) handle_request();
}

static bool choose_stage(const char *name, const char *tool) {
    const char *names[] = {"root", "user-namespace", "fusermount"};
    for (int stage = 0; stage < 3; stage++) {
        if (strcmp(name, names[stage]) != 0) continue;
        own_mounts.stage = (enum stage)stage;
        own_mounts.tool = tool;
        return (tool != NULL) == (stage == STAGE_FUSERMOUNT);
    }
    return false;
}

int main(int argc, char **argv) {
    if (argc >= 4 && strcmp(argv[1], "--mount") == 0 && fcntl(HARNESS, F_GETFD) >= 0)
        return public_mount(argv[2], argv[3], argv[4]);
    if (argc < 3 || !choose_stage(argv[1], argv[3]) || fcntl(HARNESS, F_GETFD) < 0) {
        fprintf(stderr, "perjury-keeper is started by perjury, with a socket as fd 3\n");
        return 2;
    }
    struct failure failure = {0};
    int signals = set_up(argv[2], &failure);
    answer(
        (struct answer){.kind = ANS_HELLO, .value = getpid()}, signals < 0 ? &failure : NULL, -1);
    if (signals < 0) {
        if (own_mounts.stage == STAGE_FUSERMOUNT) fusermount_leave(&own_mounts);
        return 1;
    }
    for (;;) wait_for_event(signals);
}
