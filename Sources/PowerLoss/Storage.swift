import Basics
import FileTree
import Recording

/// What the storage may hold after a power loss at any point of one recording, under one model on one stack.
package final class Storage: Sendable {
    package let log: EffectLog
    package let model: PersistenceModel
    package let stack: Stack
    package let graph: EffectGraph
    private let snapshots: [Snapshot]
    private let uncovered: [Uncovered]
    /// Sequences of the records that sync something, by machine.
    private let syncs: [[Int]]

    /// The covered effects, applied, from some record on.
    private struct Snapshot: Sendable {
        /// The first crash point for which it holds.
        let crashPoint: Int
        let tree: FileTree
        /// Which of `uncovered` comes before it, the latest.
        let list: Int
    }

    /// Effects of the records before a crash point that were not covered there, births aside; ascending.
    ///
    /// Not listed for each snapshot: where small syncs leave many effects pending, that is the same long list again and again.
    private struct Uncovered: Sendable {
        let crashPoint: Int
        let effects: [Int]

        /// The same at a later crash point.
        func effects(at point: Int, _ log: EffectLog, _ graph: EffectGraph) -> [Int] {
            let later = log.firstEffect[crashPoint]..<log.firstEffect[point]
            let isLeft = { (index: Int) in
                min(graph.nodes[index].coveredAt, graph.nodes[index].droppedAt) >= point
            }
            return effects.filter(isLeft)
                + later.filter { !log.effects[$0].effect.isBirth && isLeft($0) }
        }
    }

    /// - Parameter added: syncs that are done although the program did not make them.
    package init(
        log: EffectLog, model: PersistenceModel, stack: Stack, adding added: [AddedSync] = []
    ) {
        self.log = log
        self.model = model
        self.stack = stack
        let graph = EffectGraphBuilder.graph(of: log, model: model, stack: stack, adding: added)
        self.graph = graph
        (snapshots, uncovered) = Self.snapshots(log, graph)
        syncs = (0..<log.machineCount).map { machine in
            let own = log.syncs.filter { log.concerns(machine, $0) }
            let others = added.filter { log.isOn(machine, $0.sync) }.map { $0.record - 1 }
            return (own + others).sorted()
        }
    }

    private static func snapshots(
        _ log: EffectLog, _ graph: EffectGraph
    ) -> ([Snapshot], [Uncovered]) {
        var tree = log.recording.base
        tree.keep(log.recording.arena)
        _ = tree.settle()
        var snapshots = [Snapshot(crashPoint: 0, tree: tree, list: 0)]
        var lists = [Uncovered(crashPoint: 0, effects: [])]
        // Effects made or covered since the latest list: all lists together are no longer than a few times the log.
        var changes = 0
        var next = 0
        for covering in graph.coverings {
            let point = covering.record + 1
            changes += covering.effects.count + log.firstEffect[point] - next
            while next < log.firstEffect[point] {
                let effect = log.effects[next].effect
                if effect.isBirth { tree.apply(effect) }
                next += 1
            }
            for index in covering.effects { tree.apply(log.effects[Int(index)].effect) }
            tree.rememberHashes(of: Set(covering.effects.map { log.effects[Int($0)].effect.inode }))
            if 2 * changes >= lists.last!.effects.count {
                lists.append(
                    Uncovered(
                        crashPoint: point, effects: lists.last!.effects(at: point, log, graph)))
                changes = 0
            }
            snapshots.append(Snapshot(crashPoint: point, tree: tree, list: lists.count - 1))
        }
        return (snapshots, lists)
    }

    /// Crash points are `0...crashPoints`: how many records were complete.
    package var lastCrashPoint: Int { log.recording.count }

    /// The crash point whose covered effects are surely there at `crashPoint`: an earlier one when the drive ignored flushes.
    private func flushedPoint(_ crashPoint: Int, _ machine: Int) -> Int {
        guard stack.ignoredFlushes > 0 else { return crashPoint }
        let syncs = syncs[machine]
        let before = syncs.partitioningIndex { $0 >= crashPoint }
        if stack.ignores == .commits, before == 0 || !commits(syncs[before - 1], machine) {
            return crashPoint
        }
        let flushed = before - min(before, stack.ignoredFlushes)
        return flushed > 0 ? syncs[flushed - 1] + 1 : 0
    }

    /// Whether a sync had to store more than bytes in their places on a machine: names, sizes, attributes, new blocks.
    private func commits(_ record: Int, _ machine: Int) -> Bool {
        let index = graph.coverings.partitioningIndex { $0.record >= record }
        guard index < graph.coverings.count, graph.coverings[index].record == record else {
            return false
        }
        return graph.coverings[index].effects.contains { effect in
            guard log.machine(ofEffect: Int(effect)) == machine else { return false }
            return switch log.effects[Int(effect)].effect.change {
            case .data, .zero: graph.nodes[Int(effect)].isWhole
            default: true
            }
        }
    }

    /// - Parameter machines: those that lose their power; on the others only the processes end.
    package func pending(at crashPoint: Int, losing machines: MachineSet = .all) -> Pending {
        let flushed = syncs.indices.map { machine in
            machines.contains(MachineSet(machine: machine))
                ? flushedPoint(crashPoint, machine) : crashPoint
        }
        let index = snapshots.partitioningIndex { $0.crashPoint > flushed.min()! } - 1
        let snapshot = snapshots[index]
        var effects = uncovered[snapshot.list].effects(at: snapshot.crashPoint, log, graph)
        var births: [Int] = []
        let first = log.firstEffect[snapshot.crashPoint]
        for effect in first..<max(first, log.firstEffect[crashPoint]) {
            if log.effects[effect].effect.isBirth {
                births.append(effect)
            } else {
                effects.append(effect)
            }
        }
        if log.losesEffects { effects.removeAll { graph.nodes[$0].droppedAt < crashPoint } }
        var settled: [Int] = []
        if flushed.count > 1 {
            let isAtRisk = effects.map { effect in
                let machine = log.machine(ofEffect: effect)
                return machines.contains(MachineSet(machine: machine))
                    && graph.nodes[effect].coveredAt >= flushed[machine]
            }
            settled = zip(effects, isAtRisk).filter { !$1 }.map(\.0)
            effects = zip(effects, isAtRisk).filter(\.1).map(\.0)
        }
        return Pending(
            crashPoint: crashPoint, machines: machines, snapshot: index, effects: effects,
            births: births, settled: settled)
    }

    /// The effects at risk at one crash point.
    package struct Pending: Sendable {
        package let crashPoint: Int
        /// Those that lose their power.
        package let machines: MachineSet
        /// Which state of the covered effects lies below.
        package let snapshot: Int
        /// Indices into the log's effects, ascending.
        package let effects: [Int]
        /// Inodes that were born meanwhile: always there, visible only by their names.
        fileprivate let births: [Int]
        /// What is there beside the snapshot, whatever is lost: of machines that keep their power, or whose drives had flushed it.
        fileprivate let settled: [Int]
    }

    /// Which of the pending effects require which, at the granularity of whole effects. Indices count the pending ones.
    package func closedSets(_ pending: Pending) -> ClosedSets {
        let position = positions(pending)
        let predecessors = orderPredecessors(pending)
        let flushed = flushedBefore(pending)
        return ClosedSets(
            requires: pending.effects.enumerated().map { index, effect in
                let node = graph.nodes[effect]
                let edges = node.chain.map(\.effect) + node.hard + node.soft
                var needed = Set(edges.compactMap { position[Int($0)] })
                if let predecessor = predecessors[index] { needed.insert(predecessor) }
                needed.formUnion(flushed[index])
                return needed.sorted()
            })
    }

    /// For each pending effect in the order of metadata, or bound to what stands before it there, the pending one before it.
    ///
    /// A soft edge may lead to an effect that a sync covered alone, out of the order (Btrfs: its log tree). What is kept without
    /// a sync came with a commit, and a commit brings everything before it, so the order skips what is covered.
    func orderPredecessors(_ pending: Pending) -> [Int?] {
        var last = [Int?](repeating: nil, count: log.machineCount)
        return pending.effects.enumerated().map { index, effect in
            let node = graph.nodes[effect]
            let machine = log.machine(ofEffect: effect)
            defer { if node.isOrdered { last[machine] = index } }
            return node.isOrdered || node.followsOrder ? last[machine] : nil
        }
    }

    /// For each pending effect the pending ones that an ignored flush had covered before it was made, where the cache loses
    /// its content in order: the effect cannot have come without them.
    func flushedBefore(_ pending: Pending) -> [[Int]] {
        let none = [[Int]](repeating: [], count: pending.effects.count)
        guard stack.losesInOrder else { return none }
        let position = positions(pending)
        var result = none
        var index = graph.coverings.partitioningIndex {
            $0.record >= snapshots[pending.snapshot].crashPoint
        }
        while index < graph.coverings.count, graph.coverings[index].record < pending.crashPoint {
            let covering = graph.coverings[index]
            let members = Dictionary(grouping: covering.effects.compactMap { position[Int($0)] }) {
                log.machine(ofEffect: pending.effects[$0])
            }
            for (index, effect) in pending.effects.enumerated()
            where log.effects[effect].id.record > covering.record {
                result[index] += members[log.machine(ofEffect: effect)] ?? []
            }
            index += 1
        }
        return result
    }

    /// Which of the pending effects only the page cache holds, in clean pages: indices into them.
    package func stuck(_ pending: Pending) -> [Int] {
        guard !log.faults.isEmpty else { return [] }
        return pending.effects.indices.filter {
            graph.nodes[pending.effects[$0]].isStuck(at: pending.crashPoint)
        }
    }

    func positions(_ pending: Pending) -> [Int: Int] {
        Dictionary(uniqueKeysWithValues: pending.effects.enumerated().map { ($1, $0) })
    }

    /// Whether the model lets the choice show what new blocks held before, and it makes a difference.
    func canShowStale(_ pending: Pending, _ choice: Choice) -> Bool {
        guard model.rules.lostBlocksRead == .zeroOrStale else { return false }
        return pending.effects.indices.contains {
            !choice.kept[$0] && graph.nodes[pending.effects[$0]].isInNewBlock
        }
    }

    /// A choice among pending effects.
    package struct Choice: Hashable, Sendable {
        /// For each pending effect, whether it is kept whole.
        package var kept: [Bool]
        /// Pending effects of which only some units arrived: index and units; their `kept` is false.
        package var torn: [Torn] = []
        /// Whether lost data in new blocks reads what was there before, not zeros.
        package var showsStale = false

        package struct Torn: Hashable, Sendable {
            package let index: Int
            /// Those that arrived.
            package let units: UInt8
            package let damage: CrashPlan.Damage?

            package init(index: Int, units: UInt8, damage: CrashPlan.Damage? = nil) {
                self.index = index
                self.units = units
                self.damage = damage
            }
        }

        package init(kept: [Bool], torn: [Torn] = []) {
            self.kept = kept
            self.torn = torn
        }

        package static func losingNothing(of pending: Pending) -> Choice {
            Choice(kept: [Bool](repeating: true, count: pending.effects.count))
        }

        /// Everything lost that can be.
        package static func losingAll(of pending: Pending) -> Choice {
            Choice(kept: [Bool](repeating: false, count: pending.effects.count))
        }

        package var losesNothing: Bool { !kept.contains(false) }

        /// A number that is the same for equal sets of effects that are there on the same covered state, kept or settled.
        func key(_ pending: Pending) -> UInt64 {
            var hash = UInt64(pending.snapshot)
            var settled = pending.settled[...]
            for (index, isKept) in kept.enumerated() where isKept {
                let effect = pending.effects[index]
                while let other = settled.first, other < effect {
                    hash = StableHash.mix(hash, UInt64(other))
                    settled.removeFirst()
                }
                hash = StableHash.mix(hash, UInt64(effect))
            }
            for other in settled { hash = StableHash.mix(hash, UInt64(other)) }
            // What is lost is to be seen, too.
            if showsStale { hash = StableHash.mix(hash, UInt64(pending.crashPoint) | 1 << 62) }
            for tear in torn {
                hash = StableHash.mix(
                    hash, UInt64(pending.effects[tear.index]) << 8 | UInt64(tear.units) | 1 << 63)
                if let damage = tear.damage {
                    hash = StableHash.mix(
                        hash, UInt64(damage.units) | (damage.fill == .zero ? 1 << 8 : 1 << 9))
                }
            }
            return hash
        }
    }

    /// The tree that the storage holds: covered effects and those kept, applied in log order.
    func tree(_ pending: Pending, _ choice: Choice) -> FileTree {
        var tree = snapshots[pending.snapshot].tree
        for effect in pending.births + pending.settled { tree.apply(log.effects[effect].effect) }
        var tear = choice.torn.makeIterator()
        var nextTear = tear.next()
        for (index, effect) in pending.effects.enumerated() {
            if choice.kept[index] {
                tree.apply(log.effects[effect].effect)
            } else if let torn = nextTear, torn.index == index {
                apply(effect, units: torn.units, to: &tree)
                if let damage = torn.damage { apply(damage, to: effect, in: &tree) }
                nextTear = tear.next()
            } else if choice.showsStale, graph.nodes[effect].isInNewBlock,
                case .data(let block, let range, _) = log.effects[effect].effect.change
            {
                tree.apply(
                    Effect(
                        log.effects[effect].effect.inode,
                        .data(block: block, range: range, Garbage.block.slice(range))))
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

    /// Overwrites whole units of the block in which the effect lies.
    private func apply(_ damage: CrashPlan.Damage, to index: Int, in tree: inout FileTree) {
        let effect = log.effects[index].effect
        let block: UInt64
        switch effect.change {
        case .data(let place, _, _), .zero(let place, _): block = place
        default: preconditionFailure("only data is damaged")
        }
        for bit in 0..<(Block.size / unit) where damage.units & (1 << bit) != 0 {
            let range = bit * unit..<(bit + 1) * unit
            switch damage.fill {
            case .zero:
                tree.apply(Effect(effect.inode, .zero(block: block, range: range)))
            case .garbage:
                tree.apply(
                    Effect(
                        effect.inode,
                        .data(block: block, range: range, Garbage.block.slice(range))))
            }
        }
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
