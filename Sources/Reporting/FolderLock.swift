import Basics
import Glibc

import struct SystemPackage.Errno

/// Nobody else's campaign writes in a folder while this is held.
///
/// Two in one folder would remove each other's recordings and findings. It is a lock of flock(2), which the kernel takes
/// away however the process ends.
package final class FolderLock {
    private let file: CInt

    /// - Parameter advice: what to do when the lock is not to be had.
    package init(_ folder: String, advice: String) throws {
        let path = "\(folder)/lock"
        file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o666)
        guard file >= 0 else {
            throw Failure(.unavailable, "opening \(path): \(Errno(rawValue: errno)); \(advice)")
        }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            let error = Errno(rawValue: errno)
            let holder = holder
            close(file)
            guard error == .wouldBlock else {
                throw Failure(.unavailable, "locking \(path): \(error); \(advice)")
            }
            throw Failure(
                .unavailable,
                "\(folder) is in use by \(holder): wait until it has ended, or \(advice)")
        }
        // For whoever comes meanwhile. That it cannot be written is no reason not to begin.
        let text = Array("\(getpid())\n".utf8)
        _ = ftruncate(file, 0)
        _ = pwrite(file, text, text.count, 0)
    }

    deinit {
        close(file)
    }

    private var holder: String {
        var bytes = [UInt8](repeating: 0, count: 32)
        let count = max(0, pread(file, &bytes, bytes.count, 0))
        let digits = bytes[..<count].prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        let number = String(decoding: digits, as: UTF8.self)
        return number.isEmpty ? "another perjury" : "another perjury, process \(number)"
    }
}
