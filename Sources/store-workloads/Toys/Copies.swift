import Glibc
import WorkloadMarks

// copies
//
// A log in three copies, each on the storage of another machine, and no syncs: what two machines lose, the
// third still has. Recovery takes the longest of the logs for all three.
//
// Bug:   a commit is acknowledged when the first machine has it, and the others get it after that.
// Twin:  it is acknowledged when all have it.
// Found: where one machine or more lose their power, as a lost commit, under every model. When all three lose
//        it together the twin's commits are lost, too: it promises for two at once.

struct Copies: Toy {
    static let name = "copies"

    private var logs: [RecordLog]
    private let isBuggy: Bool
    private(set) var table: Table

    private static func paths(in directory: String) throws -> [String] {
        guard let mounts = getenv("PERJURY_MOUNTS") else {
            throw StoreError("PERJURY_MOUNTS does not name the machines' mounts")
        }
        return String(cString: mounts).split(separator: " ").map { "\(directory)/\($0)/log" }
    }

    static func create(in directory: String) throws -> Change? {
        for path in try paths(in: directory) { try RecordLog.create(path) }
        return nil
    }

    init(opening directory: String, isBuggy: Bool) throws {
        self.isBuggy = isBuggy
        var records: [[[UInt8]]] = []
        logs = try Self.paths(in: directory).map { path in
            var whole: [[UInt8]] = []
            let log = try RecordLog(path: path) { whole.append($0) }
            records.append(whole)
            return log
        }
        let longest = records.max { $0.count < $1.count } ?? []
        for index in logs.indices {
            for record in longest.dropFirst(records[index].count) {
                try logs[index].append(record)
            }
            try logs[index].file.sync()
        }
        table = [:]
        for record in longest { table.apply(record) }
    }

    mutating func commit(_ change: Change, acknowledge: () -> Void) throws {
        for index in logs.indices {
            try logs[index].append(change.payload)
            if isBuggy, index == 0 { acknowledge() }
        }
        table.apply(change.payload)
        if !isBuggy { acknowledge() }
    }
}
