import FileTree
import Recording

/// Syncs that failed: what they covered nothing of, and out of whose reach it got. `docs/models.md`, "When a sync fails".
extension EffectGraphBuilder {
    mutating func fail(_ fault: Fault, _ sequence: Int) {
        if fault.eviction != nil {
            drop(log.takenBack[sequence, default: []].map { Int32($0) }, sequence)
        }
        guard let sync = fault.sync else { return }
        if fault.error != nil {
            for index in coverable(by: sync) { graph.nodes[Int(index)].missedAt = Int32(sequence) }
        }
        guard let failure = fault.failure else { return }
        switch failure {
        case .markedClean: strand(sync, sequence)
        case .reportedLate:
            strand(sync, sequence)
            // The journal had it all. What failed is writing the data to its place from there.
            cover(sync, sequence)
        case .evicted, .reverted:
            drop(log.takenBack[sequence, default: []].map { Int32($0) }, sequence)
        }
    }

    func isCoverable(_ index: Int32) -> Bool {
        let node = graph.nodes[Int(index)]
        return node.coveredAt == .max && node.droppedAt == .max
            && (node.stuckAt == .max || node.dirtyAgainAt != .max)
    }

    /// The data that the sync should have written stays in clean pages.
    private mutating func strand(_ sync: Sync, _ sequence: Int) {
        var stranded: Set<Int32> = []
        for index in coverable(.all) {
            let effect = effect(Int(index))
            switch effect.change {
            case .data(let block, _, _), .zero(let block, _):
                guard sync.concerns(effect.inode),
                    sync.range.map({ Block.overlaps($0, block) }) ?? true
                else { continue }
                graph.nodes[Int(index)].stuckAt = Int32(sequence)
                graph.nodes[Int(index)].dirtyAgainAt = .max
                coverage.stuck[BlockKey(inode: effect.inode, block: block), default: []]
                    .insert(index)
                stranded.insert(index)
            default: break
            }
        }
        unbind(from: stranded)
    }

    /// A later write to the page makes it dirty as a whole.
    mutating func makeDirtyAgain(_ page: BlockKey, by index: Int32) {
        guard !coverage.stuck.isEmpty, let stuck = coverage.stuck.removeValue(forKey: page) else {
            return
        }
        for effect in stuck {
            graph.nodes[Int(effect)].dirtyAgainAt = Int32(log.effects[Int(index)].id.record)
        }
    }

    /// What was written since the last sync is nowhere any more.
    private mutating func drop(_ indices: [Int32], _ sequence: Int) {
        let dropped = Set(indices.filter { graph.nodes[Int($0)].coveredAt == .max })
        for index in dropped { graph.nodes[Int(index)].droppedAt = Int32(sequence) }
        unbind(from: dropped)
        // What comes next to these blocks follows what is left there.
        var pages: Set<BlockKey> = []
        for index in dropped {
            switch effect(Int(index)).change {
            case .data(let block, _, _), .zero(let block, _):
                pages.insert(BlockKey(inode: effect(Int(index)).inode, block: block))
            default: break
            }
        }
        for page in pages {
            let left = lastInUnit[page]?.map { dropped.contains($0) ? -1 : $0 }
            lastInUnit[page] = left.map { $0.allSatisfy { $0 < 0 } ? nil : $0 } ?? nil
        }
    }

    /// Nothing that came later needs these effects any more: sizes and names are stored without the data whose writing failed.
    /// What the effects stood behind in the order of metadata (R1), those behind them stand behind now.
    private mutating func unbind(from gone: Set<Int32>) {
        guard !gone.isEmpty else { return }
        let pending = pending(.all)
        for index in pending {
            let node = graph.nodes[Int(index)]
            if !gone.contains(index), node.hard.contains(where: gone.contains) {
                graph.nodes[Int(index)].hard = node.hard.filter { !gone.contains($0) }
            }
            if node.soft.contains(where: gone.contains) {
                graph.nodes[Int(index)].soft = predecessors(node.soft, without: gone)
            }
        }
        for index in gone where graph.nodes[Int(index)].isOrdered {
            graph.nodes[Int(index)].isOrdered = false
            graph.nodes[Int(index)].followsOrder = true
        }
        coverage.order.removeAll { gone.contains($0) }
        lastOfOrder = coverage.order.last
        if let last = coverage.lastOfAll, gone.contains(last) {
            coverage.lastOfAll = pending.last { !gone.contains($0) }
        }
    }

    private func predecessors(_ soft: [Int32], without gone: Set<Int32>) -> [Int32] {
        var result: [Int32] = []
        var open = soft
        var seen: Set<Int32> = []
        while let next = open.popLast() {
            guard seen.insert(next).inserted else { continue }
            if gone.contains(next) {
                open += graph.nodes[Int(next)].soft
            } else {
                result.append(next)
            }
        }
        return result.sorted()
    }
}
