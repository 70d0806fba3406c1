import FileTree
import Oracles
import PowerLoss
import Recording

/// Says in the program's own terms what a power loss took, and which sync would have kept it.
package struct Explanation {
    let storage: Storage
    let history: History
    private var log: EffectLog { storage.log }

    package init(_ storage: Storage, history: History) {
        self.storage = storage
        self.history = history
    }

    // MARK: Culprits

    /// Each lost or torn effect, those of one record and object together.
    package func lost(_ pending: Storage.Pending, _ choice: Storage.Choice) -> [String] {
        var lines: [String] = []
        for (record, effects) in culprits(pending, choice) {
            let texts = Set(effects.map { part($0.logged) }).sorted()
            let failure = effects.compactMap { missedSync($0.index, pending) }.first
            lines.append(
                "#\(record) \(log.words(record)): lost \(texts.joined(separator: ", "))"
                    + (failure.map { ", which the sync at #\($0) failed to store" } ?? ""))
        }
        for tear in choice.torn {
            let logged = log.effects[pending.effects[tear.index]]
            lines.append(
                "#\(logged.id.record) \(log.words(logged.id.record)): torn, \(units(pending, tear))"
            )
        }
        if choice.showsStale {
            lines.append("new blocks whose data was lost show what they held before")
        }
        return lines
    }

    /// What a power loss took, as the syncs that would have kept it, files of one name pattern together. A loss whose
    /// signature holds that of a known finding needs no finding of its own.
    func signature(_ pending: Storage.Pending, _ choice: Storage.Choice) -> Set<String> {
        var parts = losses(pending, choice)
        // Had the file been synced, it could not have torn either.
        for tear in choice.torn {
            parts.insert("content \(pattern(log.effects[pending.effects[tear.index]]))")
        }
        return parts
    }

    /// The signature of a smallest plan.
    ///
    /// - Parameter isOfRecovery: the first start after the power loss showed nothing wrong.
    func cause(
        _ kind: ViolationKind, _ plan: SmallestPlan, isOfRecovery: Bool = false
    ) -> Set<String> {
        let parts = losses(plan.pending, plan.choice)
        if !parts.isEmpty { return parts }
        // Whenever the process ended: it is recovery that is at fault.
        if kind == .unstableRecovery || isOfRecovery { return ["recovery"] }
        if kind == .swallowedSyncError { return ["taken back by a failed sync"] }
        return [plan.isUnwritten ? "not written" : "order \(nextOperation(plan.pending))"]
    }

    private func losses(_ pending: Storage.Pending, _ choice: Storage.Choice) -> Set<String> {
        var parts: Set<String> = []
        for (_, effects) in culprits(pending, choice) {
            for (index, logged) in effects {
                let missed = missedSync(index, pending) == nil ? "" : "unsynced "
                parts.insert("\(missed)\(aspect(logged)) \(pattern(logged))")
            }
        }
        for tear in choice.torn {
            parts.insert("torn \(pattern(log.effects[pending.effects[tear.index]]))")
        }
        return parts
    }

    private func aspect(_ logged: EffectLog.LoggedEffect) -> String {
        switch logged.effect.change {
        case .name(_, let present): present ? "name" : "removal"
        case .attributes, .extendedAttribute: "attributes"
        default: "content"
        }
    }

    private func pattern(_ logged: EffectLog.LoggedEffect) -> String {
        NamePattern.of(log.paths[logged.path])
    }

    private func nextOperation(_ pending: Storage.Pending) -> String {
        guard pending.crashPoint < storage.lastCrashPoint else { return "end" }
        return NamePattern.of(String(log.words(pending.crashPoint).prefix { $0 != "[" }))
    }

    private func culprits(
        _ pending: Storage.Pending, _ choice: Storage.Choice
    ) -> [(record: Int, effects: [Culprit])] {
        let torn = Set(choice.torn.map(\.index))
        var result: [(record: Int, effects: [Culprit])] = []
        for (index, effect) in pending.effects.enumerated()
        where !choice.kept[index] && !torn.contains(index) {
            let logged = log.effects[effect]
            if result.last?.record == logged.id.record {
                result[result.count - 1].effects.append((effect, logged))
            } else {
                result.append((logged.id.record, [(effect, logged)]))
            }
        }
        return result
    }

    /// With its number among the effects of the log.
    private typealias Culprit = (index: Int, logged: EffectLog.LoggedEffect)

    // MARK: Failed syncs

    /// The record of the failed sync that should have covered the effect.
    private func missedSync(_ effect: Int, _ pending: Storage.Pending) -> Int? {
        let record = storage.graph.nodes[effect].missedAt
        return record < pending.crashPoint ? Int(record) : nil
    }

    /// Which sync failed before this moment, in words; nil where none did.
    package func failedSync(at cut: Int) -> String? {
        guard let (record, fault) = log.failedSync, record < cut else { return nil }
        let number = log.syncs.partitioningIndex { $0 >= record } + 1
        let error = fault.error == nil ? "failed" : "failed with \(fault.effect)"
        let pages = fault.failure.map { "; \($0.words)" } ?? ""
        return "the \(ordinal(number)) sync, \(log.words(record)) at #\(record), \(error)\(pages)"
    }

    private func ordinal(_ number: Int) -> String {
        let isTeen = (11...13).contains(number % 100)
        let ending = isTeen ? "th" : [1: "st", 2: "nd", 3: "rd"][number % 10] ?? "th"
        return "\(number)\(ending)"
    }

    private func part(_ logged: EffectLog.LoggedEffect) -> String {
        switch logged.effect.change {
        case .birth: "its birth"
        case .data, .zero: "data"
        case .punch: "the hole"
        case .grow, .setSize: "size"
        case .name(_, let present): present ? "the name" : "the removal of the name"
        case .attributes: "attributes"
        case .extendedAttribute(let name, _): "attribute \(name)"
        }
    }

    private func units(_ pending: Storage.Pending, _ tear: Storage.Choice.Torn) -> String {
        let node = storage.graph.nodes[pending.effects[tear.index]]
        let kept = tear.units.nonzeroBitCount
        let arrived =
            "\(kept) of \(node.units.nonzeroBitCount) units of \(storage.unit) bytes arrived"
        guard let damage = tear.damage else { return arrived }
        let isOwn = damage.units & node.units != 0
        let fill = damage.fill == .zero ? "zeros" : "garbage"
        return arrived
            + ", \(damage.units.nonzeroBitCount) \(isOwn ? "" : "that it did not write ")became \(fill)"
    }

    // MARK: Advice

    /// Which sync is missing, and between which two moments; where no sync can help, what else is at fault.
    func advice(
        _ violation: Violation, _ pending: Storage.Pending, _ choice: Storage.Choice
    ) -> String {
        if violation.kind == .unstableRecovery || violation.isOfSecondStart {
            return adviceOnRecovery(violation, pending, choice)
        }
        var places: [String] = []
        func add(_ place: String) {
            if !places.contains(place) { places.append(place) }
        }
        let lost = Set(
            pending.effects.indices.filter { !choice.kept[$0] }.map { pending.effects[$0] })
        for (record, effects) in culprits(pending, choice) {
            for (index, effect) in effects {
                if let failed = missedSync(index, pending) {
                    add(Self.adviceOnFailure(failed))
                } else if let sync = ignoredSync(index, pending) {
                    add(
                        "sync #\(sync) covered #\(record) (\(log.words(record))), and \(storage.stack.name) did not do it: "
                            + "no sync helps, recovery must be able to tell that it is missing (a journal, a checksum, a copy)"
                    )
                } else if let deadline = deadline(violation, effect, pending, lost) {
                    add("\(sync(for: effect)) after #\(record) and before \(deadline)")
                } else {
                    add(
                        "no sync can be in time for #\(record) (\(log.words(record))), nothing comes after it yet: "
                            + "recovery must be able to tell that it is missing (a journal, a checksum, a copy)"
                    )
                }
            }
        }
        for tear in choice.torn {
            let logged = log.effects[pending.effects[tear.index]]
            add(
                "\(log.paths[logged.path]) is overwritten in place at #\(logged.id.record) and a power loss can tear it: "
                    + "write it elsewhere first (a journal or a second copy, synced), or sync what it depends on before"
            )
        }
        if places.isEmpty {
            if let failed = log.failedSync, log.takesBack, failed.record < pending.crashPoint {
                return Self.adviceOnFailure(failed.record)
            }
            return adviceWithoutLoss(pending)
        }
        return places.prefix(4).joined(separator: "; ")
    }

    private static func adviceOnFailure(_ record: Int) -> String {
        "the sync at #\(record) failed, and a later one that succeeds says nothing of what it should have written: stop there, "
            + "or write it anew before acknowledging, and let recovery trust no page that may be in the cache alone"
    }

    private func adviceOnRecovery(
        _ violation: Violation, _ pending: Storage.Pending, _ choice: Storage.Choice
    ) -> String {
        let fault =
            "recovery itself changes what it finds, and the next one "
            + (violation.kind == .unstableRecovery ? "finds less" : "misreads it")
        guard let first = culprits(pending, choice).first?.record ?? tornRecord(pending, choice)
        else { return "nothing need be lost: \(fault)" }
        return "\(fault); it does so when #\(first) (\(log.words(first))) is not wholly there"
    }

    private func tornRecord(_ pending: Storage.Pending, _ choice: Storage.Choice) -> Int? {
        choice.torn.first.map { log.effects[pending.effects[$0.index]].id.record }
    }

    private func adviceWithoutLoss(_ pending: Storage.Pending) -> String {
        let point = pending.crashPoint
        guard point > 0, point < storage.lastCrashPoint else {
            return "nothing need be lost: recovery misreads a complete tree"
        }
        return
            "nothing need be lost: the program's end after #\(point - 1) (\(log.words(point - 1))) and before "
            + "#\(point) (\(log.words(point))) is enough; the order of these steps, or recovery from between them, is at fault"
    }

    /// The record that would have made the effect durable before the power went, had the stack kept its word.
    private func ignoredSync(_ effect: Int, _ pending: Storage.Pending) -> Int? {
        let covered = Int(storage.graph.nodes[effect].coveredAt)
        return covered < pending.crashPoint ? covered : nil
    }

    private func sync(for logged: EffectLog.LoggedEffect) -> String {
        let path = log.paths[logged.path]
        if case .name = logged.effect.change {
            let parent = path.split(separator: "/").dropLast().joined(separator: "/")
            return "fsync the directory \(parent.isEmpty ? "of the data (.)" : parent + "/")"
        }
        return "fsync \(path)"
    }

    /// The moment before which a lost effect had to be durable.
    private func deadline(
        _ violation: Violation, _ logged: EffectLog.LoggedEffect, _ pending: Storage.Pending,
        _ lost: Set<Int>
    ) -> String? {
        let record = logged.id.record
        let later = (log.firstEffect[record + 1]..<log.firstEffect[pending.crashPoint])
            .filter { !lost.contains($0) }
        // A later name of the same file that survived what it names.
        for index in later {
            let effect = log.effects[index]
            guard effect.effect.inode == logged.effect.inode,
                case .name(_, present: true) = effect.effect.change
            else { continue }
            return "#\(effect.id.record) (\(log.words(effect.id.record)))"
        }
        let acknowledged = history.view(at: pending.crashPoint).acknowledged
            .filter { $0.settledSequence > record }
        let broken = acknowledged.first { violation.transactions.contains($0.name) }
        if let broken { return "acknowledging \(broken.name)" }
        // Where what was promised is older than what was lost, a later step took it away.
        let next = later.first.map { log.effects[$0].id.record }
            .map { "#\($0) (\(log.words($0)))" }
        if !violation.transactions.isEmpty, let next { return next }
        return acknowledged.first.map { "acknowledging \($0.name)" } ?? next
    }
}
