import FileTree
import Glibc

import struct SystemPackage.Errno

/// A new, empty folder that goes, with all that is in it, together with the last reference to it.
package final class TemporaryFolder: Sendable {
    /// Absolute; no slash at its end.
    package let path: String

    package init() throws(Errno) {
        let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(parent)/perjury-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Errno(rawValue: errno) }
        path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }

    deinit {
        Self.removeTree(path)
    }

    /// Symbolic links are removed, not followed.
    private static func removeTree(_ path: String) {
        if unlink(path) == 0 { return }
        guard errno == EISDIR || errno == EPERM, let directory = opendir(path) else { return }
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { removeTree("\(path)/\(name)") }
        }
        closedir(directory)
        rmdir(path)
    }

    /// The path of `name` in the folder.
    package func file(_ name: String) -> String { "\(path)/\(name)" }
}

/// Files as whole arrays, for tests that look at or damage them.
package enum FileBytes {
    /// - Parameter limit: how many bytes to read at most.
    package static func read(_ path: String, limit: Int = .max) throws(Errno) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Errno(rawValue: errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Errno(rawValue: errno) }
        var bytes = [UInt8](repeating: 0, count: min(limit, Int(status.st_size)))
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeMutableBytes {
                Glibc.read(descriptor, $0.baseAddress! + done, $0.count - done)
            }
            guard count >= 0 else { throw Errno(rawValue: errno) }
            if count == 0 { break }
            done += count
        }
        return Array(bytes[..<done])
    }

    /// Puts a new file in the place of whatever was at `path`.
    package static func write(_ bytes: [UInt8], to path: String) throws(Errno) {
        unlink(path)
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Errno(rawValue: errno) }
        defer { close(descriptor) }
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress! + done, $0.count - done)
            }
            guard count >= 0 else { throw Errno(rawValue: errno) }
            done += count
        }
    }
}
