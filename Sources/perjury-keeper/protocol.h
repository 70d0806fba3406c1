// What the harness and its keeper say to each other: version 3.
//
// One SOCK_SEQPACKET unix socket (fd 3 of the keeper), one message a datagram, numbers in the
// machine's own byte order (both ends run on one machine). `KeeperProtocol.swift` in Stage
// is the other half; a change here changes PROTOCOL_VERSION and that file.
//
//   request  = request_header body            fds travel by SCM_RIGHTS, in the order given below
//   OPEN     = -                              the reply carries one fd: /dev/fuse, opened here; in the stage
//              of fusermount3 it is mounted already
//   MOUNT    = u32 max_read  u32 first_pid  u32 pid_namespace    fd: /dev/fuse, opened; pid_namespace:
//              the inode number that the life's is to have, 0: any
//   SPAWN    = spawn_header  u32 group{group_count}  u32 cpu{cpu_count}
//              cwd stdout_path control_path argv{arg_count} env{env_count}     each ended by NUL
//              fds: stdin if SPAWN_STDIN, stdout if SPAWN_STDOUT, stderr if SPAWN_STDERR
//   KILL     = -                              first SIGNALLED, then, when all are gone, REPLY
//   UNMOUNT  = -
//   SIGNAL   = u32 id  u32 signal             to that program alone; ESRCH when it has ended
//
//   answer   = answer text                    text is what failed, in words, without NUL
//   HELLO    first of all; error tells whether the keeper could set itself up
//   REPLY    exactly one to each request (tag); to SPAWN: pid, SPAWNED_* flags and, as id, the inode
//            number of the pid namespace
//   SIGNALLED   to KILL: each process of the pid namespace has its SIGKILL; none runs in user mode
//               again, but one that waits for the mount is there until it is answered
//   EXIT     program id has ended with this wait status; always after the REPLY to its SPAWN
//   FAILED   last words: the keeper cannot go on, and ends
#ifndef PROTOCOL_H
#define PROTOCOL_H

#include <stdint.h>

#define PROTOCOL_VERSION 0x504a0003u  // "PJ", then the number
#define MAX_DATAGRAM (192 * 1024)     // argv and env of 128 KiB, and room for the rest
#define MAX_FDS 3

enum request_kind { REQ_OPEN = 1, REQ_MOUNT, REQ_SPAWN, REQ_KILL, REQ_UNMOUNT, REQ_SIGNAL };
enum answer_kind { ANS_HELLO = 0x80, ANS_REPLY, ANS_SIGNALLED, ANS_EXIT, ANS_FAILED };

struct request_header {
    uint32_t version, kind, tag;
};

struct spawn_header {
    uint32_t id, flags, uid, gid, group_count, cpu_count, arg_count, env_count;
};

enum spawn_flag {
    SPAWN_STDIN = 1,     // without: /dev/null, for all three
    SPAWN_STDOUT = 2,    // an fd; excludes a stdout_path
    SPAWN_STDERR = 4,
    SPAWN_SYNC = 8,      // see sync() and syncfs(): needs control_path
    SPAWN_USER = 16,     // become uid, gid and the groups
};

enum answer_flag {
    SPAWNED_SYNC_SEEN = 1,  // the filter for sync() and syncfs() is in place
};

struct answer {
    uint32_t version, kind, tag;
    int32_t error;   // errno, 0 for success
    uint32_t id;     // EXIT: the program; REPLY to SPAWN: inode number of the pid namespace
    int32_t value;   // EXIT: wait status; REPLY to SPAWN: pid in the keeper's pid namespace; HELLO: the keeper's
    uint32_t flags;
};

#endif
