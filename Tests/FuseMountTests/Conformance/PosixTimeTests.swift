import CTestSupport
import FileTree
import FuseMount
import Glibc
import TestSupport
import Testing

import struct SystemPackage.Errno

extension MountTests {
    @Suite("POSIX: times", .serialized)
    struct PosixTimes {
        /// One call, and whose times it moves: `m` and `c` of the file `f` (or what the call says), of its directory `d`.
        struct Rule: Sendable, CustomTestStringConvertible {
            let name: String
            /// `f:mc d:mc`
            let moves: String
            let call: @Sendable (_ directory: String) throws -> Void

            var testDescription: String { name }
        }

        static let rules: [Rule] = [
            Rule(name: "write", moves: "f:mc d:") {
                try onFile($0) { try writeAll($0, [1], at: 0) }
            },
            Rule(name: "write beyond the end", moves: "f:mc d:") {
                try onFile($0) { try writeAll($0, [1], at: 9999) }
            },
            Rule(name: "write of nothing", moves: "f: d:") {
                try onFile($0) { try check(pwrite($0, [0], 0, 0)) }
            },
            Rule(name: "read", moves: "f: d:") { try onFile($0) { _ = try read($0, 4) } },
            Rule(name: "ftruncate down", moves: "f:mc d:") {
                try onFile($0) { try check(ftruncate($0, 2)) }
            },
            Rule(name: "ftruncate up", moves: "f:mc d:") {
                try onFile($0) { try check(ftruncate($0, 5000)) }
            },
            Rule(name: "ftruncate to the same size", moves: "f:mc d:") {
                try onFile($0) { try check(ftruncate($0, 8)) }
            },
            Rule(name: "truncate", moves: "f:mc d:") { try check(truncate($0 + "/f", 3)) },
            Rule(name: "open O_TRUNC", moves: "f:mc d:") {
                try withFile($0 + "/f", O_RDWR | O_TRUNC) { _ in }
            },
            Rule(name: "open O_CREAT of what is there", moves: "f: d:") { try onFile($0) { _ in } },
            Rule(name: "fallocate", moves: "f:mc d:") {
                try onFile($0) { #expect(allocate($0, 0, 0, 20000) == nil) }
            },
            Rule(name: "punch hole", moves: "f:mc d:") {
                try onFile($0) { #expect(allocate($0, 3, 0, 4) == nil) }
            },
            Rule(name: "copy_file_range", moves: "f:mc d:") {
                try onFile($0) { file in
                    var (from, to) = (Int64(0), Int64(100))
                    let count = withUnsafeMutablePointer(to: &from) { from in
                        withUnsafeMutablePointer(to: &to) { to in
                            system(
                                SYS_copy_file_range, Int(file), pointer(from), Int(file),
                                pointer(to), 8)
                        }
                    }
                    try check(count)
                }
            },
            Rule(name: "msync", moves: "f:mc d:") {
                try onFile($0) { file in
                    let both = PROT_READ | PROT_WRITE
                    #expect(test_mapped(file, 8, both, MAP_SHARED, 0, 7, 1) == 7)
                }
            },
            Rule(name: "fsync", moves: "f: d:") { try onFile($0) { try check(fsync($0)) } },
            Rule(name: "chmod", moves: "f:c d:") { try check(chmod($0 + "/f", 0o600)) },
            Rule(name: "chown", moves: "f:c d:") { try check(chown($0 + "/f", 5, 6)) },
            Rule(name: "utimensat", moves: "f:c d:") {
                let times = [timespec(tv_sec: 0, tv_nsec: 0), timespec(tv_sec: 0, tv_nsec: 0)]
                try check(utimensat(AT_FDCWD, $0 + "/f", times, 0))
            },
            Rule(name: "setxattr", moves: "f:c d:") {
                #expect(setAttribute($0 + "/f", "user.x", "x") == nil)
            },
            Rule(name: "link", moves: "f:c d:mc") { try check(link($0 + "/f", $0 + "/g")) },
            Rule(name: "unlink of one of two names", moves: "f:c d:mc") {
                try check(unlink($0 + "/second"))
            },
            Rule(name: "rename", moves: "f:c d:mc") {
                try check(rename($0 + "/second", $0 + "/x"))
            },
            Rule(name: "rename away", moves: "f:c d:mc") {
                try check(rename($0 + "/second", $0 + "/../away"))
            },
            Rule(name: "rename over", moves: "f:c d:mc") {
                try check(rename($0 + "/other", $0 + "/second"))
            },
            Rule(name: "create", moves: "f: d:mc") { try withFile($0 + "/new") { _ in } },
            Rule(name: "mkdir", moves: "f: d:mc") { try check(mkdir($0 + "/new", 0o755)) },
            Rule(name: "rmdir", moves: "f: d:mc") { try check(rmdir($0 + "/sub")) },
            Rule(name: "symlink", moves: "f: d:mc") { try check(symlink("f", $0 + "/new")) },
            Rule(name: "mkfifo", moves: "f: d:mc") { try check(mkfifo($0 + "/new", 0o600)) },
            Rule(name: "create in a directory below", moves: "f: d:") {
                try withFile($0 + "/sub/new") { _ in }
                try check(unlink($0 + "/sub/new"))
            },
            Rule(name: "a failing unlink", moves: "f: d:") {
                #expect(failure(unlink($0 + "/none")) == .noSuchFileOrDirectory)
            },
            Rule(name: "a failing mkdir", moves: "f: d:") {
                #expect(failure(mkdir($0 + "/sub", 0o755)) == .fileExists)
            },
            Rule(name: "rename of two names of one file", moves: "f: d:") {
                try check(rename($0 + "/f", $0 + "/second"))
            },
        ]

        @Test("calls move the times that POSIX says", arguments: Place.allCases, rules)
        func moves(place: Place, rule: Rule) throws {
            try place.run { (at) throws in
                let directory = at["d"]
                try check(mkdir(directory, 0o755))
                try check(mkdir(at["d/sub"], 0o755))
                try put(at["d/f"], "12345678")
                try put(at["d/other"], "")
                try check(link(at["d/f"], at["d/second"]))
                try setOld(at["d/f"])
                try setOld(directory)
                let before = [try #require(status(at["d/f"])), try #require(status(directory))]
                waitForTick(after: before.map { $0.st_ctim.nanoseconds }.max()!)

                try withFile(at["d/f"], O_RDONLY) { file in
                    try rule.call(directory)
                    let after = [status(file), try #require(status(directory))]
                    #expect(zip(before, after).map(moved) == expected(rule.moves))
                }
            }
        }

        private func expected(_ moves: String) -> [String] {
            moves.split(separator: " ").map { String($0.dropFirst(2)) }
        }

        private func moved(_ before: stat, _ after: stat) -> String {
            var text = ""
            if after.st_mtim.nanoseconds != before.st_mtim.nanoseconds { text += "m" }
            if after.st_ctim.nanoseconds > before.st_ctim.nanoseconds { text += "c" }
            return text
        }

        private func setOld(_ path: String) throws {
            let times = [timespec(tv_sec: 0, tv_nsec: 0), timespec(tv_sec: 0, tv_nsec: 0)]
            try check(utimensat(AT_FDCWD, path, times, 0))
        }

        /// Until the clock that the kernel takes file times from, which moves every few milliseconds, has moved on.
        private func waitForTick(after nanoseconds: Int64) {
            var now = timespec()
            repeat {
                clock_gettime(CLOCK_REALTIME_COARSE, &now)
            } while now.nanoseconds <= nanoseconds
        }

        @Test(
            "times are kept to the nanosecond, before 1970 and after 2038",
            arguments: Place.allCases)
        func range(place: Place) throws {
            try place.run { (at) throws in
                try put(at["f"], "")
                for seconds in [-1_000_000_000, -1, 0, 1, 2_147_483_648, 4_294_967_296] {
                    let time = timespec(tv_sec: seconds, tv_nsec: 123_456_789)
                    try check(utimensat(AT_FDCWD, at["f"], [time, time], 0))
                    let now = status(at["f"])!
                    #expect(now.st_mtim.tv_sec == seconds && now.st_mtim.tv_nsec == 123_456_789)
                    #expect(now.st_atim.tv_sec == seconds && now.st_atim.tv_nsec == 123_456_789)
                }
                let omit = timespec(tv_sec: 0, tv_nsec: (1 << 30) - 2)  // UTIME_OMIT
                let present = timespec(tv_sec: 0, tv_nsec: (1 << 30) - 1)  // UTIME_NOW
                try check(utimensat(AT_FDCWD, at["f"], [omit, present], 0))
                let now = status(at["f"])!
                #expect(now.st_atim.tv_sec == 4_294_967_296)
                #expect(abs(now.st_mtim.tv_sec - time(nil)) < 600)
                try check(symlink("f", at["s"]))
                let old = timespec(tv_sec: 77, tv_nsec: 0)
                try check(utimensat(AT_FDCWD, at["s"], [old, old], AT_SYMLINK_NOFOLLOW))
                #expect(status(at["s"])!.st_mtim.tv_sec == 77)
                #expect(status(at["f"])!.st_mtim.tv_sec != 77)
            }
        }
    }
}

private func onFile(_ directory: String, _ body: (CInt) throws -> Void) throws {
    try withFile(directory + "/f", O_RDWR | O_CREAT, body)
}
