import FileTree
import Glibc
import Recording
import TestSupport
import Testing

@Suite("Damaged recordings")
struct DamageTests {
    let folder = try! TemporaryFolder()

    /// A small sealed recording with a base tree, and where its seal begins.
    private func sealed() throws -> (bytes: [UInt8], seal: Int) {
        let path = folder.file("whole")
        var base = FileTree()
        let content = OwnedBytes(Array("in the base".utf8))
        base.keep(content)
        for operation: Operation in [
            .create(InodeNumber(100), at: DirectoryEntry(.root, "base"), .file),
            .write(InodeNumber(100), offset: 5, content.bytes, .call),
        ] {
            base.apply(try base.effects(of: operation))
        }
        let arena = try Arena(creating: path)
        let writer = try RecordingWriter(arena: arena, base: base, storesBase: true)
        try writer.append(all: Samples.events.prefix(24))
        try writer.append(all: [.mark(content.bytes)])
        try writer.seal()
        let bytes = try FileBytes.read(path)
        return (bytes, bytes.count - 80)
    }

    @Test("each byte changed in turn: an error, or nothing that matters has changed")
    func eachByte() throws {
        let (bytes, seal) = try sealed()
        let path = folder.file("damaged")
        let whole = try Recording(path: folder.file("whole"))
        let dump = TreeDump(whole.base)
        var opened = 0

        for index in bytes.indices {
            for mask: UInt8 in [0x01, 0x80, 0xff] {
                var damaged = bytes
                damaged[index] ^= mask
                try FileBytes.write(damaged, to: path)
                guard let recording = try? Recording(path: path) else { continue }
                opened += 1
                #expect(recording.matches(whole), "byte \(index)")
                #expect(TreeDump(recording.base) == dump, "byte \(index)")
                // Without its seal, a recording is one whose recorder was killed.
                #expect(recording.isComplete || index >= seal, "byte \(index)")
            }
        }

        // Padding, and the unused end of the file's header.
        #expect(opened < 3 * (80 + 24 + 15 * 32))
    }

    @Test("cut at every length: an error, or its first records")
    func truncated() throws {
        let (bytes, _) = try sealed()
        let path = folder.file("damaged")
        let whole = try Recording(path: folder.file("whole"))
        let dump = TreeDump(whole.base)
        var last = -1

        for length in 0..<bytes.count {
            try FileBytes.write(Array(bytes[..<length]), to: path)
            do {
                let recording = try Recording(path: path)
                #expect(!recording.isComplete)
                #expect(recording.matches(whole, first: recording.count))
                #expect(TreeDump(recording.base) == dump)
                #expect(recording.count >= last)
                last = recording.count
            } catch {
                #expect(last == -1, "\(length): \(error)")
            }
        }
        #expect(last == whole.count)
    }

    @Test("bytes behind the seal are no part of it")
    func behindSeal() throws {
        let (bytes, _) = try sealed()
        let path = folder.file("longer")
        try FileBytes.write(bytes + [UInt8](repeating: 0xaa, count: 1000), to: path)

        let recording = try Recording(path: path)

        #expect(recording.isComplete)
        #expect(recording.matches(try Recording(path: folder.file("whole"))))
    }

    @Test("what is no recording is said to be none")
    func noRecording() throws {
        let (bytes, _) = try sealed()
        func message(_ bytes: [UInt8]) throws -> String {
            let path = folder.file("other")
            try FileBytes.write(bytes, to: path)
            let error = #expect(throws: RecordingError.self) { try Recording(path: path) }
            return error?.description ?? ""
        }

        #expect(try message([]).hasSuffix("is not a recording"))
        #expect(try message(Array(bytes[..<63])).hasSuffix("is not a recording"))
        #expect(
            try message(Array("SQLite format 3\0".utf8) + bytes).hasSuffix("is not a recording"))
        #expect(try message([UInt8](repeating: 0, count: 4096)).hasSuffix("is not a recording"))
        var newer = bytes
        newer[16] = 2
        #expect(try message(newer).contains("format 2"))
        #expect(try message(newer).contains("reads format 1"))
    }

    @Test(
        "a folder, a fifo, a device, nothing: an error that names the path", .timeLimit(.minutes(1))
    )
    func noFile() throws {
        let fifo = folder.file("fifo")
        #expect(mkfifo(fifo, 0o600) == 0)
        for path in [folder.path, fifo, "/dev/zero", folder.file("none"), "", "a\0b"] {
            let error = #expect(throws: RecordingError.self) { try Recording(path: path) }
            #expect(error?.description.contains(path) ?? false)
        }
    }

    @Test("a recording written by another, as payload, is not mistaken for its records")
    func nested() throws {
        let (bytes, _) = try sealed()
        let path = folder.file("outer")
        let writer = try RecordingWriter(
            arena: try Arena(creating: path), base: FileTree(), storesBase: true)
        let inner = OwnedBytes(bytes)
        let create = Samples.events[0]
        let write = Record.Event.operation(.write(Samples.file, offset: 0, inner.bytes, .call))
        try writer.append(all: [create, write])
        // Behind the end too, as a request that was being received.
        let space = try writer.space(bytes.count).start
        bytes.withUnsafeBytes { space.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }

        expect(try Recording(path: path), holds: [create, write])
    }
}
