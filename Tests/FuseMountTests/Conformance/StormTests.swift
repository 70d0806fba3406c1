import CTestSupport
import FileTree
import FuseMount
import Glibc
import Recording
import TestSupport
import Testing

extension MountTests {
    @Suite("Storms", .serialized)
    struct Storms {
        @Test("names survive four workers at once", arguments: Seed.first(3))
        func short(seed: Seed) throws {
            try storm(seed, workers: 4, operations: 1500)
        }
    }
}

extension SoakTests {
    @Suite("Storms", .serialized)
    struct Storms {
        @Test("storms, seed after seed, until the time is over")
        func long() throws {
            let end = time(nil) + 60 * Soak.number("PERJURY_SOAK_MINUTES", else: 30)
            var operations = 0
            for seed in Seed.first(1_000_000) where time(nil) < end {
                operations += try storm(seed, workers: 8, operations: 10_000)
                print("storms: \(seed), \(operations) operations, no difference")
            }
        }
    }
}

/// The same storm on a mount and on the machine's own filesystem.
///
/// - Returns: how many calls were made on the mount.
@discardableResult
private func storm(_ seed: Seed, workers: UInt32, operations: UInt64) throws -> Int {
    let folder = try TemporaryFolder()
    var expected = test_storm_result()
    test_storm(folder.path, seed.value, workers, operations, &expected)
    try expectSound(folder.path, expected)
    var result = test_storm_result()

    try withMount { (mount) throws in
        test_storm(mount.path, seed.value, workers, operations, &result)

        try expectSound(mount.path, result)
        #expect(answers(result) == answers(expected), "calls in a worker's own directory")
        for worker in 0..<workers {
            let own = "/own-\(worker)"
            #expect(try dump(mount.path + own) == dump(folder.path + own))
        }
        // What the kernel cached is one thing, what the server holds another: ask a new mount.
        let again = try TestMount(mount.server.tree)
        defer { again.close() }
        #expect(try dump(again.path) == dump(mount.path))
    }
    return Int(result.operations)
}

private func answers(_ result: test_storm_result) -> [UInt64] {
    withUnsafeBytes(of: result.answers) { Array($0.bindMemory(to: UInt64.self)) }
}

/// Checks what must hold whatever the order of the calls was.
private func expectSound(_ root: String, _ result: test_storm_result) throws {
    let problem = withUnsafeBytes(of: result.problem) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    try #require(problem == "")

    let counted = try names(root + "/counted-0") + names(root + "/counted-1")
    #expect(Int64(counted.count) == result.counted)
    var tokens: [String] = []
    for directory in ["/tokens-0/", "/tokens-1/"] {
        tokens += try names(root + directory).map { try text(root + directory + $0) }
    }
    #expect(tokens.sorted() == (0..<TEST_STORM_TOKENS).map(String.init).sorted())
    try expectTrueLinkCounts(root)
}

/// Each file has as many links as names lead to it, each directory two and one more for each directory in it.
private func expectTrueLinkCounts(_ root: String) throws {
    var names: [UInt64: Int] = [:]
    var links: [UInt64: Int] = [:]
    func walk(_ directory: String) throws {
        let all = try FuseMountTests.names(directory)
        #expect(Set(all).count == all.count, "a name is listed twice in \(directory)")
        var directories = 0
        for name in all {
            let child = directory + "/" + name
            let now = try #require(status(child), "a listed name is not there: \(child)")
            if now.st_mode & S_IFMT == S_IFDIR {
                directories += 1
                try walk(child)
            } else {
                names[UInt64(now.st_ino), default: 0] += 1
                links[UInt64(now.st_ino)] = Int(now.st_nlink)
            }
        }
        #expect(Int(status(directory)!.st_nlink) == 2 + directories, "links of \(directory)")
    }
    try walk(root)
    #expect(names == links)
}
