import Glibc
import Reporting

import struct SystemPackage.Errno

/// Whole small files and folders, for findings and reports.
enum Files {
    /// Puts a file there whole or not at all; folders above it are made.
    static func write(_ text: String, to path: String) throws {
        try makeFolder(parent(of: path))
        let temporary = path + ".tmp"
        let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw failure("writing", path) }
        var text = text
        let isWritten = text.withUTF8 { buffer in
            var done = 0
            while done < buffer.count {
                let count = Glibc.write(file, buffer.baseAddress! + done, buffer.count - done)
                if count < 0 && errno == EINTR { continue }
                if count < 0 { return false }
                done += count
            }
            return true
        }
        let isStored = isWritten && fsync(file) == 0
        var error = failure("writing", path)
        close(file)
        if isStored {
            if rename(temporary, path) == 0 { return }
            error = failure("writing", path)
        }
        unlink(temporary)
        throw error
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

    static func makeFolder(_ path: String) throws {
        guard !path.isEmpty, path != "/", mkdir(path, 0o700) != 0 else { return }
        switch errno {
        case EEXIST: return
        case ENOENT:
            try makeFolder(parent(of: path))
            guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
                throw failure("making the folder", path)
            }
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
