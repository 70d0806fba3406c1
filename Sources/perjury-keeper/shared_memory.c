// Shared memory of System V, where no IPC namespace holds it: a machine that lost its power has none.
//
// What programs of this life have made is known by the process that made it or used it last, so that
// nobody else's is touched. Files of /dev/shm do not say whose they are: they stay.
#define _GNU_SOURCE
#include <stdbool.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
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

static void forget_segments(uid_t user) {
    struct shm_info info;
    int last = shmctl(0, SHM_INFO, (struct shmid_ds *)&info);
    for (int index = 0; index <= last; index++) {
        struct shmid_ds status;
        int id = shmctl(index, SHM_STAT, &status);
        if (id < 0 || status.shm_perm.cuid != user || status.shm_nattch > 0) continue;
        if (is_noted(status.shm_cpid) || is_noted(status.shm_lpid)) shmctl(id, IPC_RMID, NULL);
    }
}

static void forget_semaphores(uid_t user) {
    union {
        int value;
        struct semid_ds *status;
        struct seminfo *info;
    } argument;
    struct seminfo info;
    struct semid_ds status;
    argument.info = &info;
    int last = semctl(0, 0, SEM_INFO, argument);
    for (int index = 0; index <= last; index++) {
        argument.status = &status;
        int id = semctl(index, 0, SEM_STAT, argument);
        if (id < 0 || status.sem_perm.cuid != user) continue;
        if (is_noted(semctl(id, 0, GETPID))) semctl(id, 0, IPC_RMID);
    }
}

static void forget_queues(uid_t user) {
    struct msginfo info;
    int last = msgctl(0, MSG_INFO, (struct msqid_ds *)&info);
    for (int index = 0; index <= last; index++) {
        struct msqid_ds status;
        int id = msgctl(index, MSG_STAT, &status);
        if (id < 0 || status.msg_perm.cuid != user) continue;
        if (is_noted(status.msg_lspid) || is_noted(status.msg_lrpid)) msgctl(id, IPC_RMID, NULL);
    }
}

void memory_forget(void) {
    const uid_t user = geteuid();
    if (noted_count == 0) return;
    forget_segments(user);
    forget_semaphores(user);
    forget_queues(user);
    noted_count = 0;
}
