import FileTree
import Recording

/// Reads the log once and lays the edges of `EffectGraph`, record by record.
///
/// Universal edges: U1 unit chain, U2 name chain, U3 size chain, U4 the old name of a rename goes only when the new one is
/// there, U5 data needs what freed its block, U6 a move of a directory needs what brought it and the directories above its
/// new place where they are, and a directory goes only after what left it, U7 attribute chain. The rest (R1 to R9) is the
/// model's.
struct EffectGraphBuilder {
    let log: EffectLog
    let rules: PersistenceModel.Rules
    /// Bytes; what an overwrite tears at.
    let unit: Int
    /// Bytes; 0: nothing beyond `unit` is atomic.
    let atomicWrite: Int
    var graph = EffectGraph()
    var coverage = Coverage()

    var lastInUnit = LastInUnit()
    /// The last change of each name, by directory.
    private(set) var lastName: [InodeNumber: [FileName: Int32]] = [:]
    private var lastSize: [InodeNumber: Int32] = [:]
    private var lastAttribute: [AttributeKey: Int32] = [:]
    /// What freed blocks of a file, latest last.
    private var frees: [InodeNumber: [Free]] = [:]
    var directories = DirectoryPlaces()
    var lastOfOrder: Int32?
    private var isBorn: Set<InodeNumber> = []

    struct BlockKey: Hashable {
        let inode: InodeNumber
        let block: UInt64
    }

    private struct AttributeKey: Hashable {
        let inode: InodeNumber
        let name: FileName?
    }

    private struct Free {
        let blocks: Range<UInt64>
        let effect: Int32
    }

    /// Where the directories that moved or were made in this life stand, and what brought them there.
    struct DirectoryPlaces {
        var parent: [InodeNumber: InodeNumber] = [:]
        var lastMove: [InodeNumber: Int32] = [:]
    }

    init(log: EffectLog, model: PersistenceModel, stack: Stack) {
        self.log = log
        rules = model.rules
        unit = model.rules.tearing == .block ? Block.size : stack.atomicUnit
        atomicWrite = model.rules.tearing == .block ? 0 : stack.atomicWrite
        graph.nodes.reserveCapacity(log.effects.count)
    }

    static func graph(
        of log: EffectLog, model: PersistenceModel, stack: Stack, adding syncs: [AddedSync] = []
    ) -> EffectGraph {
        let graphs = (0..<log.machineCount).map { machine in
            graph(of: log, machine, model: model, stack: stack, adding: syncs)
        }
        return graphs.count == 1 ? graphs[0] : EffectGraph(merging: graphs, of: log)
    }

    /// What the storage of one machine does; the effects of others have nodes that nothing binds.
    private static func graph(
        of log: EffectLog, _ machine: Int, model: PersistenceModel, stack: Stack,
        adding syncs: [AddedSync]
    ) -> EffectGraph {
        var builder = EffectGraphBuilder(log: log, model: model, stack: stack)
        var fault = 0
        for sequence in 0..<log.recording.count {
            for added in syncs where added.record == sequence && log.isOn(machine, added.sync) {
                // Done with the record before it: there is no crash point in between.
                builder.cover(added.sync, sequence - 1)
            }
            let isMine = log.concerns(machine, sequence)
            if !isMine {
                builder.skip(sequence)
            } else if let operation = log.operation(sequence) {
                builder.add(operation, sequence)
            }
            if fault < log.faults.count, log.faults[fault].record == sequence {
                if isMine { builder.fail(log.faults[fault].fault, sequence) }
                fault += 1
            }
        }
        return builder.graph
    }

    private mutating func skip(_ sequence: Int) {
        let count = log.firstEffect[sequence + 1] - log.firstEffect[sequence]
        for _ in 0..<count { graph.nodes.append(EffectGraph.Node()) }
    }

    private mutating func add(_ operation: Operation, _ sequence: Int) {
        let first = log.firstEffect[sequence]
        let end = log.firstEffect[sequence + 1]
        if case .write(_, _, _, .dirtyPage) = operation {
            for index in first..<end { addDirtyPage(index) }
            return
        }
        for index in first..<end {
            dropDirtyPages(changedBy: index, sequence)
            add(index)
        }
        if first < end { bindRecord(operation, first..<end) }
        for index in first..<end where !isBirth(index) { addPending(Int32(index)) }
        if rules.namesAreDurableAtOnce.holds { coverNamesAtOnce(first..<end, sequence) }
        if case .sync(let sync) = operation { cover(sync, sequence) }
    }

    func effect(_ index: Int) -> Effect { log.effects[index].effect }

    func isBirth(_ index: Int) -> Bool { effect(index).isBirth }

    // MARK: Edges of one effect

    private mutating func add(_ index: Int) {
        let effect = effect(index)
        let id = Int32(index)
        var node = EffectGraph.Node()
        switch effect.change {
        case .birth(let new):
            isBorn.insert(effect.inode)
            if new.kind == .directory { coverage.bornDirectories.insert(effect.inode) }
            coverage.uncommittedBirths[effect.inode] = .some(nil)
        case .data(let block, let range, _):
            place(id, effect.inode, block, range, isData: true, &node)
        case .zero(let block, let range):
            place(id, effect.inode, block, range, isData: false, &node)
        case .punch(let blocks, let frees):
            if frees || rules.dataNeedsZeroedRange.holds {
                self.frees[effect.inode, default: []].append(Free(blocks: blocks, effect: id))
                lastInUnit.forget(effect.inode, blocks)
            }
        case .grow:
            chainSize(id, effect.inode, &node)
        case .setSize(let size):
            chainSize(id, effect.inode, &node)
            let first = Block.indexRoundedUp(size)
            while let last = self.frees[effect.inode]?.last, last.blocks.lowerBound >= first {
                self.frees[effect.inode]!.removeLast()
            }
            self.frees[effect.inode, default: []].append(
                Free(blocks: first..<UInt64.max, effect: id))
            lastInUnit.forget(effect.inode, first..<UInt64.max)
        case .name(let entry, let present):
            if let previous = lastName[entry.directory]?[entry.name] { node.hard.append(previous) }
            lastName[entry.directory, default: [:]][entry.name] = id
            if present, case .some(nil) = coverage.uncommittedBirths[effect.inode] {
                coverage.uncommittedBirths[effect.inode] = id
            }
        case .attributes:
            chainAttribute(id, AttributeKey(inode: effect.inode, name: nil), &node)
        case .extendedAttribute(let name, _):
            chainAttribute(id, AttributeKey(inode: effect.inode, name: name), &node)
        }
        graph.nodes.append(node)
    }

    /// U1, U5, R6, R7 for an effect on part of a block.
    mutating func place(
        _ id: Int32, _ inode: InodeNumber, _ block: UInt64, _ range: Range<Int>, isData: Bool,
        _ node: inout EffectGraph.Node
    ) {
        let key = BlockKey(inode: inode, block: block)
        makeDirtyAgain(key, by: id)
        let unitsInBlock = Block.size / unit
        let touched = range.lowerBound / unit...(range.upperBound - 1) / unit
        for index in touched { node.units |= 1 << index }
        let owners = lastInUnit[key]
        let free = frees[inode]?.last { $0.blocks.contains(block) }
        if let free { node.hard.append(free.effect) }
        if isData {
            if let owners {
                node.isInNewBlock = owners.contains { owner in
                    owner >= 0 && graph.nodes[Int(owner)].isInNewBlock
                        && graph.nodes[Int(owner)].coveredAt == .max
                }
            } else {
                node.isInNewBlock = free != nil || isNotInBase(inode, block)
                node.isWhole = node.isInNewBlock && rules.newBlocksAreWhole.holds
            }
        }
        for owner in Set(owners ?? []) where owner >= 0 {
            var shared: UInt8 = 0
            for (index, other) in owners!.enumerated() where other == owner {
                if node.isWhole || node.units & (1 << index) != 0 { shared |= 1 << index }
            }
            if shared != 0 { node.chain.append(.init(effect: owner, units: shared)) }
        }
        node.chain.sort { $0.effect < $1.effect }
        var mine = owners ?? [Int32](repeating: -1, count: unitsInBlock)
        for index in 0..<unitsInBlock where node.isWhole || node.units & (1 << index) != 0 {
            mine[index] = id
        }
        lastInUnit[key] = mine
    }

    /// Whether the base has nothing in the block: it lies beyond the end or in a hole (allocated or not).
    private func isNotInBase(_ inode: InodeNumber, _ block: UInt64) -> Bool {
        guard !isBorn.contains(inode), let base = log.recording.base[inode] else { return true }
        let start = block * UInt64(Block.size)
        guard let data = base.content.seek(data: true, from: start) else { return true }
        return Block.index(of: data) != block
    }

    private mutating func chainSize(
        _ id: Int32, _ inode: InodeNumber, _ node: inout EffectGraph.Node
    ) {
        if let previous = lastSize[inode] { node.hard.append(previous) }
        lastSize[inode] = id
    }

    private mutating func chainAttribute(
        _ id: Int32, _ key: AttributeKey, _ node: inout EffectGraph.Node
    ) {
        if let previous = lastAttribute[key] { node.hard.append(previous) }
        lastAttribute[key] = id
    }
}
