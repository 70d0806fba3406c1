import Glibc
import Reporting

import struct SystemPackage.Errno

/// Whole small files and folders, for findings and reports. Who may read them is for the umask to say.
enum Files {
    /// Puts a file there whole or not at all, so that it is still there after a power loss; folders above it are made.
    static func write(_ text: String, to path: String) throws {
        try makeFolder(parent(of: path))
        let temporary = path + ".tmp"
        let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o666)
        guard file >= 0 else { throw failure("writing", path) }
        let isStored = put(text, into: file) && fsync(file) == 0
        var error = failure("writing", path)
        close(file)
        if isStored {
            if rename(temporary, path) == 0 { return try syncFolder(parent(of: path)) }
            error = failure("writing", path)
        }
        unlink(temporary)
        throw error
    }

    private static func put(_ text: String, into file: CInt) -> Bool {
        var text = text
        return text.withUTF8 { buffer in
            var done = 0
            while done < buffer.count {
                let count = Glibc.write(file, buffer.baseAddress! + done, buffer.count - done)
                if count < 0 && errno == EINTR { continue }
                if count < 0 { return false }
                done += count
            }
            return true
        }
    }

    /// A name is durable when its folder is. Filesystems that sync no folders (EINVAL) have no better to offer.
    private static func syncFolder(_ path: String) throws {
        let folder = open(path.isEmpty ? "." : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw failure("syncing the folder", path) }
        defer { close(folder) }
        guard fsync(folder) == 0 || errno == EINVAL else {
            throw failure("syncing the folder", path)
        }
    }

    // MARK: Reports

    /// Whether a report is to go to standard output.
    static func isStandardOutput(_ path: String?) -> Bool {
        ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"].contains(path)
    }

    /// Only a regular file is replaced: a pipe, a device, or what a symbolic link names is written as it is.
    static func writeReport(_ text: String, to path: String) throws {
        if isStandardOutput(path) { return Console.out(text) }
        guard isSpecial(path) else { return try write(text, to: path) }
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        guard file >= 0 else { throw failure("writing", path) }
        defer { close(file) }
        guard put(text, into: file) else { throw failure("writing", path) }
    }

    /// Finds out whether a report can be written there, without changing it.
    ///
    /// - Parameter out: the output folder: a report in it needs not wait for it to be made.
    /// - Throws: a usage failure.
    static func checkReport(_ path: String, _ option: String, out: String) throws {
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
    static func read(_ path: String, limit: Int) throws -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            throw Failure(.usage, "reading \(path): \(Errno(rawValue: errno))")
        }
        defer { close(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(file, &buffer, buffer.count)
            guard count >= 0 else { throw failure("reading", path) }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
            guard bytes.count <= limit else {
                throw Failure(.usage, "\(path) is larger than \(limit) bytes")
            }
        }
    }

    /// The first bytes of a file, as many as it has.
    static func beginning(of path: String, _ count: Int) throws -> [UInt8] {
        // Not to wait for the other end, should it be a fifo.
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else {
            throw Failure(.usage, "reading \(path): \(Errno(rawValue: errno))")
        }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: count)
        let length = Glibc.read(file, &bytes, count)
        return Array(bytes.prefix(max(0, length)))
    }

    /// Makes a folder and those above it.
    ///
    /// - Parameter mode: of the last one, as far as the umask lets it be.
    static func makeFolder(_ path: String, mode: mode_t = 0o777) throws {
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

    /// What is in a folder, in no order; nil where `folder` is none.
    static func names(in folder: String) -> [String]? {
        guard let directory = opendir(folder) else { return nil }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            names.append(
                withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                })
        }
        return names
    }

    /// Removes the files in `folder` whose names end so, and the folder when nothing is left.
    static func removeAll(in folder: String, suffix: String, but kept: Set<String> = []) {
        guard let names = names(in: folder) else { return }
        for name in names where name.hasSuffix(suffix) && !kept.contains(name) {
            unlink("\(folder)/\(name)")
        }
        rmdir(folder)
    }

    /// Without `.`, `..` and symbolic links; nil when there is no such file.
    static func absolute(_ path: String) -> String? {
        guard let real = realpath(path, nil) else { return nil }
        defer { free(real) }
        return String(cString: real)
    }

    static func name(_ path: String) -> String {
        path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
    }

    static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "" }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func failure(_ doing: String, _ path: String) -> Failure {
        Failure(.unavailable, "\(doing) \(path): \(Errno(rawValue: errno))")
    }
}
