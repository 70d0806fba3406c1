import Campaign
import FileTree
import PowerLoss
import Recording
import Testing

@Suite("Records in words")
struct WordsTests {
    @Test("what the harness did to a request is told as the request")
    func faults() throws {
        let writer = try RecordingWriter(
            arena: Arena(memoryLimit: 1 << 20), base: FileTree(), storesBase: false, nonce: 1)
        let number = FileTree().nextInode
        let entry = DirectoryEntry(.root, FileName("log"))
        try writer.append(.operation(.create(number, at: entry, .file)))
        try writer.append(
            .fault(
                Fault(
                    operation: "fdatasync", effect: "EIO", path: "log", error: .ioError,
                    sync: .file(number, dataOnly: true), failure: .markedClean)))
        try writer.append(
            .fault(Fault(operation: "read", effect: "EIO", path: "log", error: .ioError)))
        try writer.append(.mark(OwnedBytes(Array("@ack t1\n".utf8)).bytes))

        let log = try EffectLog(writer.recording())

        #expect(
            (0..<4).map { "\(log.call($0))" } == [
                "create log", "fdatasync log", "read log", "mark",
            ])
    }
}
