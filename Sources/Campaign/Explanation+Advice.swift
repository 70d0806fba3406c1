import FileTree
import Oracles
import PowerLoss
import Recording

/// What would mend a finding.
extension Explanation {
    /// The record without which the loss does no harm: the last one before the power went, since the crash point is the
    /// earliest. What it changed was kept; an acknowledgement is none.
    ///
    /// - Returns: nil where nothing was lost, or where only the moment counts.
    func kept(_ state: CrashState) -> Step? {
        let last = state.crashPoint - 1
        let records = faults(state).map(\.record)
        guard last >= 0, !records.isEmpty, !records.contains(last),
            log.firstEffect[last] < log.firstEffect[last + 1]
        else { return nil }
        if let before = state.earlier(at: last), before.hash == state.hash { return nil }
        return log.step(last)
    }

    /// What mends a finding that no sync of the program's does; nil where one may.
    func adviceWithoutSync(_ violation: Violation, _ smallest: SmallestState) -> Advice? {
        let state = smallest.state
        let point = state.crashPoint
        if smallest.isUnwritten { return .write(mapped: log.mappedPaths.first) }
        if violation.kind.traits.isOfRecovery || violation.isOfSecondStart {
            return adviceOnRecovery(violation, state)
        }
        let faults = faults(state)
        if faults.isEmpty {
            if let failed = log.failedSync, log.takesBack, failed.record < point {
                return .afterFailedSync(failed.record)
            }
            return adviceWithoutLoss(at: point)
        }
        for fault in faults {
            if let failed = missedSync(fault.effect, before: point) {
                return .afterFailedSync(failed)
            }
            if let sync = ignoredSync(fault.effect, before: point) {
                return .ignoredSync(sync, log.step(fault.record), stack: storage.stack.name)
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

    /// - Parameters:
    ///   - loss: what the sync is to store.
    ///   - after: the record after which it is done.
    func missingSync(
        _ loss: Loss, after: Int, before record: Int, _ violation: Violation
    ) -> MissingSync {
        let what: MissingSync.What
        if case .name = loss.logged.effect.change {
            what = .directory(directory(loss.logged))
        } else {
            what = .file(log.paths[loss.logged.path])
        }
        return MissingSync(of: what, after: after, before: moment(record, violation))
    }

    /// A record as the moment before which something is to be done.
    private func moment(_ record: Int, _ violation: Violation) -> MissingSync.Moment {
        let settled = history.transactions.filter {
            $0.settledSequence == record && $0.settlement == .acknowledged
        }
        let named = settled.first { violation.transactions.contains($0.name) } ?? settled.first
        if let named { return .acknowledging(named.name) }
        if case .mark = log.recording[record].event { return .output(record) }
        return .step(log.step(record))
    }

    // MARK: What else is at fault

    /// Where syncs were tried and none mends it.
    func adviceBesideSyncs(_ state: CrashState) -> Advice {
        .noSync(log.step(faults(state)[0].record))
    }

    /// Where no sync can be in time, recovery has to live with the loss.
    func adviceToRecovery(_ state: CrashState) -> Advice {
        let faults = faults(state)
        guard let fault = faults.first(where: { $0.logged.effect.change.block != nil }) else {
            return .tooLate(log.step(faults[0].record))
        }
        let path = log.paths[fault.logged.path]
        if let neighbour = damagedNeighbour(state) {
            return .sharedSector(record: neighbour, path: path)
        }
        if isAppended(fault) {
            return isLog(fault)
                ? .endOfLog(record: fault.record, path: path)
                : .newPart(record: fault.record, path: path)
        }
        return .inPlace(record: fault.record, path: path)
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

    private func adviceOnRecovery(_ violation: Violation, _ state: CrashState) -> Advice {
        let first = (roots(state).first ?? torn(state).first)?.record
        return .recovery(
            findsLess: violation.kind == .unstableRecovery, unlessWhole: first.map(log.step))
    }

    private func adviceWithoutLoss(at point: Int) -> Advice {
        guard point > 0, point < storage.lastCrashPoint else { return .misread }
        let (last, next) = (log.step(point - 1), log.step(point))
        if case .write(_, _, _, .dirtyPage) = log.operation(point - 1) {
            return .dirtyPage(last, without: next)
        }
        return .order(after: last, before: next)
    }

    /// The record that would have made the effect durable before the power went, had the stack kept its word.
    private func ignoredSync(_ effect: Int, before point: Int) -> Int? {
        let covered = Int(storage.graph.nodes[effect].coveredAt)
        return covered < point ? covered : nil
    }
}
