// Shared memory of System V, where no IPC namespace holds it: a machine that lost its power has none.
//
// A segment of this life is known by the process that made it or used it last, where that was killed, or
// ended as our child; so nobody else's is touched. What does not say whose it is stays: files of
// /dev/shm, semaphores, queues.
#define _GNU_SOURCE
#include <stdbool.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <unistd.h>

#include "keeper.h"

enum { MOST_NOTED = 1024 };
static pid_t noted[MOST_NOTED];
static unsigned noted_count;

void memory_note(pid_t pid) {
    noted[noted_count++ % MOST_NOTED] = pid;
}

static bool is_noted(pid_t pid) {
    for (unsigned i = 0; i < MOST_NOTED && i < noted_count; i++)
        if (noted[i] == pid) return true;
    return false;
}

void memory_forget(void) {
    const uid_t user = geteuid();
    struct shm_info info;
    int last = noted_count == 0 ? -1 : shmctl(0, SHM_INFO, (struct shmid_ds *)&info);
    for (int index = 0; index <= last; index++) {
        struct shmid_ds status;
        int id = shmctl(index, SHM_STAT, &status);
        if (id < 0 || status.shm_perm.cuid != user || status.shm_nattch > 0) continue;
        if (is_noted(status.shm_cpid) || is_noted(status.shm_lpid)) shmctl(id, IPC_RMID, NULL);
    }
    noted_count = 0;
}
