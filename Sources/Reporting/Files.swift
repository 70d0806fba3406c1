import Basics
import Glibc

import struct SystemPackage.Errno

/// Whole small files and folders, for findings and reports. Who may read them is for the umask to say.
package enum Files {
    /// Puts a file there whole or not at all, so that it is still there after a power loss; folders above it are made.
    package static func write(_ text: String, to path: String) throws {
        try makeFolder(parent(of: path))
        let temporary = path + ".tmp"
        do throws(Errno) {
            let flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW
            let file = try Descriptor(opening: temporary, flags, mode: 0o666)
            do throws(Errno) {
                try file.writeAll(text)
                guard fsync(file.number) == 0, rename(temporary, path) == 0 else {
                    throw Errno(rawValue: errno)
                }
            } catch {
                unlink(temporary)
                throw error
            }
        } catch {
            throw failure("writing", path, error)
        }
        try syncFolder(parent(of: path))
    }

    /// Adds to a file that others write to, too; makes it where it is missing.
    package static func append(_ text: String, to path: String) throws {
        do throws(Errno) {
            try Descriptor(opening: path, O_WRONLY | O_CREAT | O_APPEND, mode: 0o666)
                .writeAll(text)
        } catch {
            throw failure("writing", path, error)
        }
    }

    /// A name is durable when its folder is. Filesystems that sync no folders (EINVAL) have no better to offer.
    private static func syncFolder(_ path: String) throws {
        do throws(Errno) {
            let folder = try Descriptor(
                opening: path.isEmpty ? "." : path, O_RDONLY | O_DIRECTORY)
            guard fsync(folder.number) == 0 || errno == EINVAL else {
                throw Errno(rawValue: errno)
            }
        } catch {
            throw failure("syncing the folder", path, error)
        }
    }

    // MARK: Reports

    /// Whether a report is to go to standard output.
    package static func isStandardOutput(_ path: String?) -> Bool {
        ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"].contains(path)
    }

    /// Only a regular file is replaced: a pipe, a device, or what a symbolic link names is written as it is.
    package static func writeReport(_ text: String, to path: String) throws {
        guard isSpecial(path) else { return try write(text, to: path) }
        do throws(Errno) {
            try Descriptor(opening: path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o666)
                .writeAll(text)
        } catch {
            throw failure("writing", path, error)
        }
    }

    /// Finds out whether a report can be written there, without changing it.
    ///
    /// - Parameter out: the output folder: a report in it needs not wait for it to be made.
    /// - Throws: a usage failure.
    package static func checkReport(_ path: String, _ option: String, out: String) throws {
        if isStandardOutput(path) { return }
        let parent = parent(of: path)
        if parent == out { try makeFolder(out) }
        var status = stat()
        guard !path.isEmpty, stat(path, &status) != 0 || status.st_mode & S_IFMT != S_IFDIR else {
            throw Failure(.usage, "\(option) \(path) is not a file that can be written")
        }
        guard stat(parent.isEmpty ? "." : parent, &status) == 0,
            status.st_mode & S_IFMT == S_IFDIR
        else {
            throw Failure(.usage, "\(option) \(path): there is no folder \(parent)")
        }
        if isSpecial(path) {
            // Not opened: a pipe would be waited for.
            guard access(path, W_OK) == 0 else { throw unwritable(path, option) }
            return
        }
        let temporary = path + ".tmp"
        let file = open(temporary, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o666)
        guard file >= 0 else { throw unwritable(path, option) }
        close(file)
        unlink(temporary)
    }

    private static func unwritable(_ path: String, _ option: String) -> Failure {
        Failure(.usage, "\(option) \(path) cannot be written: \(Errno(rawValue: errno))")
    }

    /// Whether there is something that a file must not take the place of.
    private static func isSpecial(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT != S_IFREG
    }

    /// - Parameter limit: larger files are refused.
    package static func read(_ path: String, limit: Int) throws -> [UInt8] {
        let file = try opened(path, O_RDONLY)
        let bytes: [UInt8]
        do throws(Errno) {
            bytes = try file.readAll(limit: limit)
        } catch {
            throw failure("reading", path, error)
        }
        guard bytes.count <= limit else {
            throw Failure(.usage, "\(path) is larger than \(limit) bytes")
        }
        return bytes
    }

    /// - Throws: a usage failure.
    private static func opened(_ path: String, _ flags: CInt) throws(Failure) -> Descriptor {
        do throws(Errno) {
            return try Descriptor(opening: path, flags)
        } catch {
            throw Failure(.usage, "reading \(path): \(error)")
        }
    }

    /// The first bytes of a file, as many as it has.
    package static func beginning(of path: String, _ count: Int) throws -> [UInt8] {
        // Not to wait for the other end, should it be a fifo.
        let file = try opened(path, O_RDONLY | O_NONBLOCK)
        var bytes = [UInt8](repeating: 0, count: count)
        let length = Glibc.read(file.number, &bytes, count)
        return Array(bytes.prefix(max(0, length)))
    }

    /// Makes a folder and those above it.
    ///
    /// - Parameter mode: of the last one, as far as the umask lets it be.
    package static func makeFolder(_ path: String, mode: mode_t = 0o777) throws {
        guard !path.isEmpty, path != "/" else { return }
        if mkdir(path, mode) == 0 { return try syncFolder(parent(of: path)) }
        switch errno {
        case EEXIST: return
        case ENOENT:
            try makeFolder(parent(of: path))
            guard mkdir(path, mode) == 0 || errno == EEXIST else {
                throw failure("making the folder", path)
            }
            try syncFolder(parent(of: path))
        default: throw failure("making the folder", path)
        }
    }

    /// Removes the files in `folder` whose names end so, and the folder when nothing is left.
    package static func removeAll(in folder: String, suffix: String, but kept: Set<String> = []) {
        guard let names = namesInFolder(folder) else { return }
        for name in names where name.hasSuffix(suffix) && !kept.contains(name) {
            unlink("\(folder)/\(name)")
        }
        rmdir(folder)
    }

    /// Without `.`, `..` and symbolic links; nil when there is no such file.
    package static func absolute(_ path: String) -> String? {
        guard let real = realpath(path, nil) else { return nil }
        defer { free(real) }
        return String(cString: real)
    }

    package static func name(_ path: String) -> String {
        path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
    }

    package static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "" }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func failure(
        _ doing: String, _ path: String, _ error: Errno = Errno(rawValue: errno)
    ) -> Failure {
        Failure(.unavailable, "\(doing) \(path): \(error)")
    }
}
