// Calls as somebody else, and through io_uring.
#ifndef CALLS_H
#define CALLS_H

/// One system call in a child process with the user, the group and one more group given, and no rights beyond.
///
/// \returns what the call returned, or -1 with `errno`. A descriptor that it returned is closed again.
long test_call_as(unsigned user, unsigned group, unsigned more_group, long number, long a, long b,
                  long c, long d, long e);

/// Writes through io_uring: `count` writes of `length` bytes each, one after the other in the file, linked, then an fsync
/// linked to the last, all handed over in one call; each write's bytes are its index.
///
/// \param flags RWF_DSYNC or their like, for each write.
/// \returns 0; a negated errno of the first that failed; -ENOSYS or -EPERM where there is no io_uring.
int test_ring_writes(int file, unsigned count, unsigned length, int flags);

/// One mapping of `file` in a child process: stores `value` at `offset` unless it is negative, then tells the byte there,
/// with msync(2) in between if asked.
///
/// A process that serves a mount must not map the mount's files itself: munmap(2) holds the lock of the address space
/// while it writes dirty pages back, and reading that very request from /dev/fuse needs the lock.
///
/// \returns the byte, or a negated errno.
int test_mapped(int file, long length, int protection, int flags, long offset, int value, int sync);

#endif
