import CTestSupport
import FileTree
import FuseMount
import Glibc
import Testing

import struct SystemPackage.Errno

func renameFailure(_ from: String, _ to: String, flags: Int = 0) -> Errno? {
    failure(
        withCStrings(from, to) { from, to, _, _ in
            system(SYS_renameat2, Int(AT_FDCWD), from, Int(AT_FDCWD), to, flags)
        })
}

extension MountTests {
    @Suite("Names", .serialized)
    struct Names {
        @Test("rename over a file keeps the replaced one for who holds it open")
        func renameOver() throws {
            try withMount { (mount) throws in
                try put(mount["old"], "old")
                try put(mount["new"], "new")
                try withFile(mount["old"], O_RDWR) { held in
                    let log = try mount.log { try check(rename(mount["new"], mount["old"])) }
                    #expect(log == ["rename i1/new i1/old replace"])
                    #expect(try text(mount["old"]) == "new")
                    #expect(try read(held, 10) == Array("old".utf8))
                    try writeAll(held, Array("OLD".utf8), at: 0)
                    try check(fsync(held))
                    #expect(try read(held, 10) == Array("OLD".utf8))
                    #expect(status(held).st_nlink == 0)
                }
                #expect(try names(mount.path) == ["old"])
            }
        }

        @Test("an unlinked open file lives until its last close, then leaves the tree")
        func unlinkOpen() throws {
            try withMount { (mount) throws in
                try withFile(mount["a"]) { file in
                    try append(file, "data")
                    try check(unlink(mount["a"]))
                    #expect(status(mount["a"]) == nil)
                    try append(file, "more")
                    #expect(try read(file, 100) == Array("datamore".utf8))
                    #expect(mount.server.tree[InodeNumber(2)] != nil)
                }
                // The kernel's last word on an inode comes when it likes: dropping caches makes it speak.
                try waitUntil { mount.server.tree[InodeNumber(2)] == nil }
            }
        }

        @Test("NOREPLACE and EXCHANGE; WHITEOUT is refused")
        func renameFlags() throws {
            try withMount { (mount) throws in
                try put(mount["a"], "a")
                try check(mkdir(mount["d"], 0o755))
                try put(mount["d/in"], "in")
                #expect(renameFailure(mount["a"], mount["d"], flags: 1) == .fileExists)
                #expect(renameFailure(mount["a"], mount["b"], flags: 1) == nil)
                #expect(
                    renameFailure(mount["b"], mount["none"], flags: 2) == .noSuchFileOrDirectory)
                #expect(renameFailure(mount["b"], mount["d"], flags: 2) == nil)
                #expect(try text(mount["d"]) == "a")
                #expect(try text(mount["b/in"]) == "in")
                #expect(renameFailure(mount["d"], mount["c"], flags: 4) == .invalidArgument)
                #expect(
                    mount.log.suffix(2) == [
                        "rename i1/a i1/b noReplace", "rename i1/b i1/d exchange",
                    ])
            }
        }

        @Test("directories move with what is in them, and link counts follow")
        func renameDirectory() throws {
            try withMount { (mount) throws in
                for name in ["a", "b", "a/sub"] { try check(mkdir(mount[name], 0o755)) }
                try put(mount["a/sub/file"], "x")
                #expect(status(mount["a"])!.st_nlink == 3)
                try check(rename(mount["a/sub"], mount["b/moved"]))
                #expect(status(mount["a"])!.st_nlink == 2)
                #expect(status(mount["b"])!.st_nlink == 3)
                #expect(try text(mount["b/moved/file"]) == "x")
                #expect(renameFailure(mount["b"], mount["b/moved/in"]) == .invalidArgument)
                #expect(renameFailure(mount["a"], mount["b"]) == .directoryNotEmpty)
                #expect(renameFailure(mount["a"], mount["b/moved/file"]) == .notDirectory)
                #expect(renameFailure(mount["b/moved/file"], mount["a"]) == .isDirectory)
            }
        }

        @Test("hard links share an inode")
        func hardLinks() throws {
            try withMount { (mount) throws in
                try put(mount["a"], "1")
                try check(link(mount["a"], mount["b"]))
                #expect(status(mount["a"])!.st_ino == status(mount["b"])!.st_ino)
                #expect(status(mount["a"])!.st_nlink == 2)
                try put(mount["b"], "22")
                #expect(try text(mount["a"]) == "22")
                try check(unlink(mount["a"]))
                #expect(status(mount["b"])!.st_nlink == 1)
                #expect(failure(link(mount["b"], mount["b"])) == .fileExists)
                #expect(renameFailure(mount["b"], mount["b"]) == nil)
            }
        }

        @Test("symbolic links, also in a ring and dangling")
        func symbolicLinks() throws {
            try withMount { (mount) throws in
                try put(mount["a"], "1")
                try check(symlink("a", mount["s"]))
                try check(symlink("ring", mount["ring"]))
                try check(symlink("nowhere", mount["dangling"]))
                #expect(try text(mount["s"]) == "1")
                var buffer = [CChar](repeating: 0, count: 100)
                #expect(try check(readlink(mount["s"], &buffer, 100)) == 1)
                #expect(status(mount["s"])!.st_size == 1)
                #expect(failure(open(mount["ring"], O_RDONLY)) == .tooManySymbolicLinkLevels)
                #expect(failure(open(mount["dangling"], O_RDONLY)) == .noSuchFileOrDirectory)
            }
        }

        @Test("O_TMPFILE makes a file without a name, linkat gives it one")
        func unnamedFile() throws {
            try withMount { (mount) throws in
                let log = try mount.log { () throws in
                    try withFile(mount.path, O_RDWR | test_o_tmpfile, mode: 0o600) { file in
                        try append(file, "secret")
                        #expect(status(file).st_nlink == 0)
                        #expect(try names(mount.path).isEmpty)
                        try check(
                            linkat(
                                AT_FDCWD, "/proc/self/fd/\(file)", AT_FDCWD, mount["named"],
                                AT_SYMLINK_FOLLOW))
                        #expect(status(file).st_nlink == 1)
                    }
                }
                #expect(log == ["createUnnamed i2", "write i2 0+6 call", "link i2 i1/named"])
                #expect(try text(mount["named"]) == "secret")
                #expect(status(mount["named"])!.st_mode & 0o777 == 0o600)
            }
        }

        @Test("the errors of names")
        func errors() throws {
            try withMount { (mount) throws in
                try check(mkdir(mount["d"], 0o755))
                try put(mount["d/f"], "x")
                let long = String(repeating: "n", count: 256)
                #expect(failure(open(mount[long], O_CREAT | O_RDWR, 0o644)) == .fileNameTooLong)
                #expect(failure(mkdir(mount[long], 0o755)) == .fileNameTooLong)
                #expect(renameFailure(mount["d/f"], mount[long]) == .fileNameTooLong)
                try put(mount[String(long.dropLast())], "x")
                #expect(failure(rmdir(mount["d"])) == .directoryNotEmpty)
                #expect(failure(rmdir(mount["d/f"])) == .notDirectory)
                #expect(failure(unlink(mount["d"])) == .isDirectory)
                #expect(failure(open(mount["d"], O_RDWR)) == .isDirectory)
                #expect(failure(open(mount["d/f/x"], O_RDONLY)) == .notDirectory)
                #expect(failure(mkdir(mount["d"], 0o755)) == .fileExists)
                #expect(
                    failure(open(mount["d/f"], O_CREAT | O_EXCL | O_RDWR, 0o644)) == .fileExists)
            }
        }

        @Test("a directory of 5,000 names lists all of them, also while they are being removed")
        func listsWhileRemoving() throws {
            try withMount { (mount) throws in
                let all = (0..<5000).map { "file-\($0)" }
                for name in all { try withFile(mount[name]) { _ in } }
                #expect(try names(mount.path) == all.sorted())
                let directory = try #require(opendir(mount.path))
                defer { closedir(directory) }
                var seen: Set<String> = []
                while let entry = readdir(directory) {
                    let name = nameOf(entry)
                    guard name.hasPrefix("file") else { continue }
                    #expect(seen.insert(name).inserted, "listed once")
                    try check(unlink(mount[name]))
                }
                #expect(seen.count == 5000)
                #expect(try names(mount.path) == [])
                try put(mount["later"], "")
                rewinddir(directory)
                var listed: [String] = []
                while let entry = readdir(directory) { listed.append(nameOf(entry)) }
                #expect(listed.sorted() == [".", "..", "later"])
            }
        }

        @Test("fifos, sockets and devices")
        func specialFiles() throws {
            try withMount { (mount) throws in
                try check(mkfifo(mount["fifo"], 0o600))
                #expect(status(mount["fifo"])!.st_mode & S_IFMT == S_IFIFO)
                try check(mknod(mount["null"], S_IFCHR | 0o666, 0x103))
                #expect(status(mount["null"])!.st_rdev == 0x103)
                let server = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
                let client = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
                defer {
                    close(server)
                    close(client)
                }
                var address = socketAddress(mount["socket"])
                let size = socklen_t(MemoryLayout<sockaddr_un>.size)
                try withUnsafePointer(to: &address) { pointer in
                    try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        try check(bind(server, $0, size))
                        try check(listen(server, 1))
                        try check(connect(client, $0, size))
                    }
                }
                #expect(
                    mount.log.map { $0.split(separator: " ").last! } == [
                        "fifo", "characterDevice", "socket",
                    ])
            }
        }
    }
}

private func socketAddress(_ path: String) -> sockaddr_un {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    return address
}

func nameOf(_ entry: UnsafeMutablePointer<dirent>) -> String {
    withUnsafeBytes(of: &entry.pointee.d_name) {
        String(cString: $0.bindMemory(to: CChar.self).baseAddress!)
    }
}

/// Gives the kernel up to ten seconds for what it does in its own time.
func waitUntil(_ condition: () -> Bool) throws {
    for _ in 0..<10_000 {
        if condition() { return }
        usleep(1000)
    }
    Issue.record("it did not come about within ten seconds")
}
