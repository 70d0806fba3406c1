// From fork to exec: what makes a child of the keeper the program that was asked for.
//
// This is the only place where harness code may wait for the mount (to open stdout on it, to change
// to a directory of it, to execute a file of it), and it waits inside the pid namespace, where it
// can be killed.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "keeper.h"

static void tell(const struct launch *launch, bool fatal, const struct failure *failure) {
    struct launch_note note = {.fatal = fatal, .failure = *failure};
    // A pipe takes it whole, or there is no keeper any more to be told.
    if (write(launch->status, &note, sizeof note) != sizeof note) _exit(126);
}

static _Noreturn void give_up(const struct launch *launch, const struct failure *failure) {
    tell(launch, true, failure);
    _exit(126);
}

// As a newly started program expects it: nothing ignored, nothing blocked.
static void reset_signals(void) {
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static bool set_descriptors(const struct launch *launch, struct failure *failure) {
    int next = 0;
    for (int standard = 0; standard < 3; standard++) {
        if (!(launch->header.flags & (SPAWN_STDIN << standard))) continue;
        int fd = launch->fds[next++];
        if (dup2(fd, standard) < 0) return fail(failure, "dup2 to fd %d", standard);
    }
    // The keeper's sockets above all: their other ends are to notice when the keeper dies, although
    // this process may be waiting for the mount.
    close_all_but(launch->agent >= 0 ? launch->agent : launch->status, launch->status);
    return true;
}

static bool set_files(const struct launch *launch, struct failure *failure) {
    if (chdir(launch->cwd) != 0) return fail(failure, "working directory %s", launch->cwd);
    if (launch->stdout_path[0] == '\0') return true;
    int fd = open(launch->stdout_path, O_WRONLY | O_APPEND | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || dup2(fd, 1) < 0) return fail(failure, "standard output %s", launch->stdout_path);
    return true;
}

static bool set_cpus(const struct launch *launch, struct failure *failure) {
    if (launch->header.cpu_count == 0) return true;
    cpu_set_t set;
    CPU_ZERO(&set);
    for (uint32_t i = 0; i < launch->header.cpu_count; i++)
        if (launch->cpus[i] < CPU_SETSIZE) CPU_SET(launch->cpus[i], &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0)
        return fail(failure, "sched_setaffinity to CPU %u", launch->cpus[0]);
    return true;
}

static bool set_user(const struct launch *launch, struct failure *failure) {
    const struct spawn_header *header = &launch->header;
    if (!(header->flags & SPAWN_USER)) return true;
    gid_t groups[64];
    uint32_t count = header->group_count < 64 ? header->group_count : 64;
    for (uint32_t i = 0; i < count; i++) groups[i] = launch->groups[i];
    if (setgroups(count, groups) != 0 || setresgid(header->gid, header->gid, header->gid) != 0
        || setresuid(header->uid, header->uid, header->uid) != 0)
        return fail(failure, "becoming user %u, group %u", header->uid, header->gid);
    return true;
}

_Noreturn void launch_program(const struct launch *launch) {
    struct failure failure = {0};
    reset_signals();
    // Own session and process group: kill(0, ...) of the program must not reach the keeper, which
    // is outside the pid namespace but would be in the same group.
    setsid();
    if (!set_descriptors(launch, &failure) || !set_files(launch, &failure)
        || !set_cpus(launch, &failure))
        give_up(launch, &failure);
    // A core file would be litter in the working directory, or megabytes of writes in the
    // recording.
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    if (geteuid() != 0) prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (launch->agent >= 0) {
        if (!filter_install(launch->agent, launch->control_path, &failure))
            tell(launch, false, &failure);
        close(launch->agent);
    }
    if (!set_user(launch, &failure)) give_up(launch, &failure);
    execvpe(launch->argv[0], launch->argv, launch->envp);
    fail(&failure, "exec of %.400s", launch->argv[0]);
    give_up(launch, &failure);
}
