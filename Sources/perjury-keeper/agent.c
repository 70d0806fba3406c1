// sync(2) and syncfs(2) of the programs, which the kernel does not send to a FUSE server.
//
// Method: each program gets a seccomp filter that stops these two calls and tells this process, the
// agent. The agent (1) lets dirty mmap pages arrive at the mount, by a syncfs() of its own, (2)
// writes "sync TID\n" to the control file of the mount, and that WRITE is the sync in the log's one
// order, and (3) answers 0. The program's own call is never continued for sync(): it would sync
// every filesystem of the machine, frozen mounts included. A syncfs() of another filesystem is
// continued, unseen.
//
// Left out: io_uring has neither call; programs for other machines (qemu-user) are the emulator's.
//
// The agent is the one process outside the pid namespace that waits for the mount. It lives as long
// as the pid namespace, and holds files of the mount only that long.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "keeper.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

// Call numbers belong to the machine a program was built for; a 64-bit kernel runs 32-bit programs
// too.
#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#define ARCH_32 AUDIT_ARCH_I386
#define SYNC_32 36
#define SYNCFS_32 344
#define X32_BIT 0x40000000u
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#define ARCH_32 AUDIT_ARCH_ARM
#define SYNC_32 36
#define SYNCFS_32 373
#define X32_BIT 0u
#else
#error "perjury-keeper knows the call numbers of x86_64 and aarch64 only"
#endif

static int filter_load(void) {
    // Jumps count from the next instruction.
    struct sock_filter code[] = {
        /* 0 */ BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        /* 1 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 3, 0),
        /* 2 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH_32, 0, 6),
        /* 3 */ BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        /* 4 */ BPF_STMT(BPF_JMP | BPF_JA, 5),
        /* 5 */ BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        /* 6 */ BPF_STMT(BPF_ALU | BPF_AND | BPF_K, ~X32_BIT),
        /* 7 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sync, 4, 0),
        /* 8 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_syncfs, 3, 0),
        /* 9 */ BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        /* 10 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYNC_32, 1, 0),
        /* 11 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYNCFS_32, 0, 1),
        /* 12 */ BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        /* 13 */ BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};
    // Killable: a signal that the program handles does not interrupt the call, or the kernel would
    // run it, and we would log it, twice. Kernels before 5.19 do not know the flag.
    unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
    if (fd < 0 && errno == EINVAL)
        fd = syscall(
            SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
    return (int)fd;
}

bool filter_install(int agent, const char *control_path, struct failure *failure) {
    int listener = filter_load();
    if (listener < 0) return fail(failure, "seccomp filter for sync() and syncfs()");
    // From here on the two calls wait for the agent, or fail with ENOSYS when nobody has the
    // listener.
    bool sent = send_message(agent, "l", 1, control_path, listener) > 0;
    if (!sent) fail(failure, "handing the seccomp listener to the agent");
    close(listener);
    return sent;
}

struct listener {
    int fd;
    int control;  // the control file, opened at the first call; -1 before
    char path[4096];
};

struct agent {
    const struct mounts *mounts;
    struct seccomp_notif *request;
    struct seccomp_notif_resp *response;
    struct seccomp_notif_sizes sizes;
};

static bool is_sync(const struct seccomp_data *data) {
    if (data->arch == ARCH_32) return data->nr == SYNC_32;
    return ((uint32_t)data->nr & ~X32_BIT) == SYS_sync;
}

// Whether the syncfs() is of a file on the mount. Not sure counts as yes: a sync that is missed
// would accuse a program that did what it should.
static bool concerns_mount(const struct agent *agent) {
    char path[64];
    struct stat link;
    struct statx file, root;
    snprintf(
        path, sizeof path, "%u/fd/%d", agent->request->pid, (int)agent->request->data.args[0]);
    if (fstatat(agent->mounts->proc, path, &link, AT_SYMLINK_NOFOLLOW) != 0)
        return errno != ENOENT && errno != ESRCH;  // no such fd: the kernel is to say EBADF
    // The link's mode shows how the file was opened; neither way is O_PATH: EBADF too.
    if ((link.st_mode & 0600) == 0) return false;
    // Not to be asked of the mount: the device number is known without it.
    const int known = AT_STATX_DONT_SYNC;
    if (statx(agent->mounts->proc, path, known, STATX_TYPE, &file) != 0) return true;
    if (statx(AT_FDCWD, agent->mounts->data, known, STATX_TYPE, &root) != 0) return true;
    return file.stx_dev_major == root.stx_dev_major && file.stx_dev_minor == root.stx_dev_minor;
}

static int record_sync(struct listener *listener, uint32_t tid) {
    if (listener->control < 0)
        listener->control = open(listener->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (listener->control < 0 || syncfs(listener->control) != 0) return -EIO;
    char line[32];
    int length = snprintf(line, sizeof line, "sync %u\n", tid);
    return write(listener->control, line, (size_t)length) == length ? 0 : -EIO;
}

static void answer_one(const struct agent *agent, struct listener *listener) {
    memset(agent->request, 0, agent->sizes.seccomp_notif);
    memset(agent->response, 0, agent->sizes.seccomp_notif_resp);
    // ENOENT: the caller was killed meanwhile.
    if (ioctl(listener->fd, SECCOMP_IOCTL_NOTIF_RECV, agent->request) != 0) return;
    const struct seccomp_data *data = &agent->request->data;
    bool mine = is_sync(data) || concerns_mount(agent);
    // The id proves that what was read under the pid was the caller's, and not a successor's.
    uint64_t id = agent->request->id;
    if (ioctl(listener->fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) != 0) return;
    agent->response->id = id;
    if (mine)
        agent->response->error = record_sync(listener, agent->request->pid);
    else
        agent->response->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    ioctl(listener->fd, SECCOMP_IOCTL_NOTIF_SEND, agent->response);
}

static void listener_close(struct listener *listener) {
    close(listener->fd);
    if (listener->control >= 0) close(listener->control);
    free(listener);
}

// A new listener from a launcher; the end of the socket is the end of the keeper.
static struct listener *listener_receive(int socket) {
    char message[1 + sizeof((struct listener *)0)->path];
    int fds[MAX_FDS], count;
    ssize_t size = receive_message(socket, message, sizeof message - 1, fds, &count);
    if (size == 0) _exit(0);
    if (size < 1 || count != 1) return NULL;
    struct listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL) _exit(1);
    listener->fd = fds[0];
    listener->control = -1;
    memcpy(listener->path, message + 1, (size_t)size - 1);
    return listener;
}

#define MAX_LISTENERS 256

_Noreturn void agent_main(int socket, pid_t keeper, const struct mounts *mounts) {
    prctl(PR_SET_NAME, "perjury-agent");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != keeper) _exit(0);
    close_all_but(socket, mounts->proc);

    static struct listener *listeners[MAX_LISTENERS];
    static struct pollfd ready[MAX_LISTENERS + 1];
    struct agent agent = {.mounts = mounts};
    if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &agent.sizes) != 0) _exit(1);
    // The kernel's structures may be longer than those of our headers.
    agent.request = calloc(1, agent.sizes.seccomp_notif + sizeof *agent.request);
    agent.response = calloc(1, agent.sizes.seccomp_notif_resp + sizeof *agent.response);
    if (agent.request == NULL || agent.response == NULL) _exit(1);
    int count = 0;
    for (;;) {
        bool full = count == MAX_LISTENERS;
        ready[0] = (struct pollfd){.fd = socket, .events = full ? 0 : POLLIN};
        for (int i = 0; i < count; i++)
            ready[i + 1] = (struct pollfd){.fd = listeners[i]->fd, .events = POLLIN};
        if (poll(ready, (nfds_t)count + 1, -1) < 0) continue;

        // From the last to the first, so that the one which takes a freed place has had its turn.
        for (int i = count - 1; i >= 0; i--) {
            if (ready[i + 1].revents & POLLIN) {
                answer_one(&agent, listeners[i]);
            } else if (ready[i + 1].revents != 0) {
                listener_close(listeners[i]);
                listeners[i] = listeners[--count];
            }
        }
        if (ready[0].revents == 0) continue;
        if (full) _exit(0);  // POLLHUP: the keeper has gone
        struct listener *added = listener_receive(socket);
        if (added != NULL) listeners[count++] = added;
    }
}
