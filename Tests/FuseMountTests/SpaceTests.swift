import CTestSupport
import FileTree
import FuseMount
import Glibc
import Testing

import struct SystemPackage.Errno

func allocate(_ file: CInt, _ mode: Int, _ offset: Int, _ length: Int) -> Errno? {
    failure(system(SYS_fallocate, Int(file), mode, offset, length))
}

extension MountTests {
    @Suite("Space", .serialized)
    struct Space {
        @Test("fallocate in its modes")
        func allocates() throws {
            try withMount { (mount) throws in
                try withFile(mount["a"]) { file in
                    try writeAll(file, [UInt8](repeating: 1, count: 12288), at: 0)
                    let log = try mount.log { () throws in
                        #expect(allocate(file, 0, 0, 20000) == nil)
                        #expect(status(file).st_size == 20000)
                        #expect(allocate(file, 1, 0, 40000) == nil)
                        #expect(status(file).st_size == 20000)
                        #expect(allocate(file, 3, 100, 8092) == nil)
                        #expect(try read(file, 101, at: 0).last == 0)
                        #expect(try read(file, 100, at: 0).allSatisfy { $0 == 1 })
                        #expect(try read(file, 8092, at: 100).allSatisfy { $0 == 0 })
                        #expect(try read(file, 1, at: 8192) == [1])
                        #expect(allocate(file, 0x10, 8192, 20000) == nil)
                        #expect(status(file).st_size == 28192)
                        #expect(try read(file, 1, at: 8192) == [0])
                        #expect(allocate(file, 0x11, 0, 40000) == nil)
                        #expect(status(file).st_size == 28192)
                    }
                    #expect(
                        log == [
                            "allocate i2 extend 0..<20000", "allocate i2 keepSize 0..<40000",
                            "allocate i2 punchHole 100..<8192",
                            "allocate i2 zeroRange 8192..<28192",
                            "allocate i2 zeroRangeKeepSize 0..<40000",
                        ])
                    #expect(try read(file, 30000).allSatisfy { $0 == 0 })
                    #expect(allocate(file, 8, 0, 4096) == .notSupported, "collapse")
                }
            }
        }

        @Test("a sparse file costs what it holds, and its holes are found")
        func sparse() throws {
            try withMount { (mount) throws in
                try withFile(mount["a"]) { file in
                    try writeAll(file, [7], at: 64 << 20)
                    #expect(status(file).st_size == 64 << 20 + 1)
                    #expect(status(file).st_blocks == 8)
                    #expect(try read(file, 4, at: 1 << 20) == [0, 0, 0, 0])
                    #expect(lseek(file, 0, 3) == 64 << 20, "SEEK_DATA")
                    #expect(lseek(file, 0, 4) == 0, "SEEK_HOLE")
                    #expect(lseek(file, 64 << 20, 4) == 64 << 20 + 1)
                    #expect(failure(lseek(file, 64 << 20 + 1, 3)) == .noSuchAddressOrDevice)
                    try check(ftruncate(file, 10))
                    #expect(status(file).st_blocks == 0)
                }
            }
        }

        @Test("truncation: down, up with zeros, by open")
        func truncates() throws {
            try withMount { (mount) throws in
                try put(mount["a"], "0123456789")
                let log = try mount.log { () throws in
                    try check(truncate(mount["a"], 5))
                    try check(truncate(mount["a"], 8))
                    #expect(try contents(mount["a"]) == Array("01234\0\0\0".utf8))
                    try withFile(mount["a"], O_WRONLY | O_TRUNC) { _ in }
                    #expect(status(mount["a"])!.st_size == 0)
                }
                #expect(log == ["setSize i2 5", "setSize i2 8", "setSize i2 0"])
            }
        }

        @Test("O_APPEND writes at the end, whoever moved it")
        func appends() throws {
            try withMount { (mount) throws in
                try withFile(mount["a"], O_WRONLY | O_CREAT | O_APPEND) { one in
                    try withFile(mount["a"], O_WRONLY | O_APPEND) { other in
                        try append(one, "11")
                        try append(other, "222")
                        try append(one, "3")
                    }
                }
                #expect(try text(mount["a"]) == "112223")
                #expect(
                    mount.log.dropFirst() == [
                        "write i2 0+2 call", "write i2 2+3 call", "write i2 5+1 call",
                    ])
            }
        }

        @Test("O_DIRECT reads and writes")
        func direct() throws {
            try withMount { (mount) throws in
                try withFile(mount["a"], O_RDWR | O_CREAT | test_o_direct) { file in
                    try withAligned(8192) { bytes in
                        try check(pwrite(file, bytes, 8192, 4096))
                        memset(bytes, 0, 8192)
                        try check(pread(file, bytes, 8192, 4096))
                        #expect(bytes.load(fromByteOffset: 8191, as: UInt8.self) == 3)
                    }
                }
                #expect(try contents(mount["a"]).count == 12288)
            }
        }

        @Test("large reads and writes")
        func large() throws {
            try withMount { (mount) throws in
                let bytes = (0..<(3 << 20) + 77).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
                try withFile(mount["a"]) { try writeAll($0, bytes, at: 333) }
                dropCaches(mount["a"])
                #expect(try contents(mount["a"]) == [UInt8](repeating: 0, count: 333) + bytes)
            }
        }

        @Test("copy_file_range is a write of the source's bytes")
        func copies() throws {
            try withMount { (mount) throws in
                try put(mount["a"], String(repeating: "abc", count: 3000))
                try withFile(mount["a"], O_RDONLY) { source in
                    try withFile(mount["b"]) { target in
                        var from = Int64(2)
                        var to = Int64(5000)
                        let log = try mount.log { () throws in
                            let count = try withUnsafeMutablePointer(to: &from) { from in
                                try withUnsafeMutablePointer(to: &to) { to in
                                    try check(
                                        system(
                                            SYS_copy_file_range, Int(source), pointer(from),
                                            Int(target), pointer(to), 100_000))
                                }
                            }
                            #expect(count == 8998)
                        }
                        #expect(log == ["write i3 5000+8998 call"])
                        #expect(try read(target, 4, at: 5000) == Array("cabc".utf8))
                        #expect(status(target).st_size == 13998)
                    }
                }
            }
        }
    }

    @Suite("Locks", .serialized)
    struct Locks {
        @Test("flock, and open-file locks against POSIX locks")
        func locks() throws {
            try withMount { (mount) throws in
                let log = try mount.log { () throws in
                    try withFile(mount["a"]) { one in
                        try withFile(mount["a"]) { two in
                            try check(flock(one, LOCK_EX))
                            #expect(
                                failure(flock(two, LOCK_EX | LOCK_NB))
                                    == .resourceTemporarilyUnavailable)
                            try check(flock(one, LOCK_UN))
                            try check(flock(two, LOCK_EX | LOCK_NB))
                            #expect(lock(one, F_SETLK) == nil)
                            #expect(lock(two, 37) == .resourceTemporarilyUnavailable, "OFD")
                        }
                    }
                }
                #expect(log == ["create i2 i1/a regular"])
            }
        }
    }
}

private func lock(_ file: CInt, _ command: Int32) -> Errno? {
    var range = Glibc.flock()
    range.l_type = Int16(F_WRLCK)
    range.l_whence = Int16(SEEK_SET)
    range.l_len = 10
    return failure(fcntl(file, command, &range))
}

/// Makes the next reads of the file come from the server.
func dropCaches(_ path: String) {
    let file = open(path, O_RDONLY)
    posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED)
    close(file)
}
