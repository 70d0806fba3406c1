import CTestSupport
import FileTree
import FuseMount
import Glibc
import TestSupport
import Testing

import struct SystemPackage.Errno

extension MountTests {
    @Suite("POSIX: files", .serialized)
    struct PosixFiles {
        @Test("SEEK_DATA and SEEK_HOLE find what was written", arguments: Place.allCases)
        func seeks(place: Place) throws {
            try place.run { (at) throws in
                try withFile(at["f"]) { file in
                    #expect(failure(lseek(file, 0, 3)) == .noSuchAddressOrDevice)
                    #expect(failure(lseek(file, 0, 4)) == .noSuchAddressOrDevice)
                    let block = [UInt8](repeating: 1, count: 4096)
                    for number in [1, 2, 5] { try writeAll(file, block, at: 65536 * number) }
                    try check(ftruncate(file, 65536 * 8))
                    try check(fsync(file))
                    #expect(lseek(file, 0, 3) == 65536)
                    #expect(lseek(file, 65540, 3) == 65540)
                    #expect(lseek(file, 65536 * 3, 3) == 65536 * 5)
                    #expect(failure(lseek(file, 65536 * 6, 3)) == .noSuchAddressOrDevice)
                    #expect(lseek(file, 0, 4) == 0)
                    #expect(lseek(file, 65536, 4) == 65536 + 4096)
                    #expect(lseek(file, 65536 * 7, 4) == 65536 * 7)
                    #expect(failure(lseek(file, 65536 * 8, 4)) == .noSuchAddressOrDevice)
                    #expect(failure(lseek(file, -1, 3)) == .noSuchAddressOrDevice)
                    #expect(allocate(file, 3, 65536, 65536) == nil)
                    #expect(lseek(file, 0, 3) == 65536 * 2)
                }
            }
        }

        @Test("O_TMPFILE: no name, no links, a name once or never", arguments: Place.allCases)
        func unnamed(place: Place) throws {
            try place.run { (at) throws in
                func give(_ file: CInt, _ name: String) -> Errno? {
                    failure(
                        linkat(
                            AT_FDCWD, "/proc/self/fd/\(file)", AT_FDCWD, at[name],
                            AT_SYMLINK_FOLLOW))
                }
                try put(at["taken"], "x")
                try withFile(at.path, O_RDWR | test_o_tmpfile, mode: 0o640) { file in
                    #expect(status(file).st_nlink == 0)
                    #expect(status(file).st_mode == S_IFREG | 0o640)
                    try append(file, "bytes")
                    #expect(give(file, "taken") == .fileExists)
                    #expect(give(file, "named") == nil)
                    #expect(status(file).st_nlink == 1)
                    #expect(give(file, "again") == nil)
                    #expect(status(at["named"])!.st_nlink == 2)
                }
                #expect(try text(at["again"]) == "bytes")
                try withFile(at.path, O_RDWR | test_o_tmpfile | O_EXCL, mode: 0o600) { file in
                    #expect(give(file, "never") == .noSuchFileOrDirectory)
                }
                #expect(
                    failure(open(at.path, O_RDONLY | test_o_tmpfile, 0o600)) == .invalidArgument)
                #expect(
                    failure(open(at["taken"], O_RDWR | test_o_tmpfile, 0o600)) == .notDirectory)
                #expect(try names(at.path) == ["again", "named", "taken"])
            }
        }

        @Test("writes through io_uring arrive whole and in order", arguments: Place.allCases)
        func rings(place: Place) throws {
            try place.run { (at) throws in
                for (name, flags) in [("plain", 0), ("dsync", test_rwf_dsync)] {
                    try withFile(at[name]) { file in
                        let answer = test_ring_writes(file, 20, 5000, flags)
                        if [-ENOSYS, -EPERM, -EOPNOTSUPP].contains(answer) { return }
                        #expect(answer == 0)
                        let bytes = try contents(at[name])
                        #expect(bytes.count == 100_000)
                        #expect(bytes.indices.allSatisfy { Int(bytes[$0]) == $0 / 5000 })
                    }
                }
                guard let log = at.mount?.log, !log.isEmpty else { return }
                #expect(log.last?.hasPrefix("fsync") == true)
                #expect(log.count { $0.hasPrefix("dsync") } == 20)
            }
        }

        @Test("unix sockets and fifos carry bytes", arguments: Place.allCases)
        func channels(place: Place) throws {
            try place.run { (at) throws in
                try check(mkfifo(at["p"], 0o600))
                let nonblocking = O_WRONLY | O_NONBLOCK
                #expect(failure(open(at["p"], nonblocking)) == .noSuchAddressOrDevice)
                try withFile(at["p"], O_RDONLY | O_NONBLOCK) { reader in
                    try withFile(at["p"], nonblocking) { try append($0, "through") }
                    var bytes = [UInt8](repeating: 0, count: 20)
                    #expect(Glibc.read(reader, &bytes, 20) == 7)
                    #expect(failure(lseek(reader, 0, SEEK_SET)) == .illegalSeek)
                    #expect(failure(ftruncate(reader, 0)) == .invalidArgument)
                }
                #expect(status(at["p"])!.st_size == 0)

                #expect(try connectFailure(at["s"]) == .noSuchFileOrDirectory)
                let server = try bound(at["s"])
                #expect(status(at["s"])!.st_mode & S_IFMT == S_IFSOCK)
                #expect(try connectFailure(at["s"]) == .connectionRefused, "nobody listens")
                #expect(throws: Errno.addressInUse) { close(try bound(at["s"])) }
                try check(listen(server, 4))
                #expect(try connectFailure(at["s"]) == nil)
                try check(rename(at["s"], at["t"]))
                #expect(try connectFailure(at["t"]) == nil)
                close(server)
                #expect(try connectFailure(at["t"]) == .connectionRefused)
                #expect(failure(open(at["t"], O_RDWR)) == .noSuchAddressOrDevice)
            }
        }

        @Test("the errors of reading, writing and truncating", arguments: Place.allCases)
        func errors(place: Place) throws {
            try place.run { (at) throws in
                try check(mkdir(at["d"], 0o755))
                try put(at["f"], "0123")
                var bytes = [UInt8](repeating: 0, count: 8)
                try withFile(at["f"], O_RDONLY) { file in
                    #expect(failure(pwrite(file, bytes, 1, 0)) == .badFileDescriptor)
                    #expect(failure(ftruncate(file, 0)) == .invalidArgument)
                    #expect(pread(file, &bytes, 8, 4) == 0)
                    #expect(pread(file, &bytes, 8, 1 << 40) == 0)
                    #expect(failure(pread(file, &bytes, 8, -1)) == .invalidArgument)
                    #expect(allocate(file, 0, 0, 1) == .badFileDescriptor)
                }
                try withFile(at["f"], O_WRONLY) { file in
                    #expect(failure(pread(file, &bytes, 8, 0)) == .badFileDescriptor)
                    #expect(failure(ftruncate(file, -1)) == .invalidArgument)
                    #expect(allocate(file, 0, -1, 1) == .invalidArgument)
                    #expect(allocate(file, 0, 0, 0) == .invalidArgument)
                    #expect(
                        allocate(file, 2, 0, 1) == .notSupported, "a hole that changes the size")
                    #expect(allocate(file, 0, .max - 4, 8) == .fileTooLarge)
                }
                #expect(failure(truncate(at["f"], -1)) == .invalidArgument)
                #expect(failure(truncate(at["d"], 0)) == .isDirectory)
                #expect(failure(open(at["d"], O_WRONLY)) == .isDirectory)
                #expect(failure(open(at["d"], O_RDWR | O_CREAT, 0o644)) == .isDirectory)
                try withFile(at["d"], O_RDONLY) {
                    #expect(failure(Glibc.read($0, &bytes, 1)) == .isDirectory)
                }
                #expect(try text(at["f"]) == "0123")
            }
        }

        @Test(
            "O_APPEND ignores positions; a private mapping stays private", arguments: Place.allCases
        )
        func details(place: Place) throws {
            try place.run { (at) throws in
                try withFile(at["f"], O_RDWR | O_CREAT | O_APPEND) { file in
                    try append(file, "one")
                    // Linux, against POSIX: pwrite appends too.
                    #expect(pwrite(file, "two", 3, 0) == 3)
                    lseek(file, 0, SEEK_SET)
                    try append(file, "three")
                    #expect(lseek(file, 0, SEEK_CUR) == 11)
                }
                #expect(try text(at["f"]) == "onetwothree")
                try withFile(at["f"], O_RDONLY) { file in
                    let both = PROT_READ | PROT_WRITE
                    #expect(test_mapped(file, 4096, both, MAP_PRIVATE, 0, 0x58, 0) == 0x58)
                    #expect(test_mapped(file, 4096, both, MAP_PRIVATE, 11, -1, 0) == 0)
                    #expect(test_mapped(file, 4096, both, MAP_SHARED, 0, 0x58, 0) == -EACCES)
                }
                #expect(try text(at["f"]) == "onetwothree")
            }
        }

        @Test("statfs: 255 bytes of name, space left", arguments: Place.allCases)
        func fileSystem(place: Place) throws {
            try place.run { (at) throws in
                try put(at["f"], "f")
                try withFile(at["f"], O_RDONLY) { file in
                    var byPath = statvfs()
                    var byFile = statvfs()
                    try check(statvfs(at["f"], &byPath))
                    try check(fstatvfs(file, &byFile))
                    for now in [byPath, byFile] {
                        #expect(now.f_namemax == 255)
                        #expect(now.f_bsize >= 512 && now.f_frsize >= 512)
                        #expect(now.f_blocks >= now.f_bfree && now.f_bfree >= now.f_bavail)
                        #expect(now.f_bavail > 0)
                        #expect(now.f_files >= now.f_ffree)
                    }
                }
            }
        }

        @Test("extended attributes belong to files and directories", arguments: Place.allCases)
        func attributes(place: Place) throws {
            try place.run { (at) throws in
                try put(at["f"], "f")
                try check(mkdir(at["d"], 0o755))
                try check(symlink("f", at["s"]))
                for name in ["f", "d"] {
                    #expect(setAttribute(at[name], "user.x", "x") == nil)
                    #expect(listAttributes(at[name]).contains("user.x"))
                }
                try check(rename(at["f"], at["g"]))
                try check(link(at["g"], at["h"]))
                #expect(listAttributes(at["h"]).contains("user.x"))
                let long = "user." + String(repeating: "n", count: 251)
                #expect(setAttribute(at["g"], long, "x") == .outOfRange)
                let longest = String(long.dropLast())
                let answer = setAttribute(at["g"], longest, "x")
                #expect(answer == nil)
                #expect(removeAttribute(at["g"], longest) == nil)
            }
        }
    }
}

private func withAddress<T>(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> T) -> T
{
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    return withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
    }
}

private func bound(_ path: String) throws -> CInt {
    let server = CInt(try check(socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)))
    if let error = failure(withAddress(path) { bind(server, $0, $1) }) {
        close(server)
        throw error
    }
    return server
}

private func connectFailure(_ path: String) throws -> Errno? {
    let client = CInt(try check(socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)))
    defer { close(client) }
    return failure(withAddress(path) { connect(client, $0, $1) })
}
