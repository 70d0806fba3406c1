import FileTree
import Oracles
import PowerLoss
import Recording

/// Sentences that say what would mend a finding.
extension Explanation {
    /// The record without which the loss does no harm: the last one before the power went, since the crash point is the
    /// earliest. What it changed was kept; an acknowledgement is none.
    ///
    /// - Returns: `#5 create CURRENT`; nil where nothing was lost, or where only the moment counts.
    func kept(_ state: CrashState) -> String? {
        let last = state.crashPoint - 1
        let records = faults(state).map(\.record)
        guard last >= 0, !records.isEmpty, !records.contains(last),
            log.firstEffect[last] < log.firstEffect[last + 1]
        else { return nil }
        if let before = state.earlier(at: last), before.hash == state.hash { return nil }
        return "#\(last) \(log.words(last))"
    }

    /// What is to be said of a finding that no sync of the program's mends; nil where one may.
    func adviceWithoutSync(_ violation: Violation, _ smallest: SmallestState) -> String? {
        let state = smallest.state
        let point = state.crashPoint
        if smallest.isUnwritten { return adviceOnUnwritten() }
        if violation.kind.traits.isOfRecovery || violation.isOfSecondStart {
            return adviceOnRecovery(violation, state)
        }
        let faults = faults(state)
        if faults.isEmpty {
            if let failed = log.failedSync, log.takesBack, failed.record < point {
                return Self.adviceOnFailure(failed.record)
            }
            return adviceWithoutLoss(at: point)
        }
        for fault in faults {
            if let failed = missedSync(fault.effect, before: point) {
                return Self.adviceOnFailure(failed)
            }
            if let sync = ignoredSync(fault.effect, before: point) {
                return
                    "sync #\(sync) covered #\(fault.record) (\(log.words(fault.record))), and \(storage.stack.name) did not do it: "
                    + "no sync helps, recovery must be able to tell that it is missing (a journal, a checksum, a copy)"
            }
        }
        return faults.allSatisfy { $0.record == point - 1 } ? adviceToRecovery(state) : nil
    }

    /// The effects of a smallest state that are at fault, those that tore included; in log order.
    func faults(_ state: CrashState) -> [Loss] {
        (roots(state) + torn(state)).sorted { $0.effect < $1.effect }
    }

    // MARK: Syncs

    /// What a sync of the program's would have to be of to store the effect.
    func sync(of loss: Loss) -> Sync {
        switch loss.logged.effect.change {
        case .name(let entry, _): return .directory(entry.directory, dataOnly: false)
        case .attributes, .extendedAttribute:
            let inode = loss.logged.effect.inode
            return isDirectory(inode)
                ? .directory(inode, dataOnly: false) : .file(inode, dataOnly: false)
        default: return .file(loss.logged.effect.inode, dataOnly: false)
        }
    }

    private func isDirectory(_ inode: InodeNumber) -> Bool {
        if let base = log.recording.base[inode] { return base.kind == .directory }
        return log.effects.contains { logged in
            guard logged.effect.inode == inode, case .birth(let new) = logged.effect.change else {
                return false
            }
            return new.kind == .directory
        }
    }

    /// `fsync log after #3 and before acknowledging t1`.
    ///
    /// - Parameters:
    ///   - loss: what the sync is to store.
    ///   - after: the record after which it is done.
    func sentence(_ loss: Loss, after: Int, before record: Int, _ violation: Violation) -> String {
        let what: String
        if case .name = loss.logged.effect.change {
            let parent = directory(loss.logged)
            what = "the directory \(parent.isEmpty ? "of the data (.)" : parent + "/")"
        } else {
            what = log.paths[loss.logged.path]
        }
        return "fsync \(what) after #\(after) and before \(moment(record, violation))"
    }

    /// A record as the moment before which something is to be done.
    private func moment(_ record: Int, _ violation: Violation) -> String {
        let settled = history.transactions.filter {
            $0.settledSequence == record && $0.settlement == .acknowledged
        }
        let named = settled.first { violation.transactions.contains($0.name) } ?? settled.first
        if let named { return "acknowledging \(named.name)" }
        if case .mark = log.recording[record].event { return "the output at #\(record)" }
        return "#\(record) (\(log.words(record)))"
    }

    // MARK: What else is at fault

    /// Where syncs were tried and none mends it.
    func adviceBesideSyncs(_ state: CrashState) -> String {
        let record = faults(state)[0].record
        return
            "no sync was found that mends it: recovery must be able to tell that #\(record) (\(log.words(record))) "
            + "is missing (a journal, a checksum, a copy)"
    }

    /// Where no sync can be in time, recovery has to live with the loss.
    func adviceToRecovery(_ state: CrashState) -> String {
        let faults = faults(state)
        guard let fault = faults.first(where: { $0.logged.effect.change.block != nil }) else {
            let record = faults[0].record
            return "no sync is in time for #\(record) (\(log.words(record))): "
                + "recovery must be able to tell that it is missing (a journal, a checksum, a copy)"
        }
        let path = log.paths[fault.logged.path]
        if let neighbour = damagedNeighbour(state) {
            return
                "#\(neighbour) shares a sector of \(path) with what was there before, and a power loss can damage all of it: "
                + "write to a sector of its own what must not harm what is there"
        }
        if isAppended(fault) {
            return isLog(fault)
                ? "#\(fault.record) adds to the end of \(path), and no sync is in time for it: "
                    + "recovery must take an invalid last record for the end of the log"
                : "#\(fault.record) writes to a new part of \(path), and no sync is in time for it: "
                    + "write what refers to it after a sync of it, or let recovery tell that it is missing (a journal, a checksum, a copy)"
        }
        return
            "#\(fault.record) overwrites \(path) in place, and a power loss can leave it half done: "
            + "write it elsewhere first (a journal or a copy, synced)"
    }

    /// The record of a write whose tear damaged bytes beside its own that held something.
    private func damagedNeighbour(_ state: CrashState) -> Int? {
        for tear in state.choice.torn {
            guard let damage = tear.damage else { continue }
            let effect = state.pending.effects[tear.index]
            let damaged = ranges(effect, damage.units)
            let own = ranges(effect, damage.units, onlyWritten: true)
            let others = zip(damaged, own).flatMap { whole, written in
                written.isEmpty
                    ? [whole]
                    : [
                        whole.lowerBound..<written.lowerBound,
                        written.upperBound..<whole.upperBound,
                    ]
            }
            let loss = Loss(effect: effect, logged: log.effects[effect])
            if !wereEmpty(others, before: loss) { return loss.record }
        }
        return nil
    }

    /// Whether the bytes of an effect held nothing before: they were beyond the end of the file, or zeros.
    private func isAppended(_ loss: Loss) -> Bool {
        let units = storage.graph.nodes[loss.effect].units
        return wereEmpty(ranges(loss.effect, units, onlyWritten: true), before: loss)
    }

    /// Whether all that the run wrote to the file of an effect came after what was there: it is a log, not pages.
    private func isLog(_ loss: Loss) -> Bool {
        let inode = loss.logged.effect.inode
        let base = log.recording.base[inode]?.content
        var end: UInt64 = 0
        for logged in log.effects where logged.effect.inode == inode {
            switch logged.effect.change {
            case .setSize(let size): end = min(end, size)
            case .data(let block, let range, _):
                let bytes = Self.bytes(block, range)
                let before = base.map { min(bytes.upperBound, $0.size) } ?? 0
                guard bytes.lowerBound >= end,
                    before <= bytes.lowerBound
                        || base!.bytes(bytes.lowerBound..<before).allSatisfy({ $0 == 0 })
                else { return false }
                end = bytes.upperBound
            default: break
            }
        }
        return true
    }

    private func wereEmpty(_ ranges: [Range<UInt64>], before loss: Loss) -> Bool {
        guard let tree = try? log.recording.tree(after: loss.record),
            let content = tree[loss.logged.effect.inode]?.content
        else { return true }
        return ranges.allSatisfy { range in
            let end = min(range.upperBound, content.size)
            return range.lowerBound >= end
                || content.bytes(range.lowerBound..<end).allSatisfy { $0 == 0 }
        }
    }

    private func adviceOnUnwritten() -> String {
        guard let mapped = log.mappedPaths.first else {
            return "write it before acknowledging it: until then it had not left the program"
        }
        return "write it, or msync the mapping of \(mapped), before acknowledging it"
    }

    private static func adviceOnFailure(_ record: Int) -> String {
        "the sync at #\(record) failed, and a later one that succeeds says nothing of what it should have written: stop there, "
            + "or write it anew before acknowledging, and let recovery trust no page that may be in the cache alone"
    }

    private func adviceOnRecovery(_ violation: Violation, _ state: CrashState) -> String {
        let fault =
            "recovery itself changes what it finds, and the next one "
            + (violation.kind == .unstableRecovery ? "finds less" : "misreads it")
        guard let first = (roots(state).first ?? torn(state).first)?.record
        else { return "nothing need be lost: \(fault)" }
        return "\(fault); it does so when #\(first) (\(log.words(first))) is not wholly there"
    }

    private func adviceWithoutLoss(at point: Int) -> String {
        guard point > 0, point < storage.lastCrashPoint else {
            return "nothing need be lost: recovery misreads a complete tree"
        }
        let next = "#\(point) (\(log.words(point)))"
        if case .write(_, _, _, .dirtyPage) = log.operation(point - 1) {
            return
                "the kernel may write the page of #\(point - 1) (\(log.words(point - 1))) at any time, so without \(next), too: "
                + "store into it only when that is durable"
        }
        return
            "nothing need be lost: the program's end after #\(point - 1) (\(log.words(point - 1))) and before "
            + "\(next) is enough; the order of these steps, or recovery from between them, is at fault"
    }

    /// The record that would have made the effect durable before the power went, had the stack kept its word.
    private func ignoredSync(_ effect: Int, before point: Int) -> Int? {
        let covered = Int(storage.graph.nodes[effect].coveredAt)
        return covered < point ? covered : nil
    }
}
