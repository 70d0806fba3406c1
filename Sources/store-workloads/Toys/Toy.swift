import Glibc
import WorkloadMarks

/// A small store with one planted bug, and its correct twin.
///
/// Both are the same code; `isBuggy` is asked at exactly one place. The twin keeps every promise
/// under the weakest of the models, `posix`: a name is durable by a sync of its directory only, data
/// by a sync of its file only, and whatever is not synced may be there in part, down to 512 bytes.
protocol Toy {
    /// Its name on the command line, and in the catalogue after `toy-`.
    static var name: String { get }

    /// Makes an empty store in an empty directory. It runs as `setup`, whose result is at rest before
    /// the recording starts, so it syncs nothing. Returns what the store holds from the start.
    static func create(in directory: String) throws -> Change?

    /// Opens the store, recovering from whatever a power loss left.
    ///
    /// - Throws: `StoreError` when the store cannot be opened.
    init(opening directory: String, isBuggy: Bool) throws

    /// Commits, and calls `acknowledge` once the store promises the change.
    mutating func commit(_ change: Change, acknowledge: () -> Void) throws

    /// What is there.
    var table: Table { get }

    /// What the store itself found to be damaged, a sentence each.
    var damage: [String] { get }

    /// The transaction with this number, counted from 1.
    static func change(_ number: Int) -> Change
}

extension Toy {
    var damage: [String] { [] }

    /// One key each, out of seven, so that keys are written again.
    static func change(_ number: Int) -> Change {
        Change(name: "t\(number)", writes: [("k\(number * 3 % 7)", "v\(number)")])
    }
}

var toys: [any Toy.Type] {
    [
        AckBeforeSync.self, CreateNoDirectorySync.self, MkdirNoParentSync.self,
        RenameNoDirectorySync.self, RenameNoFileSync.self, LogTruncatedEarly.self, PageTorn.self,
        UncheckedTail.self, CommitBeforeData.self, RecoveryForgets.self, ReplayDoubles.self,
        ResurrectedDelete.self, CompactionOrder.self, SyncForgotten.self, RecoveryInPlace.self,
        SharedSector.self, OneHeader.self, LogSkipsDamage.self, TwoRoots.self, LogGrows.self,
        OneFlush.self, Pages<PlainPages>.self, Pages<FullImagePages>.self,
        Pages<DoubleWritePages>.self, SyncIgnored.self, SyncRetried.self, Copies.self,
        MappedOrder.self,
    ]
}

/// `toy NAME buggy|fixed ACTION`
func runToy(_ arguments: ArraySlice<String>) throws {
    let words = Array(arguments)
    guard words.count >= 3, let toy = toys.first(where: { $0.name == words[0] }),
        ["buggy", "fixed"].contains(words[1]), let action = Action(words[2...])
    else { exitWithUsage() }
    let directory = try dataDirectory()
    let isBuggy = words[1] == "buggy"
    switch action {
    case .create:
        if let initial = try toy.create(in: directory) {
            Marks.begin(initial)
            Marks.acknowledge(initial)
        }
    case .commit(let count):
        try commit(count, to: toy.init(opening: directory, isBuggy: isBuggy))
    case .read:
        let store = try toy.init(opening: directory, isBuggy: isBuggy)
        for (key, value) in store.table.sorted(by: { $0.key < $1.key }) {
            Marks.saw(key: key, value: value)
        }
        for sentence in store.damage { Marks.corrupt(sentence) }
        Marks.end()
    }
}

private func commit<Store: Toy>(_ count: Int, to store: Store) throws {
    var store = store
    for number in numbers(count) {
        let change = Store.change(number)
        Marks.begin(change)
        do {
            try store.commit(change) { Marks.acknowledge(change) }
        } catch {
            Marks.unknown(change)
            throw error
        }
    }
}
