import Basics
import Glibc

import struct SystemPackage.Errno

/// A folder for one keeper that has no mount namespace: `perjury/N` in the caller's runtime folder, with N the first number
/// that nobody has. It is had for as long as its lock is held.
package struct RuntimePlace: ~Copyable {
    package let path: String
    let lock: Descriptor

    /// What a life writes beside the data directory lies there.
    private static let leastSpace = 1 << 20

    /// - Parameter path: the one that it must be, as a store has kept it; nil: any.
    package init(_ wanted: String? = nil) throws(HarnessError) {
        let folder = try Self.folder()
        let paths = wanted.map { [$0] } ?? (0..<1024).map { "\(folder)/\($0)" }
        for path in paths {
            guard path.hasPrefix(folder + "/"), let lock = try Self.claim(path, in: folder) else {
                continue
            }
            self.path = path
            self.lock = lock
            return
        }
        throw HarnessError(
            wanted.map {
                "the store has kept \($0), the place of its data directory, which is not to be had now: try again when no "
                    + "other perjury is running, or record it anew"
            } ?? "all places in \(folder) are taken")
    }

    /// nil: somebody else has it.
    private static func claim(_ path: String, in folder: String) throws(HarnessError) -> Descriptor?
    {
        while true {
            for made in [folder, path] {
                if mkdir(made, 0o700) == 0 || errno == EEXIST { continue }
                // A keeper that ends removes both.
                if errno == ENOENT { break }
                throw failure("making \(made)", errno)
            }
            var named = stat()
            var locked = stat()
            let lock: Descriptor
            do throws(Errno) {
                lock = try Descriptor(opening: path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
            } catch {
                if error == .noSuchFileOrDirectory { continue }
                throw failure("opening \(path)", error.rawValue)
            }
            guard fstat(lock.number, &locked) == 0, locked.st_uid == geteuid() else { return nil }
            guard flock(lock.number, LOCK_EX | LOCK_NB) == 0 else { return nil }
            // Unless it was removed before it was locked.
            if stat(path, &named) == 0, named.st_ino == locked.st_ino { return lock }
        }
    }

    private static func folder() throws(HarnessError) -> String {
        let own = getenv("XDG_RUNTIME_DIR").map { String(cString: $0) } ?? ""
        if own.hasPrefix("/"), isFolder(own), access(own, W_OK | X_OK) == 0 {
            try checkSpace(own)
            return own + "/perjury"
        }
        let folder = "/tmp/perjury-\(geteuid())"
        var status = stat()
        repeat {
            if mkdir(folder, 0o700) != 0, errno != EEXIST {
                throw failure("making \(folder)", errno)
            }
            // A keeper that ends removes it.
        } while lstat(folder, &status) != 0 && errno == ENOENT
        guard status.st_uid == geteuid(), status.st_mode & (S_IFMT | 0o077) == S_IFDIR else {
            throw HarnessError(
                "\(folder) is not a folder of yours alone: remove it, or set XDG_RUNTIME_DIR to one that is"
            )
        }
        try checkSpace(folder)
        return folder
    }

    private static func checkSpace(_ folder: String) throws(HarnessError) {
        var status = statvfs()
        guard statvfs(folder, &status) == 0 else { return }
        if Int(status.f_bavail) * Int(status.f_frsize) < leastSpace {
            throw failure("making a place in \(folder)", ENOSPC)
        }
    }

    private static func failure(_ doing: String, _ error: CInt) -> HarnessError {
        HarnessError(
            "\(doing): \(Errno(rawValue: error)); set XDG_RUNTIME_DIR to a folder of yours with room in it"
        )
    }
}
