import Glibc
import WorkloadMarks

// sync-forgotten
//
// One checksummed file for each commit, `record-1`, `record-2`, ... No file or directory is ever synced
// by itself: the store relies on sync(2), as shell scripts do.
//
// Bug:   there is no sync(2).
// Twin:  calls it before it acknowledges. On Linux sync(2) waits until everything that was written
//        before is durable, names included (POSIX lets it return earlier).
// Found: under every model, lost-commit.

struct SyncForgotten: Toy {
    static let name = "sync-forgotten"

    private let directory: String
    private let isBuggy: Bool
    private var newest = 0
    private(set) var table: Table = [:]

    static func create(in directory: String) throws -> Change? { nil }

    init(opening directory: String, isBuggy: Bool) throws {
        self.directory = directory
        self.isBuggy = isBuggy
        syncEverything()
        let prefix = "record-"
        let numbers = try names(in: directory).filter { $0.hasPrefix(prefix) }
            .compactMap { Int($0.dropFirst(prefix.count)) }.sorted()
        for number in numbers {
            // A file that is not whole was being written when the power went: it does not count.
            let bytes = try contents(ofFile: "\(directory)/\(prefix)\(number)")
            if let payload = Framing.onlyRecord(in: bytes) { table.apply(payload) }
        }
        newest = numbers.last ?? 0
    }

    mutating func commit(_ change: Change, acknowledge: () -> Void) throws {
        newest += 1
        let path = "\(directory)/record-\(newest)"
        try writeNewFile(path, Framing.frame(change.payload), synced: false)
        syncEverything()
        table.apply(change.payload)
        acknowledge()
    }

    private func syncEverything() {
        if !isBuggy { sync() }
    }
}
