// perjury-keeper --mount PATH OPTIONS [FUSERMOUNT3]: a mount that everybody sees, for as long as the harness lives.
//
// Unlike a private namespace, the host's own does not go with its last process, so somebody has to
// outlive the harness, if only by a moment: fd 3 is a socket to it, fd 4 the /dev/fuse to mount; with
// FUSERMOUNT3, which mounts for who may not, there is none, and the harness gets one. It
// gets an errno, 0 when the mount is there, and what failed in words. It may then send one byte, by
// which it says that somebody else has unmounted already; the end of the socket detaches the mount.
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include "keeper.h"

static bool is_mounted(
    const char *path, const char *options, const char *tool, int *device, struct failure *failure) {
    if (tool != NULL) {
        *device = fusermount_mount(tool, path, options, failure);
        return *device >= 0;
    }
    return mount("perjury", path, "fuse", MS_NOSUID | MS_NODEV, options) == 0
        || fail(failure, "mount(2) of fuse");
}

int public_mount(const char *path, const char *options, const char *tool) {
    close_all_but(HARNESS, tool != NULL ? HARNESS : PUBLIC_DEVICE);
    // Neither the person's Ctrl-C nor the end of the terminal is for this process.
    setsid();
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    if (chdir("/") != 0) return 1;
    struct failure failure = {0};
    int device = -1;
    is_mounted(path, options, tool, &device, &failure);
    int error = failure.error;
    bool told = send_message(HARNESS, &error, sizeof error, failure.what, device) > 0;
    // With it open, the harness's death would not end the connection.
    close(device >= 0 ? device : PUBLIC_DEVICE);
    if (error != 0) return 1;
    char byte;
    ssize_t size = 0;
    while (told && (size = recv(HARNESS, &byte, 1, 0)) < 0 && errno == EINTR) {}
    if (size == 1) return 0;
    if (tool != NULL) return !fusermount_unmount(tool, path, &failure);
    return umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) != 0;
}
