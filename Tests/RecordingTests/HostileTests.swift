import FileTree
import Recording
import TestSupport
import Testing

/// A recording is untrusted input: its hashes tell of accidents, not of intent.
@Suite("Hostile recordings")
struct HostileTests {
    let folder = try! TemporaryFolder()

    private func open(_ raw: RawRecording) throws -> Recording {
        let path = folder.file("hostile")
        try FileBytes.write(raw.bytes, to: path)
        return try Recording(path: path)
    }

    static func create(
        _ number: UInt64, in directory: UInt64 = 1, _ name: String, kind: UInt8 = 0
    ) -> RawRecord {
        RawRecord("create", flags: kind) {
            $0.inode = number
            $0.b = directory
            $0.setName(name)
        }
    }

    @Test("the builder's format is the writer's, byte for byte")
    func builder() throws {
        let path = folder.file("r")
        let arena = try Arena(creating: path)
        let base = try OperationGenerator.history(seed: 1, count: 50).fileTree()
        let writer = try RecordingWriter(arena: arena, base: base, storesBase: true)
        try writer.append(all: Samples.events.suffix(3))
        try writer.seal()

        let bytes = try FileBytes.read(path)
        let raw = RawRecording(parsing: bytes)
        #expect(raw.isSealed && raw.flags == 1 && raw.records.count > 20)
        #expect(raw.bytes == bytes)
    }

    @Test("records that are right, made by hand")
    func right() throws {
        let write = RawRecord("write") {
            $0.inode = 2
            $0.a = 3
            $0.payload = [1, 2]
        }
        var raw = RawRecording([Self.create(2, "file"), write])
        for isSealed in [true, false] {
            raw.isSealed = isSealed
            let recording = try open(raw)
            #expect(recording.isComplete == isSealed)
            let tree = try recording.tree(after: 2)
            #expect(tree[InodeNumber(2)]?.content.allBytes == [0, 0, 0, 1, 2])
        }
    }

    /// Each is one record (or a few) that no writer would have written.
    static let cases: [(String, [RawRecord])] = {
        let huge: UInt64 = 1 << 63
        let file = create(2, "file")
        let directory = create(3, "dir", kind: 1)
        func on2(_ kind: String, flags: UInt8 = 0, _ a: UInt64, _ b: UInt64 = 0) -> RawRecord {
            RawRecord(kind, flags: flags) {
                $0.inode = 2
                $0.a = a
                $0.b = b
            }
        }
        func named(_ kind: String, _ inode: UInt64, _ length: Int, _ payload: String) -> RawRecord {
            RawRecord(kind) {
                $0.inode = inode
                $0.a = 1
                $0.b = 1
                $0.nameLength = UInt16(length)
                $0.payload = Array(payload.utf8)
            }
        }
        return [
            ("kind 0", [RawRecord(kind: 0)]),
            ("kind 13", [RawRecord(kind: 13)]),
            ("kind 255", [RawRecord(kind: 255)]),
            (
                "a payload beyond the end, before others",
                [
                    RawRecord("mark") { $0.payloadLength = .max }, file,
                ]
            ),
            (
                "a payload that swallows the next record",
                [
                    RawRecord("mark") { $0.payloadLength = 80 }, file, directory,
                ]
            ),
            (
                "a mode that names a kind of file",
                [
                    RawRecord("create") {
                        $0.inode = 2
                        $0.b = 1
                        $0.d = 0o100644
                        $0.setName("x")
                    }
                ]
            ),
            ("a sequence from elsewhere", [RawRecord("mark") { $0.sequence = 1 }]),
            ("a sequence twice", [file, RawRecord("mark") { $0.sequence = 0 }]),
            ("the root created", [create(1, "x")]),
            ("inode 0", [create(0, "x")]),
            ("the last inode number", [create(.max, "x")]),
            ("an inode number with the sign bit", [create(huge, "x")]),
            ("an inode number twice", [file, create(2, "other")]),
            (
                "a directory that becomes its own",
                [
                    directory, create(4, in: 3, "sub", kind: 1), create(3, in: 4, "ring", kind: 1),
                ]
            ),
            ("unnamed with a number twice", [file, RawRecord("createUnnamed") { $0.inode = 2 }]),
            ("unnamed with the last number", [RawRecord("createUnnamed") { $0.inode = .max }]),
            ("a kind of file that is none", [create(2, "x", kind: 7)]),
            ("a kind of file with the base's flag", [create(2, "x", kind: 0x80)]),
            ("an empty name", [create(2, "")]),
            ("the name .", [create(2, ".")]),
            ("the name ..", [create(2, "..")]),
            ("a path for a name", [create(2, "../../etc/passwd")]),
            ("NUL in a name", [create(2, "a\0b")]),
            ("a name too long", [create(2, String(repeating: "x", count: 256))]),
            ("a name longer than its payload", [named("create", 2, 5, "abc")]),
            ("a name for a file that has none", [file, named("link", 9, 1, "x")]),
            ("a second name for the root", [named("link", 1, 1, "x")]),
            ("a second name for a directory", [directory, named("link", 3, 1, "x")]),
            ("rename to nothing", [file, named("rename", 0, 4, "file")]),
            ("rename to ..", [file, named("rename", 0, 4, "file..")]),
            ("rename to a path", [file, named("rename", 0, 4, "filea/b")]),
            (
                "rename in a way that is none",
                [
                    file,
                    RawRecord("rename", flags: 3) {
                        $0.a = 1
                        $0.b = 1
                        $0.setName("file", rest: "x")
                    },
                ]
            ),
            (
                "rename into itself",
                [
                    directory,
                    RawRecord("rename") {
                        $0.a = 1
                        $0.b = 3
                        $0.setName("dir", rest: "x")
                    },
                ]
            ),
            ("a write to what is not there", [on2("write", 0)]),
            ("a write to a directory", [RawRecord("write") { $0.inode = 1 }]),
            ("a write of an origin that is none", [file, on2("write", flags: 4, 0)]),
            (
                "a write that ends past the last offset",
                [
                    file,
                    RawRecord("write") {
                        $0.inode = 2
                        $0.a = UInt64.max
                        $0.payload = [1, 2]
                    },
                ]
            ),
            ("a write at 2^63", [file, on2("write", huge + 1)]),
            ("a size of 2^63", [file, on2("setSize", huge)]),
            ("a size of 2^64 - 1", [file, on2("setSize", .max)]),
            ("a range that ends before it begins", [file, on2("allocate", 5, 4)]),
            ("an empty range", [file, on2("allocate", 5, 5)]),
            ("a range to the end of all numbers", [file, on2("allocate", flags: 2, 0, .max)]),
            ("an allocation that is none", [file, on2("allocate", flags: 5, 0, 1)]),
            ("a sync that is none", [RawRecord("sync", flags: 10)]),
            ("a synced range that ends before it begins", [on2("sync", flags: 2, 5, 4)]),
            (
                "an attribute removed that is not there",
                [
                    file, named("setExtendedAttribute", 2, 6, "user.a"),
                ]
            ),
            ("a base record where no base is", [RawRecord("sync", flags: 0x88)]),
            ("a mark in a base that is none", [RawRecord("mark", flags: 0x80)]),
        ]
    }()

    @Test("records that no writer writes are refused", arguments: cases, [true, false])
    func refused(case: (String, [RawRecord]), isSealed: Bool) throws {
        var raw = RawRecording(`case`.1)
        raw.isSealed = isSealed
        let error = #expect(throws: RecordingError.self) { try open(raw) }
        #expect(error?.description.contains("is damaged") ?? false)
    }

    @Test("base trees that no writer writes are refused")
    func base() throws {
        let file = Self.create(2, "file")
        let end = RawRecord("sync", flags: 0x88)
        var based = file
        based.flags |= 0x80
        let mark = RawRecord("mark")
        let cases: [[RawRecord]] = [
            [], [based], [file], [based, file], [based, mark], [end, based],
            [based, end, end], [based, RawRecord("mark", flags: 0x80), end], [based, based, end],
            [based, end, file],
        ]
        for records in cases {
            var raw = RawRecording(records)
            raw.flags = 1
            #expect(throws: RecordingError.self) { try open(raw) }
            raw.isSealed = true
            #expect(throws: RecordingError.self) { try open(raw) }
        }
        var raw = RawRecording([based, end, mark])
        raw.flags = 1
        #expect(try open(raw).count == 1)
    }

    @Test("a seal over other records is refused")
    func foreignSeal() throws {
        var raw = RawRecording([RawRecord("mark") { $0.payload = [1] }])
        raw.isSealed = true
        let one = raw.bytes
        raw.records[0].payload = [2]
        let path = folder.file("mixed")
        try FileBytes.write(Array(one.dropLast(80) + raw.bytes.suffix(80)), to: path)
        #expect(throws: RecordingError.self) { try Recording(path: path) }
    }

    @Test("large but right: far offsets, deep directories, many names for one file")
    func large() throws {
        var raw = RawRecording([Self.create(2, "file")])
        for shift in 0..<63 {
            raw.records.append(
                RawRecord("write") {
                    $0.inode = 2
                    $0.a = 1 << UInt64(shift)
                    $0.payload = [7]
                })
        }
        raw.records.append(
            RawRecord("allocate", flags: 2) {
                $0.inode = 2
                $0.a = 5
                $0.b = UInt64(Int64.max)
            })
        for number in UInt64(3)..<20_000 {
            raw.records.append(Self.create(number, in: number == 3 ? 1 : number - 1, "d", kind: 1))
        }
        let recording = try open(raw)

        var tree = try recording.tree(after: recording.count)
        #expect(tree[InodeNumber(2)]?.content.allocatedBlocks == 1)
        _ = tree.settle()
        let writer = try RecordingWriter(arena: try Arena(), base: tree, storesBase: true)
        #expect(writer.offsets.isEmpty)
    }
}
