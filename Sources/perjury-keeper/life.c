// What is there between two KILLs: a pid namespace with its init, the sync agent, the programs; and
// how they end. Waits for nothing but, when the keeper itself ends, for their death.
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "keeper.h"

struct life life = {.agent_socket = -1};
struct mounts own_mounts;

void answer(struct answer head, const struct failure *failure, int fd) {
    head.version = PROTOCOL_VERSION;
    if (failure != NULL) head.error = failure->error;
    // Without a harness there is nobody to answer; the loop sees the end of its socket.
    send_message(HARNESS, &head, sizeof head, failure != NULL ? failure->what : "", fd);
}

static bool has_namespaces(void) {
    return own_mounts.stage != STAGE_FUSERMOUNT;
}

bool life_is_empty(void) {
    if (!has_namespaces() && family_exists()) return false;
    return life.space.init == 0 && life.agent == 0 && life.program_count == 0;
}

static void signal_rest(void) {
    if (!has_namespaces()) family_kill(own_mounts.proc, life.agent);
    if (life.space.init > 0) kill(life.space.init, SIGKILL);
    if (life.agent > 0) kill(life.agent, SIGKILL);
}

_Noreturn void life_end(const struct failure *last_words) {
    if (last_words != NULL) answer((struct answer){.kind = ANS_FAILED}, last_words, -1);
    if (!has_namespaces()) {
        if (guard_has_ended()) guard_clean(&own_mounts);
        _exit(last_words != NULL);
    }
    signal_rest();
    // Reaped here for up to two seconds, in case whoever inherits our children does not. One that
    // waits for the mount ends when the harness's /dev/fuse is closed.
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    for (int tries = 0; tries < 20; tries++) {
        pid_t reaped;
        while ((reaped = waitpid(-1, NULL, WNOHANG)) > 0) {}
        if (reaped < 0) break;  // ECHILD: all gone
        sigtimedwait(&child, NULL, &(struct timespec){.tv_nsec = 100 * 1000 * 1000});
    }
    _exit(last_words != NULL);
}

static void kill_finish(void) {
    if (!life.killing) return;
    if (!life_is_empty()) {
        // Whoever was born while the others were killed.
        if (!has_namespaces() && life.told_signalled) family_kill(own_mounts.proc, 0);
        return;
    }
    if (life.agent_socket >= 0) close(life.agent_socket);
    life.agent_socket = -1;
    mounts_drop_proc(&own_mounts);
    if (!has_namespaces()) memory_forget();
    life.killing = false;
    answer((struct answer){.kind = ANS_REPLY, .tag = life.kill_tag}, NULL, -1);
}

void life_kill_signalled(void) {
    if (!life.killing || life.told_signalled) return;
    signal_rest();
    life.told_signalled = true;
    answer((struct answer){.kind = ANS_SIGNALLED, .tag = life.kill_tag}, NULL, -1);
}

void life_kill(uint32_t tag) {
    life.killing = true;
    life.told_signalled = false;
    life.kill_tag = tag;
    // Init, being inside, can kill all others at once; a SIGKILL to init alone would leave them
    // running until init gets its turn on the CPU.
    if (life.space.init == 0 || send(life.space.socket, "k", 1, MSG_NOSIGNAL) != 1)
        life_kill_signalled();
    kill_finish();
}

// Reads the launcher's notes until exec, or death, closes the pipe; then answers the SPAWN.
void life_read_status(struct program *program) {
    struct launch_note note;
    ssize_t size;
    while ((size = read(program->status, &note, sizeof note)) == sizeof note) {
        if (note.fatal)
            program->failed = true;
        else
            program->sync_seen = false;
        program->failure = note.failure;
    }
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    close(program->status);
    program->status = -1;

    struct answer head = {
        .kind = ANS_REPLY,
        .tag = program->tag,
        .id = life.space.number,
        .value = program->pid};
    struct failure text = program->failure;
    if (program->sync_seen) head.flags = SPAWNED_SYNC_SEEN;
    if (!program->failed && text.error != 0) {
        // A success whose text says why sync() is not seen.
        snprintf(
            text.what, sizeof text.what, "%.400s: %s", program->failure.what, strerror(text.error));
        text.error = 0;
    }
    answer(head, &text, -1);
}

static void program_ended(int index, int wait_status) {
    struct program *program = &life.programs[index];
    // The dead have closed the pipe, and only the launcher had its other end: this does not leave
    // it.
    if (program->status >= 0) life_read_status(program);
    struct answer end = {.kind = ANS_EXIT, .id = program->id, .value = wait_status};
    if (!program->failed) answer(end, NULL, -1);
    life.programs[index] = life.programs[--life.program_count];
}

static void vital_ended(pid_t pid, int wait_status) {
    if (!life.killing) {
        // Without init the kernel has killed the programs, without the agent sync() fails: whatever
        // they do now is not what they would have done.
        struct failure failure = {.error = ECHILD};
        snprintf(
            failure.what, sizeof failure.what, "%s ended by itself, wait status 0x%x",
            pid == life.agent ? "the sync agent" : "init of the pid namespace",
            (unsigned)wait_status);
        life_end(&failure);
    }
    if (pid == life.agent) {
        life.agent = 0;
        return;
    }
    life_kill_signalled();
    namespace_close(&life.space);
}

void life_reap(void) {
    pid_t pid;
    int status;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (!has_namespaces()) memory_note(pid);
        if (pid == life.space.init || pid == life.agent) {
            vital_ended(pid, status);
            continue;
        }
        for (int i = 0; i < life.program_count; i++) {
            if (life.programs[i].pid != pid) continue;
            program_ended(i, status);
            break;
        }
    }
    kill_finish();
}
