import FileTree
import Oracles
import PowerLoss
import Recording

/// Says in the program's own terms what a power loss took, and which sync would have kept it.
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
    package func lost(_ state: CrashState) -> [String] { lines(state, losses(state)) }

    /// The losses that are at fault, those of one record together: what is lost only because the model's order takes it
    /// with another loss is left out. Of a smallest plan each of them is needed: were it there, nothing would be wrong.
    package func culprits(_ state: CrashState) -> [String] { lines(state, roots(state)) }

    private func lines(_ state: CrashState, _ losses: [Loss]) -> [String] {
        var lines: [String] = []
        for same in byRecord(losses) {
            let record = same[0].record
            let failure = same.compactMap { missedSync($0.effect, before: state.crashPoint) }.first
            lines.append(
                "#\(record) \(log.words(record)): lost \(parts(record, same).joined(separator: ", "))"
                    + (failure.map { ", which the sync at #\($0) failed to store" } ?? ""))
        }
        for tear in state.choice.torn {
            let torn = loss(state.pending.effects[tear.index])
            lines.append(
                "#\(torn.record) \(log.words(torn.record)): torn, \(units(torn.effect, tear))")
        }
        if state.choice.showsStale {
            lines.append("new blocks whose data was lost show what they held before")
        }
        return lines
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
                : .order(before: point < storage.lastCrashPoint ? log.shape(of: point) : "end")
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
            .names(by: log.verb(of: loss.record), in: NamePattern.of(directory(loss.logged)))
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

    // MARK: What was lost of a record

    /// `data [4096, 8192)`, `size`, `the name`: without a range where all of the record is lost.
    private func parts(_ record: Int, _ losses: [Loss]) -> [String] {
        var texts: Set<String> = []
        var data: [Range<UInt64>] = []
        var zeros: [Range<UInt64>] = []
        for loss in losses {
            switch loss.logged.effect.change {
            case .birth: texts.insert("its birth")
            case .data(let block, let range, _): data.append(Self.bytes(block, range))
            case .zero(let block, let range): zeros.append(Self.bytes(block, range))
            case .punch: texts.insert("the hole")
            case .grow: texts.insert(size(record, losses))
            case .setSize: texts.insert("size")
            case .name(_, let present):
                texts.insert(present ? "the name" : "the removal of the name")
            case .attributes: texts.insert("attributes")
            case .extendedAttribute(let name, _): texts.insert("attribute \(name)")
            }
        }
        if !data.isEmpty {
            let isAll = data.count == effects(of: record).count { $0.block != nil }
            texts.insert("data" + (isAll ? "" : " " + Self.list(data)))
        }
        if !zeros.isEmpty { texts.insert("the zeros of " + Self.list(zeros)) }
        return texts.sorted()
    }

    private func effects(of record: Int) -> [Effect.Change] {
        (log.firstEffect[record]..<log.firstEffect[record + 1]).map {
            log.effects[$0].effect.change
        }
    }

    /// A write grows its file block by block.
    private func size(_ record: Int, _ losses: [Loss]) -> String {
        let lost = Set(losses.map(\.effect))
        let kept = (log.firstEffect[record]..<log.firstEffect[record + 1]).compactMap { effect in
            guard case .grow(let size) = log.effects[effect].effect.change, !lost.contains(effect)
            else { return nil as UInt64? }
            return size
        }
        return kept.max().map { "size beyond \($0)" } ?? "size"
    }

    /// Offsets in the file.
    static func bytes(_ block: UInt64, _ range: Range<Int>) -> Range<UInt64> {
        let start = block * UInt64(Block.size)
        return start + UInt64(range.lowerBound)..<start + UInt64(range.upperBound)
    }

    /// `[0, 512), [4096, 8192)`: neighbours joined, and no more than three.
    private static func list(_ ranges: [Range<UInt64>]) -> String {
        var joined: [Range<UInt64>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = joined.last, last.upperBound >= range.lowerBound {
                joined[joined.count - 1] =
                    last.lowerBound..<max(last.upperBound, range.upperBound)
            } else {
                joined.append(range)
            }
        }
        let shown = joined.prefix(3).map { "[\($0.lowerBound), \($0.upperBound))" }
        let more = joined.count - shown.count
        return shown.joined(separator: ", ") + (more > 0 ? " and \(more) more ranges" : "")
    }

    private func units(_ effect: Int, _ tear: Storage.Choice.Torn) -> String {
        let node = storage.graph.nodes[effect]
        let kept = tear.units.nonzeroBitCount
        let all = node.units.nonzeroBitCount
        var text = "\(kept) of \(all) unit\(all == 1 ? "" : "s") of \(storage.unit) bytes arrived"
        let missing = node.units & ~tear.units & ~(tear.damage?.units ?? 0)
        if missing != 0 {
            text += ", lost \(Self.list(ranges(effect, missing, onlyWritten: true)))"
        }
        if let damage = tear.damage {
            let fill = damage.fill == .zero ? "zeros" : "garbage"
            let own = damage.units & node.units != 0 ? "" : ", which it did not write,"
            text += "; \(Self.list(ranges(effect, damage.units)))\(own) became \(fill)"
        }
        return text
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
