import FileTree
import Glibc

import struct SystemPackage.Errno

/// Append-only memory that never moves, backed by a file or by nothing.
///
/// The whole address range is reserved at once and filled step by step, so that an address stays good for the arena's life.
/// A file's space is allocated before it is mapped: a full disk is an error here, never a bus error later.
package final class Arena: @unchecked Sendable {
    package let base: UnsafeMutableRawPointer
    /// Bytes that may be touched; grows.
    package private(set) var mapped: Int
    private let reserved: Int
    private let file: CInt?

    /// How much a file-backed arena grows at a time, in bytes.
    private static let step = 8 << 20
    /// `MADV_POPULATE_WRITE`, which the C library's headers may not know yet.
    private static let populateWrite: CInt = 23

    /// An arena in anonymous memory.
    package init(memoryLimit: Int = 64 << 30) throws(Errno) {
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        guard let address = mmap(nil, memoryLimit, PROT_READ | PROT_WRITE, flags, -1, 0),
            address != MAP_FAILED
        else { throw Errno(rawValue: errno) }
        base = address
        reserved = memoryLimit
        mapped = memoryLimit
        file = nil
    }

    /// An arena in a new file at `path`, readable by its owner only.
    package init(creating path: String, limit: Int = 1 << 40) throws(Errno) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Errno(rawValue: errno) }
        guard
            let address = mmap(
                nil, limit, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
            address != MAP_FAILED
        else {
            let error = Errno(rawValue: errno)
            close(descriptor)
            throw error
        }
        base = address
        reserved = limit
        mapped = 0
        file = descriptor
    }

    /// An arena over an existing file, read only. The pages are private: whatever happens to the file afterwards, short
    /// of truncation, is not seen once read.
    package init(reading path: String) throws(Errno) {
        // Not to wait for the other end, should it be a fifo.
        let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { throw Errno(rawValue: errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Errno(rawValue: errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .invalidArgument }
        let size = Int(status.st_size)
        reserved = max(size, 1)
        guard let address = mmap(nil, reserved, PROT_READ, MAP_PRIVATE, descriptor, 0),
            address != MAP_FAILED
        else { throw Errno(rawValue: errno) }
        base = address
        mapped = size
        file = nil
    }

    deinit {
        munmap(base, reserved)
        if let file { close(file) }
    }

    /// Makes `[0, end)` touchable.
    ///
    /// - Throws: ENOSPC and its like when the file cannot grow, EFBIG past the reserved range.
    package func ensure(_ end: Int) throws(Errno) {
        guard end > mapped else { return }
        guard let file else { throw .fileTooLarge }
        while mapped < end {
            guard mapped + Self.step <= reserved else { throw .fileTooLarge }
            let error = posix_fallocate(file, mapped, Self.step)
            guard error == 0 else { throw Errno(rawValue: error) }
            let address = mmap(
                base + mapped, Self.step, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file,
                mapped)
            guard address != MAP_FAILED else { throw Errno(rawValue: errno) }
            // Touched together, pages cost a fraction of what they cost one by one. Kernels before 5.14 refuse, and lose that only.
            madvise(base + mapped, Self.step, Self.populateWrite)
            mapped += Self.step
        }
    }

    /// Cuts the file behind the arena to `size` bytes; the memory beyond must not be touched any more.
    package func truncateFile(to size: Int) throws(Errno) {
        guard let file else { return }
        guard ftruncate(file, size) == 0 else { throw Errno(rawValue: errno) }
        // Pages beyond the end would raise a bus error: give them back.
        let page = Block.size
        let keep = (size + page - 1) / page * page
        if keep < mapped {
            munmap(base + keep, mapped - keep)
            _ = mmap(
                base + keep, mapped - keep, PROT_NONE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0)
            mapped = keep
        }
    }
}
