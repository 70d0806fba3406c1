// The mount namespace: ROOT is a tmpfs that only the keeper's children see, ROOT/data is where the
// mount goes (PERJURY_DIR), ROOT/run is scratch beside it (PERJURY_RUN). Each worker has its own
// keeper, so these are the same paths in every worker.
//
// Nothing here opens or walks into ROOT/data once something is mounted on it: that would wait for
// the serving process, and the keeper must never wait for it.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keeper.h"

static bool write_file(const char *path, const char *text, struct failure *failure) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (!written) fail(failure, "writing %s", path);
    if (fd >= 0) close(fd);
    return written;
}

// The caller is mapped to
// itself, not to root: the keeper has every capability in its namespace anyway (it never calls
// exec, which is what would take them away), while the programs, which are started by exec, run as
// the plain user that they would be outside. So getuid() and the owners of files are what they
// always are, on the mount and off it, and programs that refuse to run as root run.
static bool enter_user_namespace(struct failure *failure) {
    uid_t uid = geteuid();
    gid_t gid = getegid();
    char map[64];
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
        return fail(failure, "unshare(CLONE_NEWUSER | CLONE_NEWNS) as uid %u", uid);
    // The kernel takes a gid map from an unprivileged writer only after setgroups() has been given
    // up.
    if (!write_file("/proc/self/setgroups", "deny", failure)) return false;
    snprintf(map, sizeof map, "%u %u 1\n", uid, uid);
    if (!write_file("/proc/self/uid_map", map, failure)) return false;
    snprintf(map, sizeof map, "%u %u 1\n", gid, gid);
    return write_file("/proc/self/gid_map", map, failure);
}

static bool make_root(const struct mounts *mounts, struct failure *failure) {
    if (mount("perjury", mounts->root, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") != 0)
        return fail(failure, "mounting a tmpfs at %s", mounts->root);
    if (mkdir(mounts->data, 0755) != 0) return fail(failure, "mkdir %s", mounts->data);
    // Any user may make sockets there, as in /tmp. chmod, because mkdir heeds the umask.
    if (mkdir(mounts->run, 0777) != 0 || chmod(mounts->run, 01777) != 0)
        return fail(failure, "mkdir %s", mounts->run);
    return true;
}

// Shared memory outlives the processes that made it, and a machine that lost its power has none: each
// life gets its own, System V's and POSIX's. New ones cost more than a mount of fuse, so only when
// the life before made use of them. Message queues of POSIX are left alone: nothing is known that
// keeps anything in them.
static bool uses_system_v(void) {
    struct shm_info shm;
    struct seminfo sem;
    struct msginfo msg;
    union {
        int value;
        struct seminfo *info;
    } sem_argument = {.info = &sem};
    // What cannot be asked is no reason to trust it.
    if (shmctl(0, SHM_INFO, (struct shmid_ds *)&shm) < 0 || shm.used_ids > 0) return true;
    if (semctl(0, 0, SEM_INFO, sem_argument) < 0 || sem.semusz > 0) return true;
    return msgctl(0, MSG_INFO, (struct msqid_ds *)&msg) < 0 || msg.msgpool > 0;
}

static bool is_empty(const char *path) {
    DIR *directory = opendir(path);
    if (directory == NULL) return false;
    int count = 0;
    while (count <= 2 && readdir(directory) != NULL) count++;
    closedir(directory);
    return count <= 2;
}

static bool mount_shm(struct failure *failure) {
    if (mount("perjury", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777") == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return true;
    return fail(failure, "mounting a tmpfs at /dev/shm");
}

static bool make_shared_memory(struct failure *failure) {
    if (unshare(CLONE_NEWIPC) != 0) return fail(failure, "unshare(CLONE_NEWIPC)");
    return mount_shm(failure);
}

static bool renew_shared_memory(struct failure *failure) {
    if (uses_system_v() && unshare(CLONE_NEWIPC) != 0)
        return fail(failure, "unshare(CLONE_NEWIPC)");
    if (access("/dev/shm", F_OK) != 0 || is_empty("/dev/shm")) return true;
    if (umount2("/dev/shm", MNT_DETACH | UMOUNT_NOFOLLOW) != 0)
        return fail(failure, "unmounting /dev/shm");
    return mount_shm(failure);
}

bool mounts_enter(struct mounts *mounts, const char *root, struct failure *failure) {
    if (root[0] != '/' || root[1] == '\0' || strlen(root) >= sizeof mounts->root) {
        errno = EINVAL;
        return fail(failure, "the root of the mounts must be an absolute path: %s", root);
    }
    snprintf(mounts->root, sizeof mounts->root, "%s", root);
    snprintf(mounts->data, sizeof mounts->data, "%s/data", root);
    snprintf(mounts->run, sizeof mounts->run, "%s/run", root);
    mounts->proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (mounts->proc < 0) return fail(failure, "opening /proc");
    switch (mounts->stage) {
    case STAGE_ROOT:
        if (unshare(CLONE_NEWNS) != 0) return fail(failure, "unshare(CLONE_NEWNS)");
        break;
    case STAGE_USER_NAMESPACE:
        if (!enter_user_namespace(failure)) return false;
        break;
    case STAGE_FUSERMOUNT: return fusermount_enter(mounts, failure);
    }
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return fail(failure, "making all mounts private");
    return make_root(mounts, failure) && make_shared_memory(failure);
}

// The kernel lets a process mount only a /dev/fuse that was opened in its own user namespace, so a
// harness without privileges cannot open it itself.
int mounts_open_device(const struct mounts *mounts, struct failure *failure) {
    // Nobody but the caller is let in, and all programs are the caller's.
    if (mounts->stage == STAGE_FUSERMOUNT)
        return fusermount_mount(
            mounts->tool, mounts->data, "fsname=perjury,default_permissions", failure);
    int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (fd < 0) fail(failure, "opening /dev/fuse");
    return fd;
}

bool mounts_attach(
    const struct mounts *mounts, int fuse, uint32_t max_read, struct failure *failure) {
    if (mounts->stage == STAGE_FUSERMOUNT) return true;  // since it was opened
    char options[160];
    int length = snprintf(
        options, sizeof options,
        "fd=%d,rootmode=40000,user_id=%u,group_id=%u,default_permissions,allow_other", fuse,
        geteuid(), getegid());
    if (max_read != 0)
        snprintf(options + length, sizeof options - (size_t)length, ",max_read=%u", max_read);
    if (mount("perjury", mounts->data, "fuse", MS_NOSUID | MS_NODEV, options) != 0)
        return fail(failure, "mount(2) of fuse at %s with %s", mounts->data, options);
    return true;
}

// One detached unmount takes ROOT with everything on it, also what a program mounted or left there.
bool mounts_renew(const struct mounts *mounts, struct failure *failure) {
    if (mounts->stage == STAGE_FUSERMOUNT) return fusermount_renew(mounts, failure);
    if (umount2(mounts->root, MNT_DETACH | UMOUNT_NOFOLLOW) != 0)
        return fail(failure, "unmounting %s", mounts->root);
    return make_root(mounts, failure) && renew_shared_memory(failure);
}

void mounts_drop_proc(struct mounts *mounts) {
    if (mounts->own_proc) umount2("/proc", MNT_DETACH);
    mounts->own_proc = false;
}
