import Oracles
import Testing

// Method: random small histories of up to three clients; every legal outcome is enumerated here
// (each subset, each order), by the definition at the top of `Judge.swift` and nothing cleverer.
// The judge must find no violation in an observation iff some legal outcome shows it.

/// A random history, and what may be there after it was cut.
private struct World {
    struct Entry {
        var name: String
        var writes: [(key: String, value: String?)]
        var begin: Int
        /// `nil`: never settled.
        var end: Int?
        var settlement: Settlement?
        var announced: Bool
    }

    var entries: [Entry] = []
    var history = History()
    var recordCount = 0
    let keys = ["x", "y", "z"]

    init(dice: inout Dice, uniqueValues: Bool, width: Int) {
        let clients = 1 + dice.below(3)
        var open = [Int?](repeating: nil, count: clients)
        var count = 0
        let total = 2 + dice.below(4)
        for number in 0..<dice.below(3) {
            let key = keys[dice.below(keys.count)]
            let value = uniqueValues ? "s\(number)" : "v\(dice.below(2))"
            history.append("@begin s\(number) \(key)=\(value)\n@ack s\(number)\n".utf8, at: -1)
            entries.append(
                Entry(
                    name: "s\(number)", writes: [(key, value)], begin: 2 * number - 9,
                    end: 2 * number - 8, settlement: .acknowledged, announced: true))
        }
        while recordCount < 40 {
            let client = dice.below(clients)
            let line: String
            if let index = open[client] {
                if dice.oneIn(8) { break }
                let verb = ["@ack", "@ack", "@ack", "@ack", "@abort", "@unknown"][dice.below(6)]
                entries[index].settlement =
                    verb == "@ack" ? .acknowledged : verb == "@abort" ? .aborted : .unknown
                entries[index].end = recordCount
                open[client] = nil
                line = "\(verb) \(entries[index].name)"
            } else {
                guard count < total else { break }
                count += 1
                var writes: [(key: String, value: String?)] = []
                for key in keys.shuffled(using: &dice).prefix(dice.below(width + 1)) {
                    let value = uniqueValues ? "v\(count)" : "v\(dice.below(2))"
                    writes.append((key, dice.oneIn(5) ? nil : value))
                }
                let name = "c\(client)/\(count)"
                if writes.isEmpty && dice.oneIn(3) {
                    line = "@ack \(name)"
                    entries.append(
                        Entry(
                            name: name, writes: [], begin: -1, end: recordCount,
                            settlement: .acknowledged, announced: false))
                } else {
                    line =
                        "@begin \(name)" + writes.map { " \($0.key)=\($0.value ?? "")" }.joined()
                    entries.append(
                        Entry(name: name, writes: writes, begin: recordCount, announced: true))
                    open[client] = entries.count - 1
                }
            }
            history.append((line + "\n").utf8, at: recordCount, time: UInt64(recordCount))
            recordCount += 1
            if dice.oneIn(3) { recordCount += 1 }
        }
    }

    /// What an observer would list.
    struct Shown: Hashable {
        var names: Set<String>
        var values: [String: String]

        var observation: Observation {
            let words =
                names.sorted() + values.keys.sorted().map { "\($0)=\(values[$0]!)" }
            return Observation(
                output: (words.map { "@saw \($0)\n" }.joined() + "@end\n").utf8,
                outcome: .exited(0))
        }
    }

    /// All legal outcomes at a cut. The names are those of all its transactions.
    func legal(cut: Int, promise: Promise, now: UInt64) -> Set<Shown> {
        var possible: [Int] = []
        var required: Set<Int> = []
        for (index, entry) in entries.enumerated() {
            let isSettled = entry.end.map { $0 < cut } ?? false
            if entry.begin >= cut || (isSettled && entry.settlement == .aborted) { continue }
            possible.append(index)
            guard isSettled, entry.settlement == .acknowledged else { continue }
            switch promise {
            case _ where entry.end! < 0: required.insert(index)
            case .durable: required.insert(index)
            case .boundedLoss(let bound) where UInt64(entry.end!) + bound < now:
                required.insert(index)
            default: break
            }
        }
        var outcomes: Set<Shown> = []
        for mask in 0..<(1 << possible.count) {
            let chosen = possible.indices.filter { mask >> $0 & 1 == 1 }.map { possible[$0] }
            guard required.isSubset(of: chosen) else { continue }
            if promise != .durable && promise != .atomic {
                let isClosed = chosen.allSatisfy { later in
                    possible.allSatisfy { chosen.contains($0) || !precedes($0, later, cut) }
                }
                guard isClosed else { continue }
            }
            var order: [Int] = []
            place(chosen, &order, cut: cut, into: &outcomes)
        }
        return outcomes
    }

    private func precedes(_ first: Int, _ second: Int, _ cut: Int) -> Bool {
        guard entries[first].settlement == .acknowledged, let end = entries[first].end, end < cut
        else { return false }
        return end < entries[second].begin
    }

    private func place(
        _ rest: [Int], _ order: inout [Int], cut: Int, into outcomes: inout Set<Shown>
    ) {
        if rest.isEmpty {
            var values: [String: String] = [:]
            for index in order {
                for (key, value) in entries[index].writes { values[key] = value }
            }
            outcomes.insert(Shown(names: Set(order.map { entries[$0].name }), values: values))
            return
        }
        for index in rest where !rest.contains(where: { precedes($0, index, cut) }) {
            order.append(index)
            place(rest.filter { $0 != index }, &order, cut: cut, into: &outcomes)
            order.removeLast()
        }
    }

    /// Whether some outcome shows this, when the observer names only transactions without keys.
    func isExplained(_ shown: Shown, by outcomes: Set<Shown>) -> Bool {
        let wide = Set(entries.filter { !$0.writes.isEmpty }.map(\.name))
        return outcomes.contains { outcome in
            outcome.values == shown.values
                && outcome.names.subtracting(wide)
                    == shown.names.subtracting(wide)
                && shown.names.intersection(wide).isSubset(of: outcome.names)
        }
    }

    /// Whether `acknowledged` allows it: no acknowledged write is lost, each key for itself, and nothing is there that nobody
    /// may have written.
    func isAllowed(_ shown: Shown, cut: Int) -> Bool {
        func hasStatus(_ entry: Entry, _ settlements: [Settlement?]) -> Bool {
            guard entry.begin < cut else { return false }
            let isSettled = entry.end.map { $0 < cut } ?? false
            return settlements.contains(isSettled ? entry.settlement : nil)
        }
        for entry in entries {
            let isNamed = shown.names.contains(entry.name)
            if isNamed && !hasStatus(entry, [.acknowledged, .unknown, nil]) { return false }
            if !isNamed && entry.writes.isEmpty && hasStatus(entry, [.acknowledged]) {
                return false
            }
        }
        for key in keys {
            let writers = entries.indices.filter { index in
                entries[index].writes.contains { $0.key == key }
            }
            let required = writers.filter { hasStatus(entries[$0], [.acknowledged]) }
            let possible = writers.filter { index in
                hasStatus(entries[index], [.acknowledged, .unknown, nil])
                    && !required.contains { precedes(index, $0, cut) }
            }
            let value = shown.values[key]
            let isWritten = possible.contains { index in
                entries[index].writes.contains { $0.key == key && $0.value == value }
            }
            guard isWritten || (value == nil && required.isEmpty) else { return false }
        }
        return true
    }

    /// Something an observer might list: a legal outcome, one spoiled, or anything.
    func sample(from outcomes: [Shown], _ dice: inout Dice) -> Shown {
        var shown = Shown(names: [], values: [:])
        if !dice.oneIn(5), let some = outcomes.randomElement(using: &dice) { shown = some }
        let wide = entries.filter { !$0.writes.isEmpty }.map(\.name)
        for name in wide where !dice.oneIn(4) { shown.names.remove(name) }
        for _ in 0..<dice.below(3) {
            let entry = entries[dice.below(entries.count)]
            if let write = entry.writes.randomElement(using: &dice) {
                shown.values[write.key] = dice.oneIn(4) ? nil : write.value
            } else if dice.oneIn(2) {
                shown.names.insert(entry.name)
            } else {
                shown.names.remove(entry.name)
            }
        }
        return shown
    }
}

@Suite("Judging against brute force")
struct SerialisationTests {
    private static let promises: [Promise] = [
        .durable, .prefix, .boundedLoss(nanoseconds: 6), .atomic, .acknowledged,
    ]

    @Test(
        "no violation is found iff some legal outcome shows what was seen", arguments: 0..<40)
    func exact(seed: UInt64) {
        var dice = Dice(seed: seed)
        var legalCount = 0
        var illegalCount = 0
        for _ in 0..<50 {
            let world = World(
                dice: &dice, uniqueValues: !dice.oneIn(3), width: 1 + dice.below(3))
            guard !world.entries.isEmpty else { continue }
            #expect(world.history.objection == nil)
            for promise in SerialisationTests.promises {
                let cut = dice.below(world.recordCount + 2)
                let now = UInt64(max(cut - 1, 0))
                let outcomes = world.legal(
                    cut: cut, promise: promise == .acknowledged ? .durable : promise, now: now)
                let list = outcomes.sorted { "\($0.observation)" < "\($1.observation)" }
                for _ in 0..<6 {
                    let shown = world.sample(from: list, &dice)
                    let isLegal =
                        promise == .acknowledged
                        ? world.isAllowed(shown, cut: cut)
                        : world.isExplained(shown, by: outcomes)
                    let violations = judge(
                        shown.observation, history: world.history, cut: cut, promise: promise,
                        now: now)
                    #expect(
                        violations.isEmpty == isLegal,
                        "\(world.entries) cut \(cut) \(promise) \(shown) \(violations)")
                    if isLegal { legalCount += 1 } else { illegalCount += 1 }
                }
            }
        }
        #expect(legalCount > 200 && illegalCount > 200)
    }

    @Test("an observer that names everything is never accused wrongly", arguments: 0..<20)
    func namesEverything(seed: UInt64) {
        var dice = Dice(seed: seed &+ 1_000)
        var vocabulary = Vocabulary()
        vocabulary.namesTransactionsWithKeys = true
        for _ in 0..<60 {
            let world = World(dice: &dice, uniqueValues: !dice.oneIn(2), width: 3)
            for promise in SerialisationTests.promises {
                let cut = dice.below(world.recordCount + 2)
                let now = UInt64(max(cut - 1, 0))
                let strict = promise == .acknowledged ? .durable : promise
                for shown in world.legal(cut: cut, promise: strict, now: now) {
                    let violations = judge(
                        shown.observation, history: world.history, cut: cut, promise: promise,
                        now: now, vocabulary: vocabulary)
                    #expect(
                        violations.isEmpty,
                        "\(world.entries) cut \(cut) \(promise) \(shown) \(violations)")
                }
            }
        }
    }
}
