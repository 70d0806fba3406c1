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
    private let atomicWrite: Int
    var graph = EffectGraph()
    var coverage = Coverage()

    var lastInUnit = LastInUnit()
    /// The last change of each name, by directory.
    private var lastName: [InodeNumber: [FileName: Int32]] = [:]
    private var lastSize: [InodeNumber: Int32] = [:]
    private var lastAttribute: [AttributeKey: Int32] = [:]
    /// What freed blocks of a file, latest last.
    private var frees: [InodeNumber: [Free]] = [:]
    private var directories = DirectoryPlaces()
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
    private struct DirectoryPlaces {
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

    private func isBirth(_ index: Int) -> Bool { effect(index).isBirth }

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

    // MARK: Edges among the effects of one record

    private mutating func bindRecord(_ operation: Operation, _ range: Range<Int>) {
        switch operation {
        case .rename(_, _, let mode):
            bindRename(range, isExchange: mode == .exchange)
        case .create, .link, .remove:
            guard let name = range.first(where: { !isBirth($0) }) else { break }
            if case .create(_, _, let new) = operation, new.kind == .directory {
                place(directoryOf: Int32(name))
            }
            if case .remove(_, directory: true) = operation {
                bindEmptying(Int32(name), of: effect(name).inode)
            }
            appendToOrder([Int32(name)])
        case .write:
            bindGrowth(range)
            bindCommand(range)
        case .setSize:
            bindTail(range)
        case .allocate:
            bindAllocation(range)
        case .setAttributes, .setExtendedAttribute:
            appendToOrder(range.map { Int32($0) })
        case .createUnnamed, .sync:
            break
        }
        if rules.everythingInOrder.holds { chainEverything(range) }
    }

    private mutating func bindRename(_ range: Range<Int>, isExchange: Bool) {
        let pair = range.map { Int32($0) }
        guard pair.count == 2 else { return }
        let moved = effect(range.lowerBound).inode
        graph.nodes[Int(pair[1])].hard.append(pair[0])
        if isExchange || isDirectory(moved) || rules.renameIsAtomic.holds {
            graph.nodes[Int(pair[0])].hard.append(pair[1])
        }
        bindDirectoryMoves(pair)
        if !isExchange, let replaced = log.effects[range.lowerBound].replaced {
            bindReplacement(pair[0], moved)
            if isDirectory(replaced) { bindEmptying(pair[0], of: replaced) }
        }
        appendToOrder(pair)
    }

    private func isDirectory(_ number: InodeNumber) -> Bool {
        coverage.bornDirectories.contains(number)
            || log.recording.base[number]?.kind == .directory
    }

    /// U6. Every directory that the atom moves needs its own earlier moves, and those of all directories above its new
    /// place: so none can come to lie below itself, nor below nothing. (Were there a circle, its latest move would have gone
    /// below a directory that stood, by what that move needs, where it stood when the move was made.)
    private mutating func bindDirectoryMoves(_ pair: [Int32]) {
        let moves = pair.filter { index in
            guard case .name(_, present: true) = effect(Int(index)).change else { return false }
            return isDirectory(effect(Int(index)).inode)
        }
        let before = directories.lastMove
        for move in moves { place(directoryOf: move) }
        for move in moves {
            var number = effect(Int(move)).inode
            var steps = 0
            while number != .root, steps < 4096 {
                if let earlier = before[number] { graph.nodes[Int(move)].hard.append(earlier) }
                number = parent(of: number)
                steps += 1
            }
        }
    }

    private func parent(of number: InodeNumber) -> InodeNumber {
        directories.parent[number] ?? log.recording.base[number]?.parent ?? .root
    }

    private mutating func place(directoryOf name: Int32) {
        guard case .name(let entry, _) = effect(Int(name)).change else { return }
        directories.parent[effect(Int(name)).inode] = entry.directory
        directories.lastMove[effect(Int(name)).inode] = name
    }

    /// U6: no filesystem stores the end of a directory before the end of the names in it.
    private mutating func bindEmptying(_ name: Int32, of directory: InodeNumber) {
        let names = (lastName[directory] ?? [:]).values.sorted()
        graph.nodes[Int(name)].hard += names.filter { $0 != name }
    }

    /// R8.
    private mutating func bindReplacement(_ name: Int32, _ moved: InodeNumber) {
        guard rules.replacementNeeds != .nothing else { return }
        for earlier in coverable(.content(moved)) {
            switch effect(Int(earlier)).change {
            case .grow, .zero:
                graph.nodes[Int(name)].hard.append(earlier)
            case .data where rules.replacementNeeds == .data:
                graph.nodes[Int(name)].hard.append(earlier)
            default:
                break
            }
        }
    }

    /// R3, R4: within a write each block's data stands before the growth over it. R1: growth may come later than the metadata
    /// made after it, but its commit stores the metadata made before it.
    private mutating func bindGrowth(_ range: Range<Int>) {
        for index in range {
            if case .grow = effect(index).change {
                if rules.metadataInOrder.holds { followOrder(index) }
                let isNew = graph.nodes[index - 1].isInNewBlock
                if rules.growthNeedsData.holds || rules.growthNeedsNewBlocks.holds && isNew {
                    graph.nodes[index].hard.append(Int32(index - 1))
                }
            }
            if rules.dataInOrder.holds {
                appendToOrder([Int32(index)])
            } else if rules.dataBringsMetadata.holds, case .data = effect(index).change {
                followOrder(index)
            }
        }
    }

    mutating func followOrder(_ index: Int) {
        graph.nodes[index].followsOrder = true
        if let lastOfOrder { graph.nodes[index].soft.append(lastOfOrder) }
    }

    /// A write that fits into the device's atomic window is whole or absent.
    private mutating func bindCommand(_ range: Range<Int>) {
        guard atomicWrite > 0 else { return }
        var parts: [Int32] = []
        var windows: Set<UInt64> = []
        let blocks = UInt64(atomicWrite / Block.size)
        for index in range {
            guard case .data(let block, _, _) = effect(index).change else { continue }
            parts.append(Int32(index))
            windows.insert(block / blocks)
        }
        guard windows.count == 1 else { return }
        for part in parts {
            graph.nodes[Int(part)].isOneCommand = true
            graph.nodes[Int(part)].hard += parts.filter { $0 != part }
        }
    }

    /// R5.
    private mutating func bindTail(_ range: Range<Int>) {
        let size = Int32(range.lowerBound)
        appendToOrder([size])
        guard range.count == 2, rules.tailZeroing != .independent else { return }
        graph.nodes[range.lowerBound + 1].hard.append(size)
        if rules.tailZeroing == .atomic {
            graph.nodes[range.lowerBound].hard.append(Int32(range.lowerBound + 1))
        }
    }

    private mutating func bindAllocation(_ range: Range<Int>) {
        var hole: Int32?
        for index in range {
            switch effect(index).change {
            case .punch:
                hole = Int32(index)
                appendToOrder([Int32(index)])
            case .setSize:
                appendToOrder([Int32(index)])
            case .zero:
                if let hole, rules.tailZeroing != .independent {
                    graph.nodes[index].hard.append(hole)
                }
            default:
                break
            }
        }
    }

    /// R1: `group` is atomic and comes after the group before it.
    private mutating func appendToOrder(_ group: [Int32]) {
        guard rules.metadataInOrder.holds else { return }
        for effect in group {
            graph.nodes[Int(effect)].isOrdered = true
            if let lastOfOrder { graph.nodes[Int(effect)].soft.append(lastOfOrder) }
            for other in group where other != effect { graph.nodes[Int(effect)].soft.append(other) }
        }
        lastOfOrder = group.last
        coverage.order += group
    }

    private mutating func chainEverything(_ range: Range<Int>) {
        for index in range where !isBirth(index) {
            if let previous = coverage.lastOfAll { graph.nodes[index].soft.append(previous) }
            coverage.lastOfAll = Int32(index)
        }
    }
}
