import FileTree
import Oracles
import PowerLoss
import Recording

/// Tells what a power loss took of a run, and which sync would have kept it. Sentences of it are made in `Reporting`.
package struct Explanation {
    let storage: Storage
    let history: History
    var log: EffectLog { storage.log }

    package init(_ storage: Storage, history: History) {
        self.storage = storage
        self.history = history
    }

    // MARK: Culprits

    /// Every lost or torn effect, those of one record together.
    package func lost(_ state: CrashState) -> [Culprit] { culprits(state, losses(state)) }

    /// The losses that are at fault, those of one record together: what is lost only because the model's order takes it
    /// with another loss is left out. Of a smallest plan each of them is needed: were it there, nothing would be wrong.
    package func culprits(_ state: CrashState) -> [Culprit] { culprits(state, roots(state)) }

    private func culprits(_ state: CrashState, _ losses: [Loss]) -> [Culprit] {
        let lost = byRecord(losses).map { same in
            Culprit.lost(
                log.step(same[0].record), parts(same[0].record, same),
                failedSync: same.compactMap { missedSync($0.effect, before: state.crashPoint) }
                    .first)
        }
        let torn = state.choice.torn.map { torn in
            let loss = loss(state.pending.effects[torn.index])
            return Culprit.torn(log.step(loss.record), tear(loss.effect, torn))
        }
        return lost + torn + (state.choice.showsStale ? [.staleBlocks] : [])
    }

    /// A lost effect.
    struct Loss {
        /// Its number among the effects of the log.
        let effect: Int
        let logged: EffectLog.LoggedEffect
        var record: Int { logged.id.record }
    }

    private func losses(_ state: CrashState) -> [Loss] {
        let torn = Set(state.choice.torn.map(\.index))
        return state.pending.effects.indices
            .filter { !state.choice.kept[$0] && !torn.contains($0) }
            .map { loss(state.pending.effects[$0]) }
    }

    /// The effects of which not all arrived.
    func torn(_ state: CrashState) -> [Loss] {
        state.choice.torn.map { loss(state.pending.effects[$0.index]) }
    }

    private func loss(_ effect: Int) -> Loss { Loss(effect: effect, logged: log.effects[effect]) }

    /// The losses that no other one forces: all that such an effect requires is there, or is one with it.
    func roots(_ state: CrashState) -> [Loss] {
        let (pending, choice) = (state.pending, state.choice)
        let torn = Set(choice.torn.map(\.index))
        let sets = storage.closedSets(pending)
        return pending.effects.indices.filter { index in
            guard !choice.kept[index], !torn.contains(index) else { return false }
            return sets.required(by: index).allSatisfy { other in
                choice.kept[other] || other == index || sets.required(by: other).contains(index)
            }
        }.map { loss(pending.effects[$0]) }
    }

    private func byRecord(_ losses: [Loss]) -> [[Loss]] {
        var result: [[Loss]] = []
        for loss in losses {
            if result.last?[0].record == loss.record {
                result[result.count - 1].append(loss)
            } else {
                result.append([loss])
            }
        }
        return result
    }

    // MARK: Causes

    /// What a power loss took, as the syncs that would have kept it, files of one name pattern together. A loss whose
    /// signature holds that of a known finding needs no finding of its own.
    func signature(_ state: CrashState) -> Set<Cause.Part> {
        var parts = causes(losses(state), state)
        // Had the file been synced, it could not have torn either.
        for loss in torn(state) { parts.insert(.content(pattern(loss.logged))) }
        return parts
    }

    /// The signature of a smallest plan.
    ///
    /// - Parameter isOfRecovery: the first start after the power loss showed nothing wrong.
    func cause(
        _ kind: ViolationKind, _ smallest: SmallestState, isOfRecovery: Bool = false
    ) -> Set<Cause.Part> {
        let parts = causes(roots(smallest.state), smallest.state)
        if !parts.isEmpty { return parts }
        // Whenever the process ended: it is recovery that is at fault.
        if kind.traits.isOfRecovery || isOfRecovery { return [.recovery] }
        if kind == .swallowedSyncError { return [.takenBack] }
        let point = smallest.state.crashPoint
        return [
            smallest.isUnwritten
                ? .notWritten
                : .order(before: point < storage.lastCrashPoint ? log.call(point).shape : "end")
        ]
    }

    private func causes(_ losses: [Loss], _ state: CrashState) -> Set<Cause.Part> {
        var parts: Set<Cause.Part> = []
        for loss in losses {
            let missed = missedSync(loss.effect, before: state.crashPoint)
            parts.insert(missed == nil ? cause(loss) : .unsynced(cause(loss)))
        }
        for loss in torn(state) { parts.insert(.torn(pattern(loss.logged))) }
        return parts
    }

    /// One directory that is not synced after renames into it is one cause, whatever the names.
    private func cause(_ loss: Loss) -> Cause.Part {
        switch loss.logged.effect.change {
        case .name:
            .names(by: log.call(loss.record).verb, in: NamePattern.of(directory(loss.logged)))
        case .attributes, .extendedAttribute: .attributes(pattern(loss.logged))
        case .birth, .data, .zero, .punch, .grow, .setSize: .content(pattern(loss.logged))
        }
    }

    private func pattern(_ logged: EffectLog.LoggedEffect) -> String {
        NamePattern.of(log.paths[logged.path])
    }

    /// The path of the directory in which the name lies that changes; empty for the data's own.
    func directory(_ logged: EffectLog.LoggedEffect) -> String {
        log.paths[logged.path].split(separator: "/").dropLast().joined(separator: "/")
    }

    // MARK: Failed syncs

    /// The record of the failed sync that should have covered the effect.
    func missedSync(_ effect: Int, before point: Int) -> Int? {
        let record = storage.graph.nodes[effect].missedAt
        return record < point ? Int(record) : nil
    }

    /// Which sync failed before this moment; nil where none did.
    package func failedSync(at cut: Int) -> FailedSync? {
        guard let (record, fault) = log.failedSync, record < cut else { return nil }
        return FailedSync(
            number: log.syncs.partitioningIndex { $0 >= record } + 1, step: log.step(record),
            error: fault.error == nil ? nil : fault.effect, failure: fault.failure)
    }

    // MARK: What was lost of a record

    private func parts(_ record: Int, _ losses: [Loss]) -> Set<Culprit.Part> {
        var parts: Set<Culprit.Part> = []
        var data: [Range<UInt64>] = []
        var zeros: [Range<UInt64>] = []
        for loss in losses {
            switch loss.logged.effect.change {
            case .birth: parts.insert(.birth)
            case .data(let block, let range, _): data.append(Self.bytes(block, range))
            case .zero(let block, let range): zeros.append(Self.bytes(block, range))
            case .punch: parts.insert(.hole)
            case .grow: parts.insert(.size(beyond: keptSize(record, losses)))
            case .setSize: parts.insert(.size(beyond: nil))
            case .name(_, let present): parts.insert(present ? .name : .removal)
            case .attributes: parts.insert(.attributes)
            case .extendedAttribute(let name, _): parts.insert(.attribute("\(name)"))
            }
        }
        if !data.isEmpty {
            let isAll = data.count == effects(of: record).count { $0.block != nil }
            parts.insert(.data(isAll ? nil : Self.joined(data)))
        }
        if !zeros.isEmpty { parts.insert(.zeros(Self.joined(zeros))) }
        return parts
    }

    private func effects(of record: Int) -> [Effect.Change] {
        (log.firstEffect[record]..<log.firstEffect[record + 1]).map {
            log.effects[$0].effect.change
        }
    }

    /// A write grows its file block by block: the size that it has still; nil where it grew by none.
    private func keptSize(_ record: Int, _ losses: [Loss]) -> UInt64? {
        let lost = Set(losses.map(\.effect))
        return (log.firstEffect[record]..<log.firstEffect[record + 1]).compactMap { effect in
            guard case .grow(let size) = log.effects[effect].effect.change, !lost.contains(effect)
            else { return nil as UInt64? }
            return size
        }.max()
    }

    /// Offsets in the file.
    static func bytes(_ block: UInt64, _ range: Range<Int>) -> Range<UInt64> {
        let start = block * UInt64(Block.size)
        return start + UInt64(range.lowerBound)..<start + UInt64(range.upperBound)
    }

    /// Sorted, neighbours as one.
    private static func joined(_ ranges: [Range<UInt64>]) -> [Range<UInt64>] {
        var joined: [Range<UInt64>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = joined.last, last.upperBound >= range.lowerBound {
                joined[joined.count - 1] =
                    last.lowerBound..<max(last.upperBound, range.upperBound)
            } else {
                joined.append(range)
            }
        }
        return joined
    }

    private func tear(_ effect: Int, _ torn: Storage.Choice.Torn) -> Culprit.Tear {
        let written = storage.graph.nodes[effect].units
        let missing = written & ~torn.units & ~(torn.damage?.units ?? 0)
        return Culprit.Tear(
            arrived: torn.units.nonzeroBitCount, of: written.nonzeroBitCount, unit: storage.unit,
            missing: Self.joined(ranges(effect, missing, onlyWritten: true)),
            damage: torn.damage.map { damage in
                Culprit.Damage(
                    ranges: Self.joined(ranges(effect, damage.units)),
                    wasWritten: damage.units & written != 0, fill: damage.fill)
            })
    }

    /// The bytes of these units of a block, or what the effect writes of them.
    func ranges(
        _ effect: Int, _ units: UInt8, onlyWritten: Bool = false
    ) -> [Range<UInt64>] {
        let block: UInt64
        let written: Range<Int>
        switch log.effects[effect].effect.change {
        case .data(let place, let range, _), .zero(let place, let range):
            (block, written) = (place, range)
        default: return []
        }
        return (0..<Block.size / storage.unit).filter { units & (1 << $0) != 0 }.map { bit in
            let unit = bit * storage.unit..<(bit + 1) * storage.unit
            return Self.bytes(block, onlyWritten ? unit.clamped(to: written) : unit)
        }
    }
}
