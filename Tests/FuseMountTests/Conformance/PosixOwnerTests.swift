import CTestSupport
import FileTree
import FuseMount
import Glibc
import TestSupport
import Testing

import struct SystemPackage.Errno

/// Somebody without rights, in a process of their own for each call.
struct Person {
    var user: UInt32
    var group: UInt32
    /// A further group.
    var also: UInt32

    static let owner = Person(user: 1001, group: 2001, also: 2009)
    static let friend = Person(user: 1002, group: 2001, also: 2001)
    static let stranger = Person(user: 1003, group: 2003, also: 2003)

    /// The error of a system call with one path, nil when it succeeded.
    func call(_ number: Int32, _ path: String, _ a: Int = 0, _ b: Int = 0) -> Errno? {
        failure(
            path.withCString {
                test_call_as(user, group, also, Int(number), pointer($0), a, b, 0, 0)
            })
    }

    func open(_ path: String, _ flags: Int32, mode: Int = 0o644) -> Errno? {
        call(SYS_open, path, Int(flags), mode)
    }

    func rename(_ from: String, _ to: String, flags: Int = 0) -> Errno? {
        failure(
            withCStrings(from, to) { from, to, _, _ in
                let here = Int(AT_FDCWD)
                return test_call_as(
                    user, group, also, Int(SYS_renameat2), here, from, here, to, flags)
            })
    }

    func link(_ from: String, _ to: String) -> Errno? {
        failure(
            withCStrings(from, to) { from, to, _, _ in
                test_call_as(user, group, also, Int(SYS_link), from, to, 0, 0, 0)
            })
    }

    /// Gives what is at `path` to this person.
    func own(_ path: String, mode: mode_t) throws {
        try check(lchown(path, user, group))
        try check(chmod(path, mode))
    }
}

func mode(_ path: String) -> mode_t { status(path)!.st_mode & 0o7777 }

extension MountTests {
    @Suite("POSIX: owners", .serialized)
    struct PosixOwners {
        @Test("mode 0700 keeps others out", arguments: Place.allCases)
        func privateDirectory(place: Place) throws {
            try place.run { (at) throws in
                try check(mkdir(at["d"], 0o755))
                try put(at["d/f"], "f")
                try Person.owner.own(at["d"], mode: 0o700)
                try Person.owner.own(at["d/f"], mode: 0o666)
                for other in [Person.friend, .stranger] {
                    #expect(other.open(at["d"], O_RDONLY) == .permissionDenied)
                    #expect(other.open(at["d/f"], O_RDONLY) == .permissionDenied)
                    #expect(other.open(at["d/x"], O_RDWR | O_CREAT) == .permissionDenied)
                    #expect(other.call(SYS_chdir, at["d"]) == .permissionDenied)
                    #expect(other.call(SYS_unlink, at["d/f"]) == .permissionDenied)
                    #expect(other.rename(at["d/f"], at["x"]) == .permissionDenied)
                }
                #expect(Person.owner.open(at["d/f"], O_RDWR) == nil)
                #expect(Person.owner.open(at["d/x"], O_RDWR | O_CREAT) == nil)
                #expect(status(at["d/x"])!.st_uid == 1001 && status(at["d/x"])!.st_gid == 2001)
                #expect(Person.owner.rename(at["d/f"], at["x"]) == nil)
            }
        }

        @Test("read, write and search rights by owner, group and others", arguments: Place.allCases)
        func rights(place: Place) throws {
            try place.run { (at) throws in
                try put(at["f"], "f")
                let people = [Person.owner, .friend, .stranger]
                for bits in mode_t(0)..<0o1000 {
                    // A ninth of them, spread: each bit alone and many mixtures.
                    guard bits % 9 == 0 || bits & (bits - 1) == 0 else { continue }
                    try Person.owner.own(at["f"], mode: bits)
                    for (index, person) in people.enumerated() {
                        let own = bits >> (6 - 3 * mode_t(index)) & 7
                        let read = person.open(at["f"], O_RDONLY)
                        let write = person.open(at["f"], O_WRONLY)
                        #expect(read == (own & 4 != 0 ? nil : .permissionDenied), "\(bits)")
                        #expect(write == (own & 2 != 0 ? nil : .permissionDenied), "\(bits)")
                    }
                }
                try check(mkdir(at["d"], 0o755))
                try put(at["d/f"], "f")
                try Person.owner.own(at["d"], mode: 0o701)
                #expect(Person.friend.open(at["d/f"], O_RDONLY) == .permissionDenied)
                #expect(Person.stranger.open(at["d/f"], O_RDONLY) == nil)
                #expect(Person.stranger.open(at["d"], O_RDONLY) == .permissionDenied)
            }
        }

        @Test("a sticky directory: only owners remove and rename", arguments: Place.allCases)
        func sticky(place: Place) throws {
            try place.run { (at) throws in
                try check(mkdir(at["s"], 0o755))
                try check(mkdir(at["open"], 0o755))
                try Person.friend.own(at["s"], mode: 0o1777)
                try Person.stranger.own(at["open"], mode: 0o777)
                for name in ["f", "g", "h"] {
                    try put(at["s/" + name], "x")
                    try Person.owner.own(at["s/" + name], mode: 0o666)
                }
                try check(mkdir(at["s/d"], 0o755))
                try Person.owner.own(at["s/d"], mode: 0o777)
                try put(at["open/mine"], "x")
                try Person.stranger.own(at["open/mine"], mode: 0o666)
                let denied = Errno.notPermitted
                #expect(Person.stranger.call(SYS_unlink, at["s/f"]) == denied)
                #expect(Person.stranger.call(SYS_rmdir, at["s/d"]) == denied)
                #expect(Person.stranger.rename(at["s/f"], at["open/f"]) == denied)
                #expect(Person.stranger.rename(at["open/mine"], at["s/f"]) == denied)
                #expect(Person.stranger.rename(at["open/mine"], at["s/f"], flags: 2) == denied)
                #expect(Person.stranger.open(at["s/new"], O_RDWR | O_CREAT) == nil)
                #expect(Person.stranger.rename(at["s/new"], at["s/newer"]) == nil)
                #expect(Person.owner.rename(at["s/f"], at["open/f"]) == nil)
                #expect(Person.owner.call(SYS_unlink, at["s/g"]) == nil)
                #expect(Person.friend.call(SYS_unlink, at["s/h"]) == nil, "the directory's owner")
                #expect(Person.friend.call(SYS_rmdir, at["s/d"]) == nil)
            }
        }

        @Test("set-group-ID directories hand their group down", arguments: Place.allCases)
        func setGroupDirectories(place: Place) throws {
            try place.run { (at) throws in
                try check(mkdir(at["d"], 0o755))
                try check(chown(at["d"], 1001, 2003))
                try check(chmod(at["d"], 0o2777))
                #expect(Person.owner.open(at["d/f"], O_RDWR | O_CREAT, mode: 0o644) == nil)
                #expect(Person.owner.call(SYS_mkdir, at["d/sub"], 0o755) == nil)
                #expect(Person.owner.call(SYS_mknod, at["d/p"], Int(S_IFIFO) | 0o644) == nil)
                for name in ["d/f", "d/sub", "d/p"] {
                    #expect(status(at[name])!.st_uid == 1001 && status(at[name])!.st_gid == 2003)
                }
                #expect(mode(at["d/sub"]) == 0o2755)
                #expect(mode(at["d/f"]) == 0o644)
                // An executable set-group-ID file of a group one is not in: the bit goes.
                #expect(Person.owner.open(at["d/x"], O_RDWR | O_CREAT, mode: 0o2755) == nil)
                #expect(mode(at["d/x"]) == 0o755)
                #expect(Person.stranger.open(at["d/y"], O_RDWR | O_CREAT, mode: 0o2755) == nil)
                #expect(mode(at["d/y"]) == 0o2755)
            }
        }

        @Test("chmod: owners only; set-group-ID needs the group", arguments: Place.allCases)
        func changesMode(place: Place) throws {
            try place.run { (at) throws in
                try put(at["f"], "f")
                try Person.owner.own(at["f"], mode: 0o644)
                #expect(Person.stranger.call(SYS_chmod, at["f"], 0o777) == .notPermitted)
                #expect(Person.friend.call(SYS_chmod, at["f"], 0o777) == .notPermitted)
                #expect(Person.owner.call(SYS_chmod, at["f"], 0o6755) == nil)
                #expect(mode(at["f"]) == 0o6755)
                try check(lchown(at["f"], 1001, 2003))
                #expect(Person.owner.call(SYS_chmod, at["f"], 0o2755) == nil)
                #expect(mode(at["f"]) == 0o755)
                try check(mkdir(at["d"], 0o755))
                try check(lchown(at["d"], 1001, 2003))
                #expect(Person.owner.call(SYS_chmod, at["d"], 0o2755) == nil)
                #expect(mode(at["d"]) == 0o755)
                #expect(Person.owner.call(SYS_chmod, at["d"], 0o1777) == nil)
                #expect(mode(at["d"]) == 0o1777)
            }
        }

        @Test(
            "chown: the group to one's own groups, the user not at all", arguments: Place.allCases)
        func changesOwner(place: Place) throws {
            try place.run { (at) throws in
                try put(at["f"], "f")
                try Person.owner.own(at["f"], mode: 0o6755)
                #expect(Person.owner.call(SYS_chown, at["f"], 1002, -1) == .notPermitted)
                #expect(Person.owner.call(SYS_chown, at["f"], -1, 2003) == .notPermitted)
                #expect(Person.stranger.call(SYS_chown, at["f"], -1, 2003) == .notPermitted)
                #expect(mode(at["f"]) == 0o6755)
                #expect(Person.owner.call(SYS_chown, at["f"], 1001, 2009) == nil)
                #expect(status(at["f"])!.st_gid == 2009)
                #expect(mode(at["f"]) == 0o755, "the set-ID bits go")
                try check(chmod(at["f"], 0o6755))
                try check(chown(at["f"], 1002, 2001))
                #expect(mode(at["f"]) == 0o755, "for root too")
                try check(chmod(at["f"], 0o2745))
                try check(chown(at["f"], 1001, 2001))
                #expect(mode(at["f"]) == 0o2745, "no group execution, no privilege")
            }
        }

        @Test("writing and truncating by others clears set-ID bits", arguments: Place.allCases)
        func losesSetIDs(place: Place) throws {
            try place.run { (at) throws in
                try put(at["f"], "0123456789")
                for (old, new) in [(0o6777, 0o777), (0o4666, 0o666), (0o2677, 0o677)] {
                    try Person.owner.own(at["f"], mode: mode_t(old))
                    #expect(Person.stranger.call(SYS_truncate, at["f"], 5) == nil)
                    #expect(mode(at["f"]) == mode_t(new), "truncate")
                    try Person.owner.own(at["f"], mode: mode_t(old))
                    #expect(Person.stranger.open(at["f"], O_RDWR | O_TRUNC) == nil)
                    #expect(mode(at["f"]) == mode_t(new), "O_TRUNC")
                }
            }
        }

        @Test("utimensat: owners set any time, writers the present one", arguments: Place.allCases)
        func times(place: Place) throws {
            try place.run { (at) throws in
                try put(at["f"], "f")
                try Person.owner.own(at["f"], mode: 0o622)
                let any = [timespec(tv_sec: 5, tv_nsec: 6), timespec(tv_sec: 7, tv_nsec: 8)]
                func set(_ person: Person, _ times: [timespec]?) -> Errno? {
                    failure(
                        at["f"].withCString { path in
                            let here = Int(AT_FDCWD)
                            guard let times else {
                                return test_call_as(
                                    person.user, person.group, person.also, Int(SYS_utimensat),
                                    here, pointer(path), 0, 0, 0)
                            }
                            return times.withUnsafeBytes {
                                test_call_as(
                                    person.user, person.group, person.also, Int(SYS_utimensat),
                                    here, pointer(path), pointer($0.baseAddress!), 0, 0)
                            }
                        })
                }
                #expect(set(.stranger, any) == .notPermitted)
                #expect(set(.owner, any) == nil)
                #expect(status(at["f"])!.st_mtim.nanoseconds == 7_000_000_008)
                #expect(set(.stranger, nil) == nil)
                #expect(status(at["f"])!.st_mtim.tv_sec > 7)
                try check(chmod(at["f"], 0o600))
                #expect(set(.stranger, nil) == .permissionDenied)
            }
        }

        @Test("only root makes devices; anybody makes fifos", arguments: Place.allCases)
        func devices(place: Place) throws {
            try place.run { (at) throws in
                let stranger = Person.stranger
                #expect(
                    stranger.call(SYS_mknod, at["c"], Int(S_IFCHR) | 0o666, 0x103) == .notPermitted)
                #expect(
                    stranger.call(SYS_mknod, at["b"], Int(S_IFBLK) | 0o666, 0x700) == .notPermitted)
                #expect(stranger.call(SYS_mknod, at["p"], Int(S_IFIFO) | 0o666) == nil)
                #expect(stranger.call(SYS_mknod, at["f"], Int(S_IFREG) | 0o640) == nil)
                #expect(status(at["p"])!.st_uid == 1003)
                #expect(mode(at["f"]) == 0o640)
            }
        }
    }
}
