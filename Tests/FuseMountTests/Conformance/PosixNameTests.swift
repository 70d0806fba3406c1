import CTestSupport
import FileTree
import FuseMount
import Glibc
import TestSupport
import Testing

import struct SystemPackage.Errno

extension MountTests {
    @Suite("POSIX: names", .serialized)
    struct PosixNames {
        @Test("RENAME_NOREPLACE and RENAME_EXCHANGE", arguments: Place.allCases)
        func renameFlags(place: Place) throws {
            try place.run { (at) throws in
                try put(at["a"], "a")
                try put(at["b"], "b")
                for name in ["d", "d/sub", "e"] { try check(mkdir(at[name], 0o755)) }
                #expect(renameFailure(at["a"], at["b"], flags: 1) == .fileExists)
                #expect(renameFailure(at["a"], at["a"], flags: 1) == .fileExists)
                #expect(renameFailure(at["a"], at["d"], flags: 1) == .fileExists)
                #expect(renameFailure(at["none"], at["x"], flags: 1) == .noSuchFileOrDirectory)
                #expect(renameFailure(at["a"], at["b"], flags: 3) == .invalidArgument)
                #expect(renameFailure(at["a"], at["b"], flags: 8) == .invalidArgument)

                #expect(renameFailure(at["a"], at["b"], flags: 2) == nil)
                #expect(try [text(at["a"]), text(at["b"])] == ["b", "a"])
                #expect(renameFailure(at["a"], at["a"], flags: 2) == nil)
                #expect(renameFailure(at["a"], at["none"], flags: 2) == .noSuchFileOrDirectory)
                #expect(renameFailure(at["d"], at["d/sub"], flags: 2) == .invalidArgument)
                #expect(renameFailure(at["d/sub"], at["d"], flags: 2) == .invalidArgument)

                // A full directory against a file of another directory: link counts follow.
                #expect(renameFailure(at["d/sub"], at["a"], flags: 2) == nil)
                #expect(status(at["d"])!.st_nlink == 2)
                #expect(status(at["a"])!.st_mode & S_IFMT == S_IFDIR)
                #expect(renameFailure(at["d"], at["e"], flags: 2) == nil)
                #expect(try text(at["e/sub"]) == "b")
            }
        }

        @Test("RENAME_WHITEOUT is refused: no whiteouts in a recording")
        func whiteout() throws {
            try Place.mount.run { (at) throws in
                try put(at["a"], "a")
                #expect(renameFailure(at["a"], at["b"], flags: 4) == .invalidArgument)
                #expect(renameFailure(at["a"], at["b"], flags: 5) == .invalidArgument)
                #expect(try names(at.path) == ["a"])
            }
        }

        @Test("rename refuses what would break the tree", arguments: Place.allCases)
        func renameErrors(place: Place) throws {
            try place.run { (at) throws in
                for name in ["d", "d/sub", "full"] { try check(mkdir(at[name], 0o755)) }
                for name in ["f", "full/in"] { try put(at[name], name) }
                #expect(renameFailure(at["d"], at["d/sub/x"]) == .invalidArgument)
                #expect(renameFailure(at["d"], at["d/sub"]) == .invalidArgument)
                #expect(renameFailure(at["d/sub"], at["d"]) == .directoryNotEmpty)
                #expect(renameFailure(at["d"], at["full"]) == .directoryNotEmpty)
                #expect(renameFailure(at["d"], at["f"]) == .notDirectory)
                #expect(renameFailure(at["f"], at["d"]) == .isDirectory)
                #expect(renameFailure(at["f"], at["none/x"]) == .noSuchFileOrDirectory)
                #expect(renameFailure(at["f"], at["full/in/x"]) == .notDirectory)
                #expect(renameFailure(at["f"], at["x/"]) == .notDirectory)
                #expect(renameFailure(at["d"], at["x/"]) == nil)
                #expect(renameFailure(at["x"], at["x"]) == nil)
                try check(link(at["f"], at["g"]))
                #expect(renameFailure(at["f"], at["g"]) == nil, "two names of one file")
                #expect(status(at["f"])!.st_nlink == 2)
            }
        }

        @Test("EXDEV: neither link nor rename leads out of a filesystem")
        func acrossMounts() throws {
            try Place.mount.run { (inside) throws in
                try Place.machine.run { (outside) throws in
                    for (from, to) in [(inside, outside), (outside, inside)] {
                        try put(from["a"], "a")
                        #expect(failure(link(from["a"], to["b"])) == .improperLink)
                        for flags in 0...2 {
                            if flags == 2 { try put(to["b"], "b") }
                            #expect(
                                renameFailure(from["a"], to["b"], flags: flags) == .improperLink)
                        }
                        for name in [from["a"], to["b"]] { try check(unlink(name)) }
                    }
                }
            }
        }

        @Test(
            "names of 255 bytes are good, of 256 not; paths end at 4095", arguments: Place.allCases)
        func lengths(place: Place) throws {
            try place.run { (at) throws in
                let good = String(repeating: "n", count: 255)
                let long = good + "n"
                try put(at[good], "x")
                #expect(try names(at.path) == [good])
                #expect(status(at[good]) != nil)
                try put(at["a"], "a")
                try check(mkdir(at["d"], 0o755))
                let flags = O_CREAT | O_RDWR
                #expect(failure(open(at[long], flags, 0o644)) == .fileNameTooLong)
                #expect(failure(mkdir(at[long], 0o755)) == .fileNameTooLong)
                #expect(failure(symlink("a", at[long])) == .fileNameTooLong)
                #expect(failure(mkfifo(at[long], 0o644)) == .fileNameTooLong)
                #expect(failure(link(at["a"], at[long])) == .fileNameTooLong)
                #expect(renameFailure(at["a"], at[long]) == .fileNameTooLong)
                #expect(renameFailure(at[long], at["a"]) == .fileNameTooLong)
                #expect(failure(unlink(at[long])) == .fileNameTooLong)
                #expect(failure(rmdir(at[long])) == .fileNameTooLong)
                #expect(failure(truncate(at[long], 0)) == .fileNameTooLong)
                #expect(failure(access(at[long], F_OK)) == .fileNameTooLong)
                let deep = at["d"] + String(repeating: "/.", count: 2048) + "/x"
                #expect(failure(open(deep, flags, 0o644)) == .fileNameTooLong)
                let just = at["d"] + String(repeating: "/", count: 4000) + "x"
                #expect(failure(open(just, flags, 0o644)) == nil)
                #expect(try names(at["d"]) == ["x"])
            }
        }

        @Test("names are bytes", arguments: Place.allCases)
        func bytes(place: Place) throws {
            try place.run { (at) throws in
                let folder = open(at.path, O_RDONLY)
                defer { close(folder) }
                for byte in UInt8(1)...255 where byte != UInt8(ascii: "/") {
                    let name = [CChar(bitPattern: byte), 0x7a, 0]
                    let file = try check(openat(folder, name, O_CREAT | O_EXCL | O_RDWR, 0o600))
                    close(CInt(file))
                    #expect(failure(unlinkat(folder, name, 0)) == nil)
                }
            }
        }

        @Test(
            "forty symbolic links are followed, a ring and more are ELOOP",
            arguments: Place.allCases)
        func symbolicLinks(place: Place) throws {
            try place.run { (at) throws in
                try put(at["0"], "end")
                for number in 1...41 { try check(symlink("\(number - 1)", at["\(number)"])) }
                #expect(try text(at["40"]) == "end")
                #expect(failure(open(at["41"], O_RDONLY)) == .tooManySymbolicLinkLevels)
                try check(symlink("two", at["one"]))
                try check(symlink("one", at["two"]))
                #expect(failure(open(at["one"], O_RDONLY)) == .tooManySymbolicLinkLevels)
                #expect(failure(mkdir(at["one/x"], 0o755)) == .tooManySymbolicLinkLevels)
                #expect(failure(unlink(at["one/x"])) == .tooManySymbolicLinkLevels)
                #expect(failure(open(at["1"], O_RDONLY | O_NOFOLLOW)) == .tooManySymbolicLinkLevels)
                let exclusive = O_CREAT | O_EXCL | O_RDWR
                #expect(failure(open(at["one"], exclusive, 0o644)) == .fileExists)
                try check(symlink("made", at["dangling"]))
                #expect(failure(open(at["dangling"], exclusive, 0o644)) == .fileExists)
                try put(at["dangling"], "through")
                #expect(try text(at["made"]) == "through")
                #expect(status(at["dangling"])!.st_mode & S_IFMT == S_IFLNK)
                #expect(failure(symlink("", at["empty"])) == .noSuchFileOrDirectory)
                let target = String(repeating: "t", count: 4095)
                #expect(failure(symlink(target, at["long"])) == nil)
                #expect(status(at["long"])!.st_size == 4095)
                #expect(failure(symlink(target + "t", at["longer"])) == .fileNameTooLong)
            }
        }

        @Test("hard links: counts, kinds, refusals", arguments: Place.allCases)
        func hardLinks(place: Place) throws {
            try place.run { (at) throws in
                try put(at["a"], "a")
                try check(symlink("a", at["s"]))
                try check(mkfifo(at["p"], 0o644))
                try check(mkdir(at["d"], 0o755))
                for name in ["a", "s", "p"] {
                    for number in 2...20 {
                        try check(linkat(AT_FDCWD, at[name], AT_FDCWD, at["\(name)\(number)"], 0))
                        #expect(Int(status(at[name])!.st_nlink) == number)
                    }
                    #expect(status(at["\(name)7"])!.st_ino == status(at[name])!.st_ino)
                    #expect(status(at["\(name)7"])!.st_mode == status(at[name])!.st_mode)
                    for number in 2...20 { try check(unlink(at["\(name)\(number)"])) }
                    #expect(status(at[name])!.st_nlink == 1)
                }
                #expect(failure(link(at["d"], at["e"])) == .notPermitted)
                #expect(failure(link(at["a"], at["d"])) == .fileExists)
                #expect(failure(link(at["none"], at["e"])) == .noSuchFileOrDirectory)
                try withFile(at["a"], O_RDONLY) { file in
                    try check(link(at["a"], at["b"]))
                    try check(rename(at["b"], at["c"]))
                    #expect(status(file).st_nlink == 2)
                    try check(rename(at["p"], at["c"]))
                    #expect(status(file).st_nlink == 1)
                    try check(unlink(at["a"]))
                    #expect(status(file).st_nlink == 0)
                    let own = "/proc/self/fd/\(file)"
                    #expect(
                        failure(linkat(AT_FDCWD, own, AT_FDCWD, at["again"], AT_SYMLINK_FOLLOW))
                            == .noSuchFileOrDirectory, "what has lost its last name gets none")
                }
            }
        }

        @Test("a removed directory that is held open is empty for good", arguments: Place.allCases)
        func removedDirectory(place: Place) throws {
            try place.run { (at) throws in
                try check(mkdir(at["d"], 0o755))
                try put(at["f"], "f")
                try withFile(at["d"], O_RDONLY) { directory in
                    try check(rmdir(at["d"]))
                    #expect(status(directory).st_nlink == 0)
                    let gone = Errno.noSuchFileOrDirectory
                    let flags = O_CREAT | O_RDWR
                    #expect(failure(openat(directory, "x", flags, 0o644)) == gone)
                    #expect(failure(mkdirat(directory, "x", 0o755)) == gone)
                    #expect(failure(symlinkat("a", directory, "x")) == gone)
                    #expect(failure(linkat(AT_FDCWD, at["f"], directory, "x", 0)) == gone)
                    #expect(failure(renameat(AT_FDCWD, at["f"], directory, "x")) == gone)
                    var listed: [String] = []
                    let stream = try #require(fdopendir(dup(directory)))
                    defer { closedir(stream) }
                    while let entry = readdir(stream) { listed.append(nameOf(entry)) }
                    #expect(Set(listed).isSubset(of: [".", ".."]))
                    #expect(failure(fsync(directory)) == nil)
                    #expect(failure(fchmod(directory, 0o700)) == nil)
                    try check(mkdir(at["d"], 0o755))
                    #expect(status(at["d"])!.st_ino != status(directory).st_ino)
                }
            }
        }

        @Test("rmdir and unlink know dots, slashes and kinds", arguments: Place.allCases)
        func removing(place: Place) throws {
            try place.run { (at) throws in
                for name in ["d", "d/e"] { try check(mkdir(at[name], 0o755)) }
                try put(at["f"], "f")
                try check(symlink("d", at["s"]))
                #expect(failure(rmdir(at["d/e/."])) == .invalidArgument)
                #expect(failure(rmdir(at["d/e/.."])) == .directoryNotEmpty)
                #expect(failure(rmdir(at["d"])) == .directoryNotEmpty)
                #expect(failure(rmdir(at["f"])) == .notDirectory)
                #expect(failure(rmdir(at["s"])) == .notDirectory)
                #expect(failure(unlink(at["d"])) == .isDirectory)
                #expect(failure(unlink(at["f/"])) == .notDirectory)
                #expect(failure(open(at["f/"], O_RDONLY)) == .notDirectory)
                #expect(failure(open(at["f"], O_RDONLY | O_DIRECTORY)) == .notDirectory)
                #expect(failure(mkdir(at["f"], 0o755)) == .fileExists)
                #expect(failure(mkdir(at["g/"], 0o755)) == nil)
                #expect(failure(rmdir(at["d/e/"])) == nil)
                #expect(failure(unlink(at["s"])) == nil)
                #expect(failure(rmdir(at["d"])) == nil)
                #expect(try names(at.path) == ["f", "g"])
            }
        }
    }
}
