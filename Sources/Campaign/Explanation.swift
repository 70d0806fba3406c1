import FileTree
import Oracles
import PowerLoss
import Recording

/// Says in the program's own terms what a power loss took, and which sync would have kept it.
struct Explanation {
    let storage: Storage
    let history: History
    private var log: EffectLog { storage.log }

    init(_ storage: Storage, history: History) {
        self.storage = storage
        self.history = history
    }

    // MARK: Culprits

    /// Each lost or torn effect, those of one record and object together.
    func lost(_ pending: Storage.Pending, _ choice: Storage.Choice) -> [String] {
        var lines: [String] = []
        for (record, effects) in culprits(pending, choice) {
            let texts = Set(effects.map { part($0) }).sorted()
            lines.append("#\(record) \(operation(record)): lost \(texts.joined(separator: ", "))")
        }
        for tear in choice.torn {
            let logged = log.effects[pending.effects[tear.index]]
            lines.append(
                "#\(logged.id.record) \(operation(logged.id.record)): torn, \(units(pending, tear))"
            )
        }
        return lines
    }

    /// What a power loss took, as the syncs that would have kept it, files of one name pattern together. A loss whose
    /// signature holds that of a known finding needs no finding of its own.
    func signature(_ pending: Storage.Pending, _ choice: Storage.Choice) -> Set<String> {
        var parts = cause(pending, choice)
        // Had the file been synced, it could not have torn either.
        for tear in choice.torn {
            parts.insert("content \(pattern(log.effects[pending.effects[tear.index]]))")
        }
        return parts
    }

    /// The signature of a smallest plan.
    func cause(_ pending: Storage.Pending, _ choice: Storage.Choice) -> Set<String> {
        var parts: Set<String> = []
        for (_, effects) in culprits(pending, choice) {
            for effect in effects { parts.insert("\(aspect(effect)) \(pattern(effect))") }
        }
        for tear in choice.torn {
            parts.insert("torn \(pattern(log.effects[pending.effects[tear.index]]))")
        }
        if parts.isEmpty { parts.insert("order \(nextOperation(pending))") }
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
        return NamePattern.of(String(operation(pending.crashPoint).prefix { $0 != "[" }))
    }

    private func culprits(
        _ pending: Storage.Pending, _ choice: Storage.Choice
    ) -> [(record: Int, effects: [EffectLog.LoggedEffect])] {
        let torn = Set(choice.torn.map(\.index))
        var result: [(record: Int, effects: [EffectLog.LoggedEffect])] = []
        for (index, effect) in pending.effects.enumerated()
        where !choice.kept[index] && !torn.contains(index) {
            let logged = log.effects[effect]
            if result.last?.record == logged.id.record {
                result[result.count - 1].effects.append(logged)
            } else {
                result.append((logged.id.record, [logged]))
            }
        }
        return result
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
        return "\(kept) of \(node.unitCount) units of \(storage.unit) bytes arrived"
    }

    /// The record as a line: `rename meta.json.tmp -> meta.json`.
    func operation(_ record: Int) -> String {
        let path =
            log.firstEffect[record] < log.firstEffect[record + 1]
            ? log.paths[log.effects[log.firstEffect[record + 1] - 1].path] : ""
        switch log.operation(record) {
        case .create(_, _, let new): return "\(Self.creation(new.kind)) \(path)"
        case .createUnnamed: return "create an unnamed file"
        case .link: return "link \(path)"
        case .remove(_, let isDirectory): return "\(isDirectory ? "rmdir" : "unlink") \(path)"
        case .rename(_, _, let mode):
            let first = log.paths[log.effects[log.firstEffect[record]].path]
            return mode == .exchange
                ? "exchange \(path) <-> \(first)" : "rename \(path) -> \(first)"
        case .write(_, let offset, let bytes, _):
            return "write \(path) [\(offset), \(offset + UInt64(bytes.count)))"
        case .setSize(_, let size): return "truncate \(path) to \(size)"
        case .allocate(_, let mode, let range):
            return
                "\(mode == .punchHole ? "punch" : "allocate") \(path) [\(range.lowerBound), \(range.upperBound))"
        case .setAttributes: return "set attributes of \(path)"
        case .setExtendedAttribute(_, let name, _): return "set attribute \(name) of \(path)"
        case .sync: return "sync"
        case nil: return "mark"
        }
    }

    private static func creation(_ kind: FileKind) -> String {
        switch kind {
        case .directory: "mkdir"
        case .symbolicLink: "symlink"
        case .regular: "create"
        default: "mknod"
        }
    }

    // MARK: Advice

    /// Which sync is missing, and between which two moments.
    func advice(_ kind: ViolationKind, _ pending: Storage.Pending, _ choice: Storage.Choice)
        -> String
    {
        var places: [String] = []
        func add(_ place: String) {
            if !places.contains(place) { places.append(place) }
        }
        for (record, effects) in culprits(pending, choice) {
            for effect in effects {
                add(
                    "\(sync(for: effect)) after #\(record)\(deadline(kind, effect, pending, choice))"
                )
            }
        }
        for tear in choice.torn {
            let logged = log.effects[pending.effects[tear.index]]
            add(
                "\(log.paths[logged.path]) is overwritten in place at #\(logged.id.record) and a power loss can tear it: "
                    + "write it elsewhere first (a journal or a second copy, synced), or sync what it depends on before"
            )
        }
        if places.isEmpty { return adviceWithoutLoss(kind, pending) }
        return places.prefix(4).joined(separator: "; ")
    }

    private func adviceWithoutLoss(_ kind: ViolationKind, _ pending: Storage.Pending) -> String {
        if kind == .unstableRecovery {
            return
                "nothing need be lost: recovery itself changes what it finds, and the next one finds less"
        }
        let point = pending.crashPoint
        guard point > 0, point < storage.lastCrashPoint else {
            return "nothing need be lost: recovery misreads a complete tree"
        }
        return
            "nothing need be lost: the program's end after #\(point - 1) (\(operation(point - 1))) and before "
            + "#\(point) (\(operation(point))) is enough; the order of these steps, or recovery from between them, is at fault"
    }

    private func sync(for logged: EffectLog.LoggedEffect) -> String {
        let path = log.paths[logged.path]
        if case .name = logged.effect.change {
            let parent = path.split(separator: "/").dropLast().joined(separator: "/")
            return "fsync the directory \(parent.isEmpty ? "of the data (.)" : parent + "/")"
        }
        return "fsync \(path)"
    }

    private func deadline(
        _ kind: ViolationKind, _ logged: EffectLog.LoggedEffect, _ pending: Storage.Pending,
        _ choice: Storage.Choice
    ) -> String {
        // A later name of the same file that survived what it names.
        for (index, effect) in pending.effects.enumerated() where choice.kept[index] {
            let later = log.effects[effect]
            guard later.id.record > logged.id.record, later.effect.inode == logged.effect.inode,
                case .name(_, present: true) = later.effect.change
            else { continue }
            return " and before #\(later.id.record) (\(operation(later.id.record)))"
        }
        let acknowledged = history.view(at: pending.crashPoint).acknowledged
        if let next = acknowledged.first(where: { $0.settledSequence > logged.id.record }) {
            return " and before acknowledging \(next.name)"
        }
        if let next = nextKept(after: logged.id.record, pending, choice) {
            return " and before #\(next) (\(operation(next)))"
        }
        return ""
    }

    /// The next record that changed something and whose effect was there after all.
    private func nextKept(
        after record: Int, _ pending: Storage.Pending, _ choice: Storage.Choice
    ) -> Int? {
        let lost = Set(
            pending.effects.indices.filter { !choice.kept[$0] }.map { pending.effects[$0] })
        for effect in log.firstEffect[record + 1]..<log.firstEffect[pending.crashPoint]
        where !lost.contains(effect) {
            return log.effects[effect].id.record
        }
        return nil
    }
}
