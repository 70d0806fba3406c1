import FileTree

/// Files of the mount's root that are no part of its tree: found by their exact name only, never listed, never recorded.
enum HiddenFile: UInt64 {
    /// The standard output of the program under test: each write is a mark in the log.
    case mark = 0x4000_0000_0000_0000
    /// Where the sync agent says that sync(2) or syncfs(2) was called: each write is one `Sync.everything`.
    case control = 0x4000_0000_0000_0001

    static let markName = FileName(".perjury-stdout")
    static let controlName = FileName(".perjury-control")

    init?(_ entry: DirectoryEntry) {
        guard entry.directory == .root else { return nil }
        switch entry.name {
        case Self.markName: self = .mark
        case Self.controlName: self = .control
        default: return nil
        }
    }

    init?(_ number: InodeNumber) {
        self.init(rawValue: number.rawValue)
    }

    /// Whoever the workload runs as writes marks; only the agent, which has the harness's rights, says sync.
    var mode: UInt32 {
        switch self {
        case .mark: 0o666
        case .control: 0o600
        }
    }
}
