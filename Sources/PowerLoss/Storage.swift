import FileTree
import Recording

/// What the storage may hold after a power loss at any point of one recording, under one model on one stack.
package final class Storage: Sendable {
    package let log: EffectLog
    package let model: PersistenceModel
    package let stack: Stack
    package let graph: EffectGraph
    private let snapshots: [Snapshot]

    /// The covered effects, applied, from some record on.
    private struct Snapshot: Sendable {
        /// The first crash point for which it holds.
        let crashPoint: Int
        let tree: FileTree
        /// Effects of earlier records that are not covered, births aside.
        let pending: [Int]
    }

    package init(log: EffectLog, model: PersistenceModel, stack: Stack) {
        self.log = log
        self.model = model
        self.stack = stack
        let graph = EffectGraphBuilder.graph(of: log, model: model, stack: stack)
        self.graph = graph
        snapshots = Self.snapshots(log, graph)
    }

    private static func snapshots(_ log: EffectLog, _ graph: EffectGraph) -> [Snapshot] {
        var tree = log.recording.base
        tree.keep(log.recording.arena)
        _ = tree.settle()
        var result = [Snapshot(crashPoint: 0, tree: tree, pending: [])]
        var pending: [Int] = []
        var next = 0
        for covering in graph.coverings {
            let end = log.firstEffect[covering.record + 1]
            while next < end {
                let effect = log.effects[next].effect
                if case .birth = effect.change {
                    tree.apply(effect)
                } else {
                    pending.append(next)
                }
                next += 1
            }
            for index in covering.effects { tree.apply(log.effects[Int(index)].effect) }
            tree.rememberHashes(of: Set(covering.effects.map { log.effects[Int($0)].effect.inode }))
            pending.removeAll { graph.nodes[$0].coveredAt <= Int32(covering.record) }
            result.append(
                Snapshot(crashPoint: covering.record + 1, tree: tree, pending: pending))
        }
        return result
    }

    /// Crash points are `0...crashPoints`: how many records were complete.
    package var lastCrashPoint: Int { log.recording.count }

    /// The crash point whose covered effects are surely there at `crashPoint`: an earlier one when the drive ignored flushes.
    private func flushedPoint(_ crashPoint: Int) -> Int {
        guard stack.ignoredFlushes > 0 else { return crashPoint }
        let before = log.syncs.partitioningIndex { $0 >= crashPoint }
        let flushed = before - stack.ignoredFlushes
        return flushed > 0 ? log.syncs[flushed - 1] + 1 : 0
    }

    package func pending(at crashPoint: Int) -> Pending {
        let flushed = flushedPoint(crashPoint)
        let index = snapshots.partitioningIndex { $0.crashPoint > flushed } - 1
        let snapshot = snapshots[index]
        var effects = snapshot.pending
        var births: [Int] = []
        let first = log.firstEffect[snapshot.crashPoint]
        for effect in first..<max(first, log.firstEffect[crashPoint]) {
            if case .birth = log.effects[effect].effect.change {
                births.append(effect)
            } else {
                effects.append(effect)
            }
        }
        return Pending(
            crashPoint: crashPoint, snapshot: index, effects: effects, births: births)
    }

    /// The effects at risk at one crash point.
    package struct Pending: Sendable {
        package let crashPoint: Int
        /// Which state of the covered effects lies below.
        package let snapshot: Int
        /// Indices into the log's effects, ascending.
        package let effects: [Int]
        /// Inodes that were born meanwhile: always there, visible only by their names.
        fileprivate let births: [Int]
    }

    /// Which of the pending effects require which, at the granularity of whole effects. Indices count the pending ones.
    package func closedSets(_ pending: Pending) -> ClosedSets {
        let position = positions(pending)
        let predecessors = orderPredecessors(pending)
        return ClosedSets(
            requires: pending.effects.enumerated().map { index, effect in
                let node = graph.nodes[effect]
                let edges = node.chain.map(\.effect) + node.hard + node.soft
                var needed = Set(edges.compactMap { position[Int($0)] })
                if let predecessor = predecessors[index] { needed.insert(predecessor) }
                return needed.sorted()
            })
    }

    /// For each pending effect in the order of metadata, or bound to what stands before it there, the pending one before it.
    ///
    /// A soft edge may lead to an effect that a sync covered alone, out of the order (Btrfs: its log tree). What is kept without
    /// a sync came with a commit, and a commit brings everything before it, so the order skips what is covered.
    func orderPredecessors(_ pending: Pending) -> [Int?] {
        var last: Int?
        return pending.effects.enumerated().map { index, effect in
            let node = graph.nodes[effect]
            defer { if node.isOrdered { last = index } }
            return node.isOrdered || node.followsOrder ? last : nil
        }
    }

    func positions(_ pending: Pending) -> [Int: Int] {
        Dictionary(uniqueKeysWithValues: pending.effects.enumerated().map { ($1, $0) })
    }

    /// A choice among pending effects.
    package struct Choice: Hashable, Sendable {
        /// For each pending effect, whether it is kept whole.
        package var kept: [Bool]
        /// Pending effects of which only some units arrived: index and units; their `kept` is false.
        package var torn: [Torn] = []

        package struct Torn: Hashable, Sendable {
            package let index: Int
            package let units: UInt8

            package init(index: Int, units: UInt8) {
                self.index = index
                self.units = units
            }
        }

        package init(kept: [Bool], torn: [Torn] = []) {
            self.kept = kept
            self.torn = torn
        }

        /// A number that is the same for equal sets of kept effects on the same covered state.
        func key(_ pending: Pending) -> UInt64 {
            var hash = UInt64(pending.snapshot)
            for (index, isKept) in kept.enumerated() where isKept {
                hash = StableHash.mix(hash, UInt64(pending.effects[index]))
            }
            for tear in torn {
                hash = StableHash.mix(
                    hash, UInt64(pending.effects[tear.index]) << 8 | UInt64(tear.units) | 1 << 63)
            }
            return hash
        }
    }

    /// The tree that the storage holds: covered effects and those kept, applied in log order.
    package func tree(_ pending: Pending, _ choice: Choice) -> FileTree {
        var tree = snapshots[pending.snapshot].tree
        for birth in pending.births { tree.apply(log.effects[birth].effect) }
        var tear = choice.torn.makeIterator()
        var nextTear = tear.next()
        for (index, effect) in pending.effects.enumerated() {
            if choice.kept[index] {
                tree.apply(log.effects[effect].effect)
            } else if let torn = nextTear, torn.index == index {
                apply(effect, units: torn.units, to: &tree)
                nextTear = tear.next()
            }
        }
        return tree
    }

    /// Bytes; what effects tear at.
    package var unit: Int { model.rules.tearing == .block ? Block.size : stack.atomicUnit }

    private func apply(_ index: Int, units: UInt8, to tree: inout FileTree) {
        let effect = log.effects[index].effect
        for bit in 0..<(Block.size / unit) where units & (1 << bit) != 0 {
            let window = bit * unit..<(bit + 1) * unit
            switch effect.change {
            case .data(let block, let range, let bytes):
                let part = range.clamped(to: window)
                guard !part.isEmpty else { continue }
                let first = part.lowerBound - range.lowerBound
                let piece = bytes.slice(first..<first + part.count)
                tree.apply(Effect(effect.inode, .data(block: block, range: part, piece)))
            case .zero(let block, let range):
                let part = range.clamped(to: window)
                guard !part.isEmpty else { continue }
                tree.apply(Effect(effect.inode, .zero(block: block, range: part)))
            default:
                preconditionFailure("only data tears")
            }
        }
    }

    // MARK: Plans

    package func plan(_ pending: Pending, _ choice: Choice) -> CrashPlan {
        let torn = Set(choice.torn.map(\.index))
        let lost = pending.effects.indices.filter { !choice.kept[$0] && !torn.contains($0) }
        return CrashPlan(
            crashPoint: pending.crashPoint, lost: lost.map { log.effects[pending.effects[$0]].id },
            torn: choice.torn.map {
                .init(effect: log.effects[pending.effects[$0.index]].id, kept: $0.units)
            })
    }

    /// - Throws: `RecordingError` when the plan names a crash point or effects that are not at risk there, or when the model
    ///   does not allow it.
    package func choice(_ plan: CrashPlan) throws(RecordingError) -> (Pending, Choice) {
        guard (0...lastCrashPoint).contains(plan.crashPoint) else {
            throw RecordingError(
                "the plan's crash point \(plan.crashPoint) is outside the recording, which has \(lastCrashPoint) records"
            )
        }
        let pending = pending(at: plan.crashPoint)
        var position: [EffectID: Int] = [:]
        for (index, effect) in pending.effects.enumerated() {
            position[log.effects[effect].id] = index
        }
        var choice = Choice(kept: [Bool](repeating: true, count: pending.effects.count))
        for id in plan.lost {
            guard let index = position[id] else { throw Self.notPending(id, plan) }
            choice.kept[index] = false
        }
        for tear in plan.torn {
            guard let index = position[tear.effect] else {
                throw Self.notPending(tear.effect, plan)
            }
            guard graph.nodes[pending.effects[index]].unitCount > 1 else {
                throw RecordingError("the plan tears effect \(tear.effect), which cannot tear")
            }
            choice.kept[index] = false
            choice.torn.append(.init(index: index, units: tear.kept))
        }
        guard isClosed(pending, choice) else {
            throw RecordingError(
                "the plan is not one that \(model.name) allows: it keeps an effect and loses what that needs"
            )
        }
        return (pending, choice)
    }

    private static func notPending(_ id: EffectID, _ plan: CrashPlan) -> RecordingError {
        RecordingError(
            "the plan loses effect \(id), which is not at risk at crash point \(plan.crashPoint)")
    }
}

extension RandomAccessCollection where Index == Int {
    /// The first index whose element fulfils `predicate`, when all after it do, too.
    package func partitioningIndex(where predicate: (Element) -> Bool) -> Int {
        var low = startIndex
        var high = endIndex
        while low < high {
            let middle = (low + high) / 2
            if predicate(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
