import CTestSupport
import FileTree
import FuseMount
import Glibc
import Recording
import Testing

extension MountTests {
    @Suite("Syncs", .serialized)
    struct Syncs {
        private let page = [UInt8](repeating: 7, count: 4096)

        @Test("fsync and fdatasync of a file and of a directory")
        func explicit() throws {
            try withMount { (mount) throws in
                try withFile(mount["a"]) { file in
                    try withFile(mount.path, O_RDONLY) { directory in
                        let log = try mount.log { () throws in
                            try check(fsync(file))
                            try check(fdatasync(file))
                            try check(fsync(directory))
                            try check(fdatasync(directory))
                        }
                        #expect(
                            log == [
                                "fsync i2", "fdatasync i2", "fsync directory i1",
                                "fdatasync directory i1",
                            ])
                    }
                }
            }
        }

        @Test(
            "an O_SYNC or O_DSYNC write is a write and a sync of its pages",
            arguments: [(O_SYNC, "sync"), (O_DSYNC, "dsync")])
        func impliedByDescriptor(flag: Int32, name: String) throws {
            try withMount { (mount) throws in
                try withFile(mount["a"], O_RDWR | O_CREAT | flag) { file in
                    let log = try mount.log { () throws in
                        try writeAll(file, Array(page[..<10]), at: 5000)
                        try check(fdatasync(file))
                    }
                    #expect(
                        log == [
                            "write i2 5000+10 synchronousCall", "\(name) i2 4096..<8192",
                            "fdatasync i2",
                        ])
                }
            }
        }

        @Test(
            "fallocate and copy_file_range on such a descriptor are synced, too; the kernel sends no FSYNC",
            arguments: [(O_SYNC, "sync"), (O_DSYNC, "dsync")])
        func impliedWithoutRequest(flag: Int32, name: String) throws {
            try withMount { (mount) throws in
                try withFile(mount["from"], O_RDWR | O_CREAT) { try writeAll($0, page, at: 0) }
                try withFile(mount["a"], O_RDWR | O_CREAT | flag) { file in
                    let log = try mount.log { () throws in
                        #expect(allocate(file, 0, 0, 20000) == nil)
                        #expect(allocate(file, 3, 0, 4096) == nil)
                        try withFile(mount["from"], O_RDONLY) { source in
                            var offset = 5000
                            try check(
                                system(
                                    SYS_copy_file_range, Int(source), 0, Int(file),
                                    pointer(&offset), 10, 0))
                        }
                        try check(fdatasync(file))
                        try check(ftruncate(file, 5))
                        try check(open(mount["a"], O_WRONLY | O_TRUNC | flag))
                    }
                    #expect(
                        log == [
                            "allocate i3 extend 0..<20000", "\(name) allocation i3",
                            "allocate i3 punchHole 0..<4096", "\(name) allocation i3",
                            "write i3 5000+10 synchronousCall", "\(name) i3 4096..<8192",
                            "fdatasync i3", "setSize i3 5", "setSize i3 0",
                        ])
                }
            }
        }

        @Test("RWF_DSYNC asks for one write only")
        func impliedByCall() throws {
            try withMount { (mount) throws in
                try withFile(mount["a"]) { file in
                    let log = try mount.log { () throws in
                        try page.withUnsafeBytes { bytes in
                            var part = iovec(
                                iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress),
                                iov_len: 4096)
                            try check(
                                system(
                                    SYS_pwritev2, Int(file), pointer(&part), 1, 0, 0,
                                    Int(test_rwf_dsync)))
                        }
                        try writeAll(file, page, at: 4096)
                    }
                    #expect(
                        log == [
                            "write i2 0+4096 synchronousCall", "dsync i2 0..<4096",
                            "write i2 4096+4096 call",
                        ])
                }
            }
        }

        @Test("a write of several requests is one ranged sync")
        func impliedByLargeWrite() throws {
            try withMount { (mount) throws in
                try withFile(mount["a"], O_RDWR | O_CREAT | O_DSYNC) { file in
                    let size = 5 << 19
                    let log = try mount.log { () throws in
                        try writeAll(file, [UInt8](repeating: 1, count: size), at: 4096)
                    }
                    #expect(log.dropLast().allSatisfy { $0.hasSuffix("synchronousCall") })
                    #expect(log.count > 3)
                    #expect(log.last == "dsync i2 4096..<\(4096 + size)")
                }
            }
        }

        @Test("O_DIRECT with O_DSYNC is followed by its sync too")
        func direct() throws {
            try withMount { (mount) throws in
                try withFile(mount["a"], O_RDWR | O_CREAT | O_DSYNC | test_o_direct) { file in
                    let log = try mount.log { () throws in
                        withAligned(8192) { bytes in
                            #expect(pwrite(file, bytes, 8192, 4096) == 8192)
                        }
                    }
                    #expect(
                        log == ["write i2 4096+8192 synchronousCall", "dsync i2 4096..<12288"])
                }
            }
        }

        @Test("the FSYNC of another file is no implied sync")
        func otherFile() throws {
            try withMount { (mount) throws in
                try withFile(mount["a"], O_RDWR | O_CREAT | O_DSYNC) { a in
                    try withFile(mount["b"]) { b in
                        let log = try mount.log { () throws in
                            try writeAll(a, page, at: 0)
                            try writeAll(b, page, at: 0)
                            try check(fsync(b))
                            try check(fsync(a))
                        }
                        #expect(
                            log == [
                                "write i2 0+4096 synchronousCall", "dsync i2 0..<4096",
                                "write i3 0+4096 call", "fsync i3", "fsync i2",
                            ])
                    }
                }
            }
        }

        @Test("a page that is dirty when another arrives, or at an fsync, is recorded as seen")
        func dirtyPages() throws {
            try withMount { (mount) throws in
                try withFile(mount["a"], O_RDWR | O_CREAT) { file in
                    try writeAll(file, [UInt8](repeating: 1, count: 12288), at: 0)
                    let size = 12288
                    let map = try #require(
                        mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0))
                    try #require(map != MAP_FAILED)
                    defer { munmap(map, size) }
                    func store(_ page: Int, _ value: UInt8) {
                        map.storeBytes(of: value, toByteOffset: page * 4096, as: UInt8.self)
                    }
                    func flush(_ page: Int) throws {
                        try check(msync(map + page * 4096, 4096, MS_SYNC))
                    }
                    let log = try mount.log { () throws in
                        // Data first: nothing else is dirty when it arrives.
                        store(1, 2)
                        try flush(1)
                        store(0, 2)
                        try flush(0)
                        // The other way round.
                        store(0, 3)
                        store(2, 3)
                        try flush(2)
                        try withFile(mount["b"], O_RDWR | O_CREAT) { other in
                            store(1, 4)
                            try check(fsync(other))
                        }
                        try flush(0)
                        try flush(1)
                    }
                    #expect(
                        log.filter { !$0.hasPrefix("create") } == [
                            "write i2 4096+4096 mapping", "fdatasync i2",
                            "write i2 0+4096 mapping", "fdatasync i2",
                            "write i2 0+4096 dirtyPage", "write i2 8192+4096 mapping",
                            "fdatasync i2", "write i2 4096+4096 dirtyPage",
                            "fsync i3", "write i2 0+4096 mapping", "fdatasync i2",
                            "write i2 4096+4096 mapping", "fdatasync i2",
                        ])
                }
            }
        }

        @Test("a file that is too long to be looked at is written back and synced all the same")
        func tooLongToLookAt() throws {
            try withMount { (mount) throws in
                try withFile(mount["a"], O_RDWR | O_CREAT) { file in
                    let size = 17 << 20
                    try check(ftruncate(file, size))
                    let map = try #require(
                        mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0))
                    try #require(map != MAP_FAILED)
                    defer { munmap(map, size) }
                    let log = try mount.log { () throws in
                        map.storeBytes(of: 2, as: UInt8.self)
                        try check(msync(map, 4096, MS_SYNC))
                        try check(fsync(file))
                    }
                    #expect(
                        log == ["write i2 0+4096 mapping", "fdatasync i2", "fsync i2"])
                    let note = mount.server.recording().notes[Recording.dirtyPagesNote]
                    #expect(note == Array("not all".utf8))
                }
            }
        }

        @Test("a file whose last page is short is looked at to its end, and no further")
        func shortLastPage() throws {
            try withMount { (mount) throws in
                try withFile(mount["a"], O_RDWR | O_CREAT) { file in
                    try writeAll(file, [UInt8](repeating: 1, count: 5000), at: 0)
                    let map = try #require(
                        mmap(nil, 5000, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0))
                    try #require(map != MAP_FAILED)
                    defer { munmap(map, 5000) }
                    let log = try mount.log { () throws in
                        map.storeBytes(of: 2, toByteOffset: 0, as: UInt8.self)
                        map.storeBytes(of: 2, toByteOffset: 4500, as: UInt8.self)
                        try check(msync(map, 4096, MS_SYNC))
                        try check(fsync(file))
                    }
                    #expect(log.contains("write i2 4096+904 dirtyPage"), "\(log)")
                }
            }
        }

        @Test("stores through a mapping arrive before the msync that covers them")
        func mapping() throws {
            try withMount { (mount) throws in
                try withFile(mount["a"]) { file in
                    try check(ftruncate(file, 8192))
                    func mapped(_ offset: Int, _ value: CInt = -1, sync: Bool = false) -> CInt {
                        test_mapped(
                            file, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, offset, value,
                            sync ? 1 : 0)
                    }
                    let log = try mount.log { () throws in
                        #expect(mapped(5000, 42, sync: true) == 42)
                    }
                    #expect(log == ["write i2 4096+4096 mapping", "fdatasync i2"])
                    // Both ways, the mapping and the calls see the same bytes.
                    try writeAll(file, [9], at: 100)
                    #expect(mapped(100) == 9)
                    #expect(mapped(6000, 43) == 43)
                    #expect(try read(file, 1, at: 6000) == [43])
                }
                #expect(try contents(mount["a"])[6000] == 43)
            }
        }

        @Test("a write to the control file says sync of everything; it is no file of the tree")
        func control() throws {
            try withMount { (mount) throws in
                try put(mount["a"], "x")
                let log = try mount.log { () throws in
                    try withFile(mount[MountServer.controlFile], O_WRONLY) {
                        try append($0, "sync\n")
                    }
                }
                #expect(log == ["sync everything"])
                #expect(try names(mount.path) == ["a"])
            }
        }
    }
}

/// Hands `body` memory that O_DIRECT takes, filled with 3.
func withAligned<T>(_ count: Int, _ body: (UnsafeMutableRawPointer) throws -> T) rethrows -> T {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: count, alignment: 4096)
    defer { memory.deallocate() }
    memset(memory, 3, count)
    return try body(memory)
}
