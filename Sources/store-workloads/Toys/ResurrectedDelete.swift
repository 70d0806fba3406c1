import WorkloadMarks

// resurrected-delete
//
// One file for each key in `objects/`. A put writes a file aside, syncs it, renames it and syncs the
// directory. A delete unlinks the file.
//
// Bug:   a delete is acknowledged without a sync of the directory, so the file may be back.
// Twin:  syncs the directory after a delete too.
// Found: under posix, ext4-ordered, xfs, btrfs and in-order, resurrected. data-only keeps all changes of
//        names and cannot find it.

struct ResurrectedDelete: Toy {
    static let name = "resurrected-delete"
    private static let temporaryPrefix = ".new-"

    private let directory: String
    private let isBuggy: Bool
    private(set) var table: Table = [:]
    private(set) var damage: [String] = []

    static func create(in directory: String) throws -> Change? {
        try makeDirectory(directory + "/objects")
        return nil
    }

    init(opening directory: String, isBuggy: Bool) throws {
        self.directory = directory + "/objects"
        self.isBuggy = isBuggy
        for name in try names(in: self.directory) {
            let path = self.directory + "/" + name
            if name.hasPrefix(Self.temporaryPrefix) {
                try removeFile(path)
            } else if let value = Framing.onlyRecord(in: try contents(ofFile: path)) {
                table[name] = String(decoding: value, as: UTF8.self)
            } else {
                damage.append("\(name): the checksum is wrong")
            }
        }
        try syncDirectory(self.directory)
    }

    mutating func commit(_ change: Change, acknowledge: () -> Void) throws {
        for (key, value) in change.writes {
            if value.isEmpty {
                try delete(key)
            } else {
                try put(key, value)
            }
        }
        table.apply(change.payload)
        acknowledge()
    }

    /// Two puts of new keys, then a delete of the second.
    static func change(_ number: Int) -> Change {
        let isDelete = number % 3 == 0
        let key = isDelete ? "k\(number - 1)" : "k\(number)"
        return Change(name: "t\(number)", writes: [(key, isDelete ? "" : "v\(number)")])
    }

    private func put(_ key: String, _ value: String) throws {
        let temporaryPath = "\(directory)/\(Self.temporaryPrefix)\(key)"
        try writeNewFile(temporaryPath, Framing.frame(Array(value.utf8)), synced: true)
        try renameFile(temporaryPath, to: "\(directory)/\(key)")
        try syncDirectory(directory)
    }

    private func delete(_ key: String) throws {
        try removeFile("\(directory)/\(key)")
        if !isBuggy { try syncDirectory(directory) }
    }
}
