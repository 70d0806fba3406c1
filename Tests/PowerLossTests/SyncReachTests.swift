import PowerLoss
import Testing

/// Whether a change of one object is durable after a sync of another. Source: as `Litmus+Patterns.swift`; 8 to 45 runs a cell, every
/// cell measured with every change.
@Suite("What a sync covers besides its own object")
struct SyncReachTests {
    /// The rules that it is about; see `RuleTableTests`.
    static let rules = [
        "fsync-covers-names", "directory-sync-covers-all", "sync-closes-order", "sync-covers-all",
        "o-sync-covers-allocation",
    ]

    /// The unrelated change: in directory A.
    enum Change: String, CaseIterable {
        case create, rename, unlink, mkdir, chmod, setxattr, link, shrink

        func make(_ history: inout Life) {
            switch self {
            case .create: history.create("A/new")
            case .rename: history.rename("A/x", "A/y")
            case .unlink: history.unlink("A/x")
            case .mkdir: history.makeDirectory("A/d")
            case .chmod: history.chmod("A/x")
            case .setxattr: history.setxattr("A/x")
            case .link: history.link("A/x", "A/z")
            case .shrink: history.truncate("A/x", 4096)
            }
        }

        /// Whether it changes a name.
        var isOfNames: Bool { ![.chmod, .setxattr, .shrink].contains(self) }
    }

    enum Cover {
        /// It survives: no filesystem was seen to lose it, nor may the model.
        case yes
        /// It was seen both ways, or it depends on whether an earlier commit had left the sync anything to do.
        case may
        /// It was lost in every run: the model has to be able to lose it.
        case no
        /// Yes for names, no for what belongs to the inode.
        case names
    }

    struct Call: Sendable, CustomTestStringConvertible {
        let name: String
        let expected: [Litmus.Filesystem: Cover]
        var prepare: @Sendable (inout Life) -> Void = { _ in }
        var before: @Sendable (inout Life) -> Void = { _ in }
        let after: @Sendable (inout Life) -> Void

        var testDescription: String { name }

        init(
            _ name: String, _ ext4: Cover, _ xfs: Cover, _ btrfs: Cover,
            prepare: @escaping @Sendable (inout Life) -> Void = { _ in },
            before: @escaping @Sendable (inout Life) -> Void = { _ in },
            after: @escaping @Sendable (inout Life) -> Void
        ) {
            self.name = name
            expected = [.ext4: ext4, .xfs: xfs, .btrfs: btrfs]
            self.prepare = prepare
            self.before = before
            self.after = after
        }
    }

    @Test("after the change, one call on b or a directory", arguments: calls)
    func call(_ call: Call) {
        for change in Change.allCases { check(call, change) }
    }

    @Test("b is touched before or after the change", arguments: orders)
    func order(_ call: Call) {
        for change in Change.allCases { check(call, change) }
    }

    private func check(_ call: Call, _ change: Change) {
        var history = Life()
        for directory in ["A", "B", "C"] { history.makeDirectory(directory) }
        for path in ["A/x", "B/b", "B/e"] {
            history.create(path)
            history.write(path, 0, 16384, "O")
        }
        call.prepare(&history)
        let names = ["A/x", "A/y", "A/z", "A/d", "A/d/", "A/new"]
        let absent = TreeText.of(history.tree, only: names)
        history.powerOn()
        call.before(&history)
        change.make(&history)
        let present = TreeText.of(history.tree, only: names)
        call.after(&history)
        #expect(absent != present)

        for (filesystem, cover) in call.expected {
            let stack = Stack(name: "test", about: "", atomicUnit: 4096)
            let storage = history.storage(filesystem.model, stack)
            let states = storage.states(at: storage.lastCrashPoint, only: names)
            let isCovered = cover == .yes || (cover == .names && change.isOfNames)
            #expect(
                states == (isCovered ? [present] : [absent, present]),
                "\(change) on \(filesystem.rawValue)")
        }
    }

    private static let overwrite: @Sendable (inout Life) -> Void = {
        $0.write("B/b", 0, 4096, "N")
    }
    private static let append: @Sendable (inout Life) -> Void = { $0.append("B/b", 4096, "N") }

    static let calls = [
        Call("nothing", .no, .no, .no) { _ in },
        Call("overwrite, sync_file_range", .no, .no, .no, after: overwrite),
        Call("overwrite, fdatasync", .no, .no, .no) {
            overwrite(&$0)
            $0.fdatasync("B/b")
        },
        // Covers only if the clock has ticked since b's last change, so that its mtime is new.
        Call("overwrite, fsync", .may, .may, .no) {
            overwrite(&$0)
            $0.fsync("B/b")
        },
        Call(
            "overwrite, fsync, b just fsynced", .may, .may, .no,
            before: {
                overwrite(&$0)
                $0.fsync("B/b")
            },
            after: {
                overwrite(&$0)
                $0.fsync("B/b")
            }),
        Call("append, fdatasync", .yes, .yes, .no) {
            append(&$0)
            $0.fdatasync("B/b")
        },
        Call("append, fsync", .yes, .yes, .no) {
            append(&$0)
            $0.fsync("B/b")
        },
        Call("O_DSYNC overwrite", .no, .no, .no) { $0.writeThrough("B/b", 0, 4096, "N") },
        Call("O_SYNC overwrite", .may, .may, .no) {
            $0.writeThrough("B/b", 0, 4096, "N", dataOnly: false)
        },
        Call("O_DSYNC append", .yes, .yes, .no) { $0.writeThrough("B/b", 16384, 4096, "N") },
        Call(
            "write at the end into reserved space, fdatasync", .yes, .yes, .no,
            prepare: { $0.allocate("B/b", 16384..<32768, .keepSize) },
            after: {
                append(&$0)
                $0.fdatasync("B/b")
            }),
        Call(
            "write inside an unwritten range, fdatasync", .yes, .yes, .no,
            prepare: { $0.allocate("B/b", 16384..<32768, .extend) },
            after: {
                $0.write("B/b", 20480, 4096, "N")
                $0.fdatasync("B/b")
            }),
        Call("fallocate at the end through O_SYNC", .yes, .yes, .no) {
            $0.allocateThrough("B/b", 0..<32768, .extend)
        },
        Call("fallocate, a zeroed range at the end, through O_SYNC", .no, .yes, .no) {
            $0.allocateThrough("B/b", 16384..<32768, .zeroRange)
        },
        Call("fallocate, a hole, through O_SYNC", .no, .yes, .no) {
            $0.allocateThrough("B/b", 4096..<8192, .punchHole)
        },
        Call("fdatasync, b clean", .no, .no, .no) { $0.fdatasync("B/b") },
        Call("fsync, b clean", .no, .no, .no) { $0.fsync("B/b") },
        Call("fsync b's directory, which is clean", .yes, .no, .no) { $0.fsync("B") },
        Call("fsync another clean directory", .yes, .no, .no) { $0.fsync("C") },
        Call("fsync the directory of the change", .yes, .names, .names) { $0.fsync("A") },
        Call("syncfs", .yes, .yes, .yes) { $0.syncAll() },
    ]

    // Where b was touched before the change, ext4 and xfs were seen to cover it whenever the sync still had b's change to
    // commit; a commit in between takes that away, so no more than `may`.
    static let orders = [
        Call(
            "chmod b, X, fsync b", .may, .may, .no, before: { $0.chmod("B/b") },
            after: {
                $0.fsync("B/b")
            }),
        Call(
            "chmod b, X, fdatasync b", .no, .may, .no, before: { $0.chmod("B/b") },
            after: {
                $0.fdatasync("B/b")
            }),
        Call(
            "utimens b, X, fdatasync b", .no, .may, .no, before: { $0.utimens("B/b") },
            after: {
                $0.fdatasync("B/b")
            }),
        Call(
            "setxattr b, X, fdatasync b", .no, .may, .no, before: { $0.setxattr("B/b") },
            after: {
                $0.fdatasync("B/b")
            }),
        Call("append b, X, fdatasync b", .may, .may, .no, before: append) { $0.fdatasync("B/b") },
        Call("overwrite b, X, fsync b", .may, .may, .no, before: overwrite) { $0.fsync("B/b") },
        Call(
            "overwrite b, X, fdatasync b", .no, .no, .no, before: overwrite,
            after: {
                $0.fdatasync("B/b")
            }),
        Call(
            "rename b, X, fdatasync b", .no, .may, .no, before: { $0.rename("B/b", "B/c") },
            after: {
                $0.fdatasync("B/c")
            }),
        Call(
            "link b, X, fsync b", .may, .may, .no, before: { $0.link("B/b", "B/c") },
            after: {
                $0.fsync("B/b")
            }),
        Call(
            "unlink e, X, fsync B", .yes, .may, .no, before: { $0.unlink("B/e") },
            after: {
                $0.fsync("B")
            }),
        Call(
            "shrink b, X, fdatasync b", .may, .may, .no, before: { $0.truncate("B/b", 4096) },
            after: {
                $0.fdatasync("B/b")
            }),
        Call("X, rename b, fsync b", .yes, .yes, .no) {
            $0.rename("B/b", "B/c")
            $0.fsync("B/c")
        },
        Call("X, link b, fsync b", .yes, .yes, .no) {
            $0.link("B/b", "B/c")
            $0.fsync("B/b")
        },
        Call("X, chmod b, fsync b", .yes, .yes, .no) {
            $0.chmod("B/b")
            $0.fsync("B/b")
        },
        Call("X, chmod b, fdatasync b", .no, .yes, .no) {
            $0.chmod("B/b")
            $0.fdatasync("B/b")
        },
        Call("X, creat c, fsync c", .yes, .yes, .no) {
            $0.create("B/c")
            $0.fsync("B/c")
        },
        Call("X, creat c, fsync B", .yes, .yes, .no) {
            $0.create("B/c")
            $0.fsync("B")
        },
        Call("X, unlink e, fsync B", .yes, .yes, .no) {
            $0.unlink("B/e")
            $0.fsync("B")
        },
        Call("X, unlink e, fsync b", .no, .no, .no) {
            $0.unlink("B/e")
            $0.fsync("B/b")
        },
        Call("X, mkdir d, fsync d", .yes, .yes, .no) {
            $0.makeDirectory("B/d")
            $0.fsync("B/d")
        },
    ]
}
