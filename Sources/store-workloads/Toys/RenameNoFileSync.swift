import WorkloadMarks

// rename-no-fsync
//
// A configuration file of three settings, replaced by each commit: write `config.tmp`, rename it to
// `config`. It promises that the configuration is the old one or the new one (`promise: atomic`), not
// that the new one is durable.
//
// Bug:   `config.tmp` is not synced before the rename, so the name may be durable before the content.
// Twin:  syncs it. The directory is synced by neither: this promise does not need it.
// Found: under posix, ext4-ordered, xfs, btrfs and data-only, corrupt: an empty file, a file of zeros or
//        half a file. in-order cannot find it.

struct RenameNoFileSync: Toy {
    static let name = "rename-no-fsync"
    private static let keys = ["host", "port", "user"]

    private let directory: String
    private let isBuggy: Bool
    private(set) var table: Table = [:]
    private(set) var damage: [String] = []

    private var path: String { directory + "/config" }
    private var temporaryPath: String { directory + "/config.tmp" }

    static func create(in directory: String) throws -> Change? {
        let initial = change(0)
        try writeNewFile(directory + "/config", text(of: initial), synced: false)
        return initial
    }

    init(opening directory: String, isBuggy: Bool) throws {
        self.directory = directory
        self.isBuggy = isBuggy
        try removeLeftOver(temporaryPath)
        let text = try contents(ofFile: path)
        if text.isEmpty {
            damage.append("config is empty")
        } else if text.contains(0) {
            damage.append("config has zero bytes in it")
        } else if !text.ends(with: Array("# end\n".utf8)) {
            damage.append("config is cut short")
        } else {
            let lines = text.split(separator: UInt8(ascii: "\n"))
            for line in lines where line.first != UInt8(ascii: "#") { table.apply(Array(line)) }
        }
    }

    mutating func commit(_ change: Change, acknowledge: () -> Void) throws {
        try writeNewFile(temporaryPath, Self.text(of: change), synced: !isBuggy)
        try renameFile(temporaryPath, to: path)
        table.apply(change.payload)
        acknowledge()
    }

    static func change(_ number: Int) -> Change {
        Change(name: "t\(number)", writes: keys.map { ($0, "\($0)\(number)") })
    }

    /// The file of a configuration: its settings, with comments between them that make it larger than
    /// a page, as such files are.
    private static func text(of change: Change) -> [UInt8] {
        let comment = String(repeating: "# A line that explains the setting below.\n", count: 50)
        let settings = change.writes.map { "\(comment)\($0.key)=\($0.value)\n" }
        return Array((settings.joined() + "# end\n").utf8)
    }
}
