import Basics
import Glibc

import struct SystemPackage.Errno

/// Nobody else's campaign writes in a folder while this is held.
///
/// Two in one folder would remove each other's recordings and findings. It is a lock of flock(2), which the kernel takes
/// away however the process ends.
package final class FolderLock {
    private let file: Descriptor

    /// - Parameter advice: what to do when the lock is not to be had.
    package init(_ folder: String, advice: String) throws {
        let path = "\(folder)/lock"
        do throws(Errno) {
            file = try Descriptor(opening: path, O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o666)
        } catch {
            throw Failure(.unavailable, "opening \(path): \(error); \(advice)")
        }
        guard flock(file.number, LOCK_EX | LOCK_NB) == 0 else {
            let error = Errno(rawValue: errno)
            guard error == .wouldBlock else {
                throw Failure(.unavailable, "locking \(path): \(error); \(advice)")
            }
            throw Failure(
                .unavailable,
                "\(folder) is in use by \(holder): wait until it has ended, or \(advice)")
        }
        // For whoever comes meanwhile. That it cannot be written is no reason not to begin.
        let text = Array("\(getpid())\n".utf8)
        _ = ftruncate(file.number, 0)
        _ = pwrite(file.number, text, text.count, 0)
    }

    private var holder: String {
        var bytes = [UInt8](repeating: 0, count: 32)
        let count = max(0, pread(file.number, &bytes, bytes.count, 0))
        let digits = bytes[..<count].prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        let number = String(decoding: digits, as: UTF8.self)
        if number == "\(getpid())" { return "this process, for another store or recording" }
        return number.isEmpty ? "another perjury" : "another perjury, process \(number)"
    }
}
