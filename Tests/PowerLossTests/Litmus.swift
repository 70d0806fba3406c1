import FileTree
import PowerLoss
import Testing

/// One pattern of calls, and what real kernels left of it when the power went after the last call had returned.
struct Litmus: Sendable, CustomTestStringConvertible {
    let name: String
    /// Keys and numbers of the rules that it is about; see `RuleTableTests`.
    let rules: [String]
    /// Names that the states tell of; nil for all.
    var shows: [String]?
    /// Bytes. Where tears are not the point of a row, few large units keep the enumeration small.
    var unit = 2048
    /// How many of the last records had not been done when the power went.
    var unfinished = 0
    let base: @Sendable (inout Life) -> Void
    let run: @Sendable (inout Life) -> Void
    let states: [Filesystem: Expected]

    enum Filesystem: String, CaseIterable, Sendable {
        case ext4 = "ext4-ordered"
        case xfs, btrfs

        var model: PersistenceModel { PersistenceModel.named(rawValue)! }
    }

    enum Expected: Sendable {
        /// Exactly these are allowed: the filesystem guarantees it.
        case only(String)
        /// All of these were seen, and have to be allowed; those in `never` must not be.
        case seen(String, never: String = "")
    }

    var testDescription: String { name }

    init(
        _ name: String, rules: [String] = [], shows: [String]? = nil, unit: Int = 2048,
        unfinished: Int = 0,
        base: @escaping @Sendable (inout Life) -> Void = { _ in },
        _ run: @escaping @Sendable (inout Life) -> Void, _ states: [Filesystem: Expected]
    ) {
        self.name = name
        self.rules = rules
        self.shows = shows
        self.unit = unit
        self.unfinished = unfinished
        self.base = base
        self.run = run
        self.states = states
    }

    var history: Life {
        var history = Life()
        base(&history)
        history.powerOn()
        run(&history)
        return history
    }

    func allowed(_ model: PersistenceModel, unit: Int? = nil) -> Set<String> {
        let stack = Stack(name: "test", about: "", atomicUnit: unit ?? self.unit)
        let storage = history.storage(model, stack)
        return storage.states(at: storage.lastCrashPoint - unfinished, only: shows)
    }

    /// States are written with ` / ` between them.
    static func split(_ text: String) -> Set<String> {
        var states: Set<String> = []
        var rest = text[...]
        while let slash = rest.firstRange(of: " / ") {
            states.insert(String(rest[..<slash.lowerBound]))
            rest = rest[slash.upperBound...]
        }
        if !rest.isEmpty { states.insert(String(rest)) }
        return states
    }

    func check() {
        for (filesystem, expected) in states.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            let allowed = allowed(filesystem.model)
            switch expected {
            case .only(let text):
                let wanted = Self.split(text)
                #expect(
                    allowed == wanted,
                    "\(filesystem.rawValue): missing \(wanted.subtracting(allowed).sorted()), too many \(allowed.subtracting(wanted).sorted().prefix(12))"
                )
            case .seen(let text, let never):
                let missing = Self.split(text).subtracting(allowed)
                #expect(missing.isEmpty, "\(filesystem.rawValue) lacks \(missing.sorted())")
                let wrong = allowed.intersection(Self.split(never))
                #expect(wrong.isEmpty, "\(filesystem.rawValue) allows \(wrong.sorted())")
            }
        }
    }
}

extension Dictionary where Key == Litmus.Filesystem, Value == Litmus.Expected {
    /// The same states on all three.
    static func all(_ expected: Litmus.Expected) -> Self {
        Dictionary(uniqueKeysWithValues: Litmus.Filesystem.allCases.map { ($0, expected) })
    }
}

@Suite("Litmus: what real kernels left is allowed, what they promise not to leave is not")
struct LitmusTests {
    static let rows =
        Litmus.patterns + Litmus.attributes + Litmus.directories + Litmus.allocations
        + Litmus.replacements + Litmus.versions + Litmus.promises

    @Test("row", arguments: rows)
    func row(_ row: Litmus) {
        row.check()
    }

    /// A model that promises less allows more.
    @Test("posix allows what the filesystems allow", arguments: rows)
    func posixAllowsAll(_ row: Litmus) {
        let posix = row.allowed(.posix, unit: 2048)
        for filesystem in Litmus.Filesystem.allCases {
            let others = row.allowed(filesystem.model, unit: 2048)
            let missing = others.subtracting(posix).sorted()
            #expect(missing.isEmpty, "posix lacks \(missing.prefix(6)) of \(filesystem.rawValue)")
        }
    }

    @Test("in-order allows prefixes only", arguments: rows)
    func inOrderAllowsPrefixes(_ row: Litmus) {
        let stack = Stack(name: "test", about: "", atomicUnit: 4096)
        let storage = row.history.storage(.inOrder, stack)
        for point in 0...storage.lastCrashPoint {
            storage.forEachState(at: point) { state in
                let choice = state.choice
                let end = choice.kept.firstIndex(of: false) ?? choice.kept.count
                let gaps = choice.kept[end...].indices.filter { choice.kept[$0] }
                // What is one change is kept whole: only an atom may straddle the end.
                #expect(gaps.isEmpty && choice.torn.isEmpty, "crash point \(point): \(choice)")
            }
        }
        let point = storage.lastCrashPoint
        if point > 0, case .operation(.sync) = storage.log.recording[point - 1].event {
            #expect(storage.pending(at: point).effects.isEmpty)
        }
    }

    @Test("data-only: names are there at once, data by a sync only", arguments: rows)
    func dataOnlyKeepsNames(_ row: Litmus) {
        let history = row.history
        let stack = Stack(name: "test", about: "", atomicUnit: 4096)
        let storage = history.storage(.dataOnly, stack)
        let live = Self.names(history.tree)
        let pending = storage.pending(at: storage.lastCrashPoint)
        for effect in pending.effects {
            if case .name = storage.log.effects[effect].effect.change {
                Issue.record("a name is at risk")
            }
        }
        storage.forEachState(at: storage.lastCrashPoint) {
            #expect(Self.names($0.tree) == live)
        }
    }

    private static func names(_ tree: FileTree) -> [String] {
        var names: [String] = []
        tree.visit { names.append($0.path.map(\.description).joined(separator: "/")) }
        return names
    }
}
