// perjury-keeper --mount PATH OPTIONS: a mount that everybody sees, for as long as the harness lives.
//
// Unlike a private namespace, the host's own does not go with its last process, so somebody has to
// outlive the harness, if only by a moment: fd 3 is a socket to it, fd 4 the /dev/fuse to mount. It
// gets an errno, 0 when the mount is there. It may then send one byte, by which it says that somebody
// else has unmounted already; the end of the socket detaches the mount.
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include "keeper.h"

int public_mount(const char *path, const char *options) {
    close_all_but(HARNESS, PUBLIC_DEVICE);
    // Neither the person's Ctrl-C nor the end of the terminal is for this process.
    setsid();
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    if (chdir("/") != 0) return 1;
    int error = mount("perjury", path, "fuse", MS_NOSUID | MS_NODEV, options) == 0 ? 0 : errno;
    // With it open, the harness's death would not end the connection.
    close(PUBLIC_DEVICE);
    bool told = send(HARNESS, &error, sizeof error, MSG_NOSIGNAL) == sizeof error;
    if (error != 0) return 1;
    char byte;
    ssize_t size = 0;
    while (told && (size = recv(HARNESS, &byte, 1, 0)) < 0 && errno == EINTR) {}
    if (size != 1) umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
    return 0;
}
