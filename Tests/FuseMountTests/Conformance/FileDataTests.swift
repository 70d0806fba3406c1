import CTestSupport
import FileTree
import FuseMount
import Glibc
import Recording
import TestSupport
import Testing

extension MountTests {
    @Suite("File data", .serialized)
    struct FileData {
        @Test("one file holds what an array of bytes holds", arguments: Seed.first(8))
        func short(seed: Seed) throws {
            try compareWithModel(seed, operations: 2500, cpu: nil)
        }

        @Test("the test itself passes on the machine's own filesystem", arguments: Seed.first(2))
        func machine(seed: Seed) throws {
            let folder = try TemporaryFolder()
            let result = byteModel(folder.file("file"), seed, operations: 1000, cpu: nil)
            #expect(result.difference == "")
        }
    }
}

extension SoakTests {
    @Suite("File data", .serialized)
    struct FileData {
        @Test("ten million operations over a hundred seeds and more")
        func long() throws {
            let seeds = Soak.number("PERJURY_SOAK_SEEDS", else: 125)
            let operations = Soak.number("PERJURY_SOAK_OPERATIONS", else: 10_000_000) / seeds
            let cpu = Soak.number("PERJURY_SOAK_CPU", else: 0)
            var done = 0
            for seed in Seed.first(seeds) {
                done += try compareWithModel(seed, operations: operations, cpu: cpu)
                print("file data: \(seed), \(done) operations, no difference")
            }
        }
    }
}

/// - Throws: a `Difference`; the records that do not give the live tree are an issue.
@discardableResult
private func compareWithModel(_ seed: Seed, operations: Int, cpu: Int?) throws -> Int {
    let mount = try TestMount(cpu: cpu)
    defer { mount.close() }
    let path = mount["file"]
    let result = byteModel(path, seed, operations: operations, cpu: cpu)
    guard result.difference == "" else { throw Difference(description: result.difference) }
    // What the kernel cached is one thing, what the server holds another: ask a new mount.
    let expected = try contents(path)
    let live = mount.server.tree
    let again = try TestMount(live)
    defer { again.close() }
    try #require(try contents(again["file"]) == expected)
    let recording = mount.server.recording()
    let replayed = try recording.tree(after: recording.count)
    try #require(replayed[InodeNumber(2)]?.content.allBytes == expected)
    try #require(mount.server.failure == nil)
    return Int(result.operations)
}

private struct Difference: Error, CustomStringConvertible {
    let description: String
}

private struct ByteModelResult {
    var operations: UInt64
    var difference: String
}

private func byteModel(
    _ path: String, _ seed: Seed, operations: Int, cpu: Int?
) -> ByteModelResult {
    var result = test_byte_model_result()
    test_byte_model(path, seed.value, UInt64(operations), CInt(cpu ?? -1), &result)
    let difference = withUnsafeBytes(of: &result.difference) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
    return ByteModelResult(operations: result.operations, difference: difference)
}
