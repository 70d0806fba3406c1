// The few things that Swift cannot say, or says too slowly. No policy lives here.
#ifndef CSUPPORT_H
#define CSUPPORT_H

#include <stddef.h>
#include <stdint.h>

/// A 64-bit hash of `count` bytes at `bytes`; stable across processes, machines and versions of this
/// project (it stands in recording files). Not cryptographic.
/// Source: the wyhash construction (64x64 -> 128-bit multiply, fold), Wang Yi, public domain.
uint64_t perjury_hash(const void *bytes, size_t count, uint64_t seed);

/// The file that holds this code: a test bundle that was loaded, or the executable, as a link of /proc.
/// The string belongs to the dynamic loader.
const char *perjury_image_path(void);

/// Names the calling thread (at most 15 bytes) and, unless `cpu` is negative, binds it to one core.
/// Returns 0, or the error of the binding; the name is best effort.
int perjury_name_and_pin_thread(const char *name, int cpu);

/// A file in memory, without a name, closed by exec: memfd_create(2). -1 with errno set on failure.
int perjury_memory_file(const char *name);

/// Gives back the memory of the first `length` bytes of a memory file, in whole pages; they read as
/// zeros from now on. Best effort.
void perjury_forget_start(int file, int64_t length);

/// The numbers of the processors that this process may run on, ascending; how many were stored.
size_t perjury_allowed_processors(int *numbers, size_t capacity);

/// memmem(3), which Swift's Glibc does not show: whether `needle` stands in `bytes`.
int perjury_contains(const void *bytes, size_t count, const void *needle, size_t needle_count);

/// llistxattr(2) and lgetxattr(2), which Swift's Glibc does not show.
int64_t perjury_list_attributes(const char *path, char *names, size_t capacity);
int64_t perjury_get_attribute(const char *path, const char *name, void *value, size_t capacity);

#endif
