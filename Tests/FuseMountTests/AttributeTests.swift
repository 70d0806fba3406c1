import CTestSupport
import FileTree
import FuseMount
import Glibc
import Testing

import struct SystemPackage.Errno

extension MountTests {
    @Suite("Attributes", .serialized)
    struct Attributes {
        @Test("chmod, chown and utimens are seen and recorded")
        func changes() throws {
            try withMount { (mount) throws in
                try put(mount["a"], "x")
                let log = try mount.log { () throws in
                    try check(chmod(mount["a"], 0o640))
                    try check(chown(mount["a"], 12, 34))
                    try setTimes(mount["a"], accessed: 1_000_000_001, modified: -5)
                }
                let now = status(mount["a"])!
                #expect(now.st_mode & 0o7777 == 0o640)
                #expect(now.st_uid == 12 && now.st_gid == 34)
                #expect(now.st_atim.tv_sec == 1 && now.st_atim.tv_nsec == 1)
                #expect(now.st_mtim.tv_sec == -1 && now.st_mtim.tv_nsec == 999_999_995)
                #expect(
                    log == [
                        "setAttributes i2 mode=640", "setAttributes i2 user=12 group=34",
                        "setAttributes i2 accessed=1000000001 modified=-5",
                    ])
            }
        }

        @Test("times move as POSIX wants them")
        func times() throws {
            try withMount { (mount) throws in
                try put(mount["a"], "x")
                try setTimes(mount["a"], accessed: 0, modified: 0)
                let before = Timestamp(nanoseconds: status(mount["a"])!.st_ctim.nanoseconds)
                try put(mount["a"], "y")
                let after = status(mount["a"])!
                #expect(after.st_mtim.nanoseconds > 0)
                #expect(after.st_atim.nanoseconds == 0)
                #expect(after.st_ctim.nanoseconds >= before.nanoseconds)
                try setTimes(mount.path, accessed: 0, modified: 0)
                try check(rename(mount["a"], mount["b"]))
                #expect(status(mount.path)!.st_mtim.nanoseconds > 0)
            }
        }

        @Test("a write, chown or truncation by another user clears the set-ID bits")
        func setIDs() throws {
            try withMount { (mount) throws in
                try withFile(mount["a"]) { file in
                    func set() throws { try check(fchmod(file, 0o6777)) }
                    func mode() -> UInt32 { status(file).st_mode & 0o7777 }
                    try set()
                    try writeAll(file, [1], at: 0)
                    #expect(mode() == 0o6777, "root may keep them")
                    try asUser(1000) {
                        let log = try mount.log { try writeAll(file, [2], at: 1) }
                        #expect(log == ["setAttributes i2 mode=777", "write i2 1+1 call"])
                        #expect(try read(file, 2) == [1, 2])
                    }
                    #expect(mode() == 0o777)
                    try set()
                    try asUser(1000) { try check(truncate(mount["a"], 1)) }
                    #expect(mode() == 0o777)
                    try set()
                    try asUser(1000) { try withFile(mount["a"], O_RDWR | O_TRUNC) { _ in } }
                    #expect(mode() == 0o777)
                    try set()
                    try check(fchown(file, 1, 1))
                    #expect(mode() == 0o777)
                    try check(fchmod(file, 0o2644))
                    try check(fchown(file, 2, 2))
                    #expect(mode() == 0o2644, "no group execution: no privilege")
                }
            }
        }

        @Test("permissions are the kernel's to check")
        func permissions() throws {
            try withMount { (mount) throws in
                try put(mount["a"], "x")
                try check(chmod(mount["a"], 0o600))
                try check(mkdir(mount["sticky"], 0o777))
                try check(chmod(mount["sticky"], 0o1777))
                try put(mount["sticky/root"], "x")
                asUser(1000) {
                    #expect(failure(open(mount["a"], O_RDONLY)) == .permissionDenied)
                    #expect(failure(chmod(mount["a"], 0o777)) == .notPermitted)
                    #expect(failure(unlink(mount["sticky/root"])) == .notPermitted)
                    #expect(failure(open(mount["mine"], O_CREAT | O_RDWR, 0o600)) == nil)
                }
                #expect(status(mount["mine"])!.st_uid == 1000)
            }
        }

        @Test("a set-group-ID directory hands its group down")
        func groups() throws {
            try withMount { (mount) throws in
                try check(mkdir(mount["d"], 0o755))
                try check(chown(mount["d"], 0, 77))
                try check(chmod(mount["d"], 0o2775))
                try put(mount["d/file"], "")
                try check(mkdir(mount["d/sub"], 0o755))
                #expect(status(mount["d/file"])!.st_gid == 77)
                #expect(status(mount["d/sub"])!.st_gid == 77)
                #expect(status(mount["d/sub"])!.st_mode & S_ISGID != 0)
            }
        }

        @Test("the umask counts")
        func masks() throws {
            try withMount { (mount) throws in
                let old = umask(0o077)
                defer { umask(old) }
                try put(mount["a"], "")
                try check(mkdir(mount["d"], 0o777))
                #expect(status(mount["a"])!.st_mode & 0o7777 == 0o600)
                #expect(status(mount["d"])!.st_mode & 0o7777 == 0o700)
            }
        }

        @Test("extended attributes: set, create, replace, get, list, remove")
        func extendedAttributes() throws {
            try withMount { (mount) throws in
                try put(mount["a"], "")
                let path = mount["a"]
                #expect(setAttribute(path, "user.x", "12345", flags: 2) == .noData)
                #expect(setAttribute(path, "user.x", "12345") == nil)
                #expect(setAttribute(path, "user.x", "1", flags: 1) == .fileExists)
                #expect(setAttribute(path, "trusted.t", "tt") == nil)
                #expect(setAttribute(path, "system.posix_acl_access", "x") != nil)
                #expect(setAttribute(path, "other.x", "x") == .notSupported)
                #expect(getAttribute(path, "user.x", size: 0) == .success(5))
                #expect(getAttribute(path, "user.x", size: 5) == .success(5))
                #expect(getAttribute(path, "user.x", size: 4) == .failure(.outOfRange))
                #expect(getAttribute(path, "user.y", size: 4) == .failure(.noData))
                #expect(listAttributes(path) == ["trusted.t", "user.x"])
                asUser(1000) { #expect(listAttributes(path) == ["user.x"]) }
                #expect(
                    setAttribute(path, "user.large", String(repeating: "v", count: 65536)) == nil)
                #expect(getAttribute(path, "user.large", size: 65536) == .success(65536))
                let log = try mount.log { () throws in
                    #expect(removeAttribute(path, "user.x") == nil)
                    #expect(removeAttribute(path, "user.x") == .noData)
                }
                #expect(log == ["xattr i2 user.x removed"])
            }
        }

        @Test("statfs tells constants")
        func fileSystem() throws {
            try withMount { (mount) throws in
                var statistics = statvfs()
                try check(statvfs(mount.path, &statistics))
                #expect(statistics.f_bsize == 4096 && statistics.f_namemax == 255)
                #expect(UInt64(statistics.f_bavail) * 4096 == 48 << 30)
                try put(mount["a"], "x")
                var later = statvfs()
                try check(statvfs(mount.path, &later))
                #expect(later.f_bavail == statistics.f_bavail)
            }
        }

        @Test("a removed directory that is held open has no links")
        func removedDirectory() throws {
            try withMount { (mount) throws in
                try check(mkdir(mount["d"], 0o755))
                try withFile(mount["d"], O_RDONLY) { directory in
                    try check(rmdir(mount["d"]))
                    #expect(status(directory).st_nlink == 0)
                    #expect(
                        failure(openat(directory, "x", O_CREAT | O_RDWR, 0o644))
                            == .noSuchFileOrDirectory)
                }
            }
        }
    }
}

extension timespec {
    var nanoseconds: Int64 { Int64(tv_sec) * 1_000_000_000 + Int64(tv_nsec) }

    init(nanoseconds: Int64) {
        let (seconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        self.init(
            tv_sec: Int(rest < 0 ? seconds - 1 : seconds),
            tv_nsec: Int(rest < 0 ? rest + 1_000_000_000 : rest))
    }
}

private func setTimes(_ path: String, accessed: Int64, modified: Int64) throws {
    let times = [timespec(nanoseconds: accessed), timespec(nanoseconds: modified)]
    try check(utimensat(AT_FDCWD, path, times, 0))
}

/// Runs `body` with the filesystem rights of another user; only this thread.
func asUser(_ user: Int, _ body: () throws -> Void) rethrows {
    _ = system(SYS_setfsuid, user)
    defer { _ = system(SYS_setfsuid, 0) }
    try body()
}

func setAttribute(_ path: String, _ name: String, _ value: String, flags: Int = 0) -> Errno? {
    failure(
        withCStrings(path, name, value) { path, name, bytes, _ in
            system(SYS_setxattr, path, name, bytes, value.utf8.count, flags)
        })
}

func removeAttribute(_ path: String, _ name: String) -> Errno? {
    failure(withCStrings(path, name) { path, name, _, _ in system(SYS_removexattr, path, name) })
}

private func getAttribute(_ path: String, _ name: String, size: Int) -> Result<Int, Errno> {
    var buffer = [UInt8](repeating: 0, count: max(size, 1))
    let count = withCStrings(path, name) { path, name, _, _ in
        buffer.withUnsafeMutableBytes {
            system(SYS_getxattr, path, name, pointer(UnsafeRawPointer($0.baseAddress!)), size)
        }
    }
    return count < 0 ? .failure(Errno(rawValue: errno)) : .success(count)
}

func listAttributes(_ path: String) -> [String] {
    var buffer = [UInt8](repeating: 0, count: 65536)
    let count = path.withCString { path in
        buffer.withUnsafeMutableBytes {
            system(
                SYS_llistxattr, pointer(path), pointer(UnsafeRawPointer($0.baseAddress!)), 65536)
        }
    }
    return buffer[..<max(0, count)].split(separator: 0)
        .map { String(decoding: $0, as: UTF8.self) }.sorted()
}
