import WorkloadMarks

// rename-no-dirsync
//
// The whole table in one checksummed file, replaced by each commit: write `table.tmp`, sync it, rename
// it to `table`.
//
// Bug:   the directory is not synced after the rename, so the old table may be back.
// Twin:  syncs the directory before it acknowledges.
// Found: under posix, ext4, xfs, btrfs and in-order, lost-commit: a rename waits in the journal or
//        log. data-only keeps all names and cannot find it.

struct RenameNoDirectorySync: Toy {
    static let name = "rename-no-dirsync"

    private let directory: String
    private let isBuggy: Bool
    private(set) var table: Table = [:]
    private(set) var damage: [String] = []

    private var path: String { directory + "/table" }
    private var temporaryPath: String { directory + "/table.tmp" }

    static func create(in directory: String) throws -> Change? {
        let initial = Change(name: "t0", writes: [("k0", "v0")])
        try writeNewFile(directory + "/table", Framing.frame(initial.payload), synced: false)
        return initial
    }

    init(opening directory: String, isBuggy: Bool) throws {
        self.directory = directory
        self.isBuggy = isBuggy
        try removeLeftOver(temporaryPath)
        try syncNames()
        if let payload = Framing.onlyRecord(in: try contents(ofFile: path)) {
            table.apply(payload)
        } else {
            damage.append("table: the checksum is wrong")
        }
    }

    mutating func commit(_ change: Change, acknowledge: () -> Void) throws {
        table.apply(change.payload)
        try writeNewFile(temporaryPath, Framing.frame(table.payload), synced: true)
        try renameFile(temporaryPath, to: path)
        try syncNames()
        acknowledge()
    }

    private func syncNames() throws {
        if isBuggy { return }
        try syncDirectory(directory)
    }
}
