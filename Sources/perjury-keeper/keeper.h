// The parts of the keeper and what they offer each other.
#ifndef KEEPER_H
#define KEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "protocol.h"

// What went wrong first, for the text of an answer. `what` names the call and what it was given.
struct failure {
    int error;
    char what[512];
};

// Fills `failure` from errno and returns false, so that a caller can `return fail(...)`.
bool fail(struct failure *failure, const char *format, ...) __attribute__((format(printf, 2, 3)));

// By what a stage is made; the harness chooses.
enum stage { STAGE_ROOT, STAGE_USER_NAMESPACE, STAGE_FUSERMOUNT };

// mounts.c: the private mount namespace, or what stands in for it.
struct mounts {
    enum stage stage;
    char root[256], data[300], run[300];
    const char *tool;  // fusermount3, in the stage that is made by it
    int proc;          // O_PATH of the /proc of the keeper's own pid namespace
    bool own_proc;     // /proc shows the programs' pid namespace; ours is under it
};
bool mounts_enter(struct mounts *mounts, const char *root, struct failure *failure);
// /dev/fuse, to be mounted by `mounts_attach`; -1 with `failure`.
int mounts_open_device(const struct mounts *mounts, struct failure *failure);
bool mounts_attach(
    const struct mounts *mounts, int fuse, uint32_t max_read, struct failure *failure);
bool mounts_renew(const struct mounts *mounts, struct failure *failure);
void mounts_drop_proc(struct mounts *mounts);

// fusermount.c: the mount, where namespaces are closed.
bool fusermount_enter(const struct mounts *mounts, struct failure *failure);
// Returns what is to be served; -1 with `failure`.
int fusermount_mount(
    const char *tool, const char *path, const char *options, struct failure *failure);
bool fusermount_unmount(const char *tool, const char *path, struct failure *failure);
bool fusermount_renew(const struct mounts *mounts, struct failure *failure);
void fusermount_leave(const struct mounts *mounts);

// family.c: the programs, where namespaces are closed: all descendants of a subreaper.
// Each but `spared` has its SIGKILL on return.
void family_kill(int proc, pid_t spared);
// Whether there is a child, dead or alive.
bool family_exists(void);

// shared_memory.c: what of it the programs leave behind.
// This process was one of them, and has ended or is about to.
void memory_note(pid_t pid);
void memory_forget(void);

// guard.c: who cleans up, where the kernel does not.
extern int guard;  // to the keeper, readable when the guard has ended; -1: there is none
// Returns in the keeper, which is a child of who called.
bool guard_start(const struct mounts *mounts, struct failure *failure);
bool guard_has_ended(void);
// Ends all descendants, unmounts, removes the folder.
void guard_clean(const struct mounts *mounts);

// namespace.c: the pid namespace and its init.
struct pid_namespace {
    pid_t init;     // 0: there is none
    int socket;     // to init: 'k' asks it to kill all; its 'k' says that it has
    int namespace;  // fd to join it by
    uint32_t number;  // its inode number, which programs see in /proc/self/ns/pid
};
// `number`: which inode number it is to have; 0: any. Where the pids begin low, too, it is the first life
// of a store: then one that a later life can have again.
bool namespace_start(
    struct pid_namespace *space, struct mounts *mounts, uint32_t first_pid, uint32_t number,
    struct failure *failure);
// The namespace that the keeper is in itself, where it can make none. Has a store seen another number, it fails.
bool namespace_stay(struct pid_namespace *space, uint32_t number, struct failure *failure);
// Forks a child of the keeper into the namespace: its pid there, 0 in the child, -1 with `failure`.
pid_t namespace_fork(const struct pid_namespace *space, struct failure *failure);
void namespace_close(struct pid_namespace *space);

// launcher.c: what happens in the child between fork and exec.
struct launch {
    struct spawn_header header;
    const uint32_t *groups, *cpus;
    const char *cwd, *stdout_path, *control_path;
    char **argv, **envp;
    int fds[MAX_FDS];
    int agent;   // socket to the agent, or -1
    int status;  // where launch_notes go; closed by exec
};
// One of these is written to the keeper for each thing that could not be done.
struct launch_note {
    bool fatal;
    struct failure failure;
};
_Noreturn void launch_program(const struct launch *launch);

// agent.c: answers sync() and syncfs().
_Noreturn void agent_main(int socket, pid_t keeper, const struct mounts *mounts);
// Installs the filter in the calling process and hands its listener to the agent.
bool filter_install(int agent, const char *control_path, struct failure *failure);

// life.c: what is there between two KILLs, and its end.
struct program {
    uint32_t id, tag;  // the harness's name for it; its SPAWN request
    pid_t pid;
    int status;        // read end of the launcher's notes; -1 once the SPAWN has been answered
    bool failed;       // it never became the program: its end is not told
    bool sync_seen;
    struct failure failure;
};
enum { HARNESS = 3, MAX_PROGRAMS = 128 };
struct life {
    struct pid_namespace space;
    pid_t agent;       // 0: there is none
    int agent_socket;
    uint32_t first_pid, namespace_number;
    struct program programs[MAX_PROGRAMS];
    int program_count;
    bool killing, told_signalled;
    uint32_t kill_tag;
};
extern struct life life;
extern struct mounts own_mounts;
bool life_is_empty(void);
void life_read_status(struct program *program);
void life_reap(void);
void life_kill(uint32_t tag);
void life_kill_signalled(void);
_Noreturn void life_end(const struct failure *last_words);
void answer(struct answer head, const struct failure *failure, int fd);

// spawn.c
void request_spawn(uint32_t tag, char *body, size_t size, const int *fds, int fd_count);

// transfer.c: datagrams with fds, and closing the rest.
ssize_t send_message(int socket, const void *head, size_t head_size, const char *text, int fd);
ssize_t receive_message(int socket, void *bytes, size_t size, int *fds, int *fd_count);
void close_all_but(int one, int other);

// public_mount.c: `--mount`, which has nothing to do with the rest. Returns the exit status.
enum { PUBLIC_DEVICE = 4, PLACE_LOCK = 4 };
// `tool`: fusermount3; NULL: mounts by itself.
int public_mount(const char *path, const char *options, const char *tool);

#endif
