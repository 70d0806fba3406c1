// SPAWN: from the datagram to a launcher in the pid namespace.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "keeper.h"

// Takes `size` bytes from the front of what is left.
static void *take(char **body, size_t *left, size_t size) {
    if (size > *left) return NULL;
    void *taken = *body;
    *body += size;
    *left -= size;
    return taken;
}

static char *take_string(char **body, size_t *left) {
    char *end = memchr(*body, '\0', *left);
    return end == NULL ? NULL : take(body, left, (size_t)(end - *body) + 1);
}

static char **take_strings(char **body, size_t *left, uint32_t count) {
    if (count > *left) return NULL;
    char **strings = calloc((size_t)count + 1, sizeof *strings);
    for (uint32_t i = 0; strings != NULL && i < count; i++) {
        strings[i] = take_string(body, left);
        if (strings[i] != NULL) continue;
        free(strings);
        return NULL;
    }
    return strings;
}

// The datagram as a `launch` that points into it. argv and envp are to be freed also after a
// failure.
static bool parse(struct launch *launch, char *body, size_t left, int fd_count) {
    struct spawn_header *header = take(&body, &left, sizeof *header);
    if (header == NULL) return false;
    launch->header = *header;
    if (header->group_count > 64 || header->cpu_count > 4096) return false;
    if (header->arg_count == 0) return false;
    launch->groups = take(&body, &left, header->group_count * sizeof(uint32_t));
    launch->cpus = take(&body, &left, header->cpu_count * sizeof(uint32_t));
    launch->cwd = take_string(&body, &left);
    launch->stdout_path = take_string(&body, &left);
    launch->control_path = take_string(&body, &left);
    launch->argv = take_strings(&body, &left, header->arg_count);
    launch->envp = take_strings(&body, &left, header->env_count);
    const uint32_t files = header->flags & (SPAWN_STDIN | SPAWN_STDOUT | SPAWN_STDERR);
    return launch->groups != NULL && launch->cpus != NULL && launch->cwd != NULL
        && launch->stdout_path != NULL && launch->control_path != NULL && launch->argv != NULL
        && launch->envp != NULL && __builtin_popcount(files) == fd_count;
}

static bool agent_start(struct failure *failure) {
    if (life.agent != 0) return true;
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return fail(failure, "socketpair");
    pid_t keeper = getpid();
    pid_t agent = fork();
    if (agent == 0) agent_main(ends[1], keeper, &own_mounts);
    int error = errno;
    close(ends[1]);
    if (agent < 0) {
        close(ends[0]);
        errno = error;
        return fail(failure, "fork of the sync agent");
    }
    life.agent = agent;
    life.agent_socket = ends[0];
    return true;
}

static bool spawn(struct launch *launch, uint32_t tag, struct failure *failure) {
    const struct spawn_header *header = &launch->header;
    if (life.killing || life.program_count == MAX_PROGRAMS) {
        errno = EAGAIN;
        return fail(failure, life.killing ? "a KILL is under way" : "too many programs at once");
    }
    bool placed = own_mounts.stage == STAGE_FUSERMOUNT
        ? namespace_stay(&life.space, life.namespace_number, failure)
        : life.space.init != 0
            || namespace_start(
                   &life.space, &own_mounts, life.first_pid, life.namespace_number, failure);
    if (!placed) return false;
    if ((header->flags & SPAWN_SYNC) && !agent_start(failure)) return false;
    int status[2];
    if (pipe2(status, O_CLOEXEC | O_NONBLOCK) != 0) return fail(failure, "pipe2");

    launch->status = status[1];
    launch->agent = header->flags & SPAWN_SYNC ? life.agent_socket : -1;
    pid_t pid = namespace_fork(&life.space, failure);
    if (pid == 0) launch_program(launch);
    close(status[1]);
    if (pid < 0) {
        close(status[0]);
        return false;
    }
    life.programs[life.program_count++] = (struct program){
        .id = header->id,
        .tag = tag,
        .pid = pid,
        .status = status[0],
        .sync_seen = header->flags & SPAWN_SYNC,
    };
    return true;
}

void request_spawn(uint32_t tag, char *body, size_t size, const int *fds, int fd_count) {
    struct launch launch = {.agent = -1};
    struct failure failure = {0};
    memcpy(launch.fds, fds, sizeof launch.fds);
    bool started;
    if (parse(&launch, body, size, fd_count)) {
        started = spawn(&launch, tag, &failure);
    } else {
        errno = EPROTO;
        started = fail(&failure, "a SPAWN that makes no sense");
    }
    if (!started) answer((struct answer){.kind = ANS_REPLY, .tag = tag}, &failure, -1);
    free(launch.argv);
    free(launch.envp);
}
