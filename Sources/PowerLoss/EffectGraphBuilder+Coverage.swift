import FileTree
import Recording

/// What syncs have covered so far, while the log is read.
struct Coverage {
    /// Effects that nothing covers yet, in log order, births aside.
    var pending: [Int32] = []
    /// Inodes whose creation no commit has stored yet.
    var uncommittedBirths: Set<InodeNumber> = []
    var lastOfOrder: Int32?
    var lastOfAll: Int32?
    /// Directories born in this life.
    var bornDirectories: Set<InodeNumber> = []
}

/// The reach of syncs: which effects one makes durable.
extension EffectGraphBuilder {
    mutating func coverNamesAtOnce(_ range: Range<Int>, _ sequence: Int) {
        let names = range.filter { index in
            switch effect(index).change {
            case .name, .attributes, .extendedAttribute: true
            default: false
            }
        }
        cover(names.map { Int32($0) }, at: sequence, closingOrder: false)
    }

    mutating func cover(_ sync: Sync, _ sequence: Int) {
        var reached: [Int32]
        if rules.sync.coversAll.holds {
            reached = coverage.pending
        } else {
            switch sync {
            case .everything:
                reached = coverage.pending
            case .file(let number, let dataOnly):
                reached = reachOfFile(number, dataOnly: dataOnly, range: nil)
            case .range(let number, let range, let dataOnly):
                reached = reachOfFile(number, dataOnly: dataOnly, range: range)
            case .directory(let number, _):
                reached = reachOfDirectory(number)
            }
        }
        if case .everything = sync { coverage.uncommittedBirths.removeAll() }
        cover(reached, at: sequence, closingOrder: rules.sync.closesOrder.holds)
    }

    private mutating func cover(_ reached: [Int32], at sequence: Int, closingOrder: Bool) {
        var covered: Set<Int32> = []
        var open = reached.filter { graph.nodes[Int($0)].coveredAt == .max }
        while let index = open.popLast() {
            guard graph.nodes[Int(index)].coveredAt == .max, covered.insert(index).inserted else {
                continue
            }
            let node = graph.nodes[Int(index)]
            open += node.chain.map(\.effect) + node.hard
            if closingOrder { open += node.soft }
        }
        for index in covered { addVoided(by: index, to: &covered) }
        guard !covered.isEmpty else { return }
        for index in covered {
            graph.nodes[Int(index)].coveredAt = Int32(sequence)
            if case .name(_, present: true) = effect(Int(index)).change {
                coverage.uncommittedBirths.remove(effect(Int(index)).inode)
            }
        }
        coverage.pending.removeAll { covered.contains($0) }
        graph.coverings.append(.init(record: sequence, effects: covered.sorted()))
    }

    /// Data that a durable change of size or a durable hole has taken away can come back no more: it counts as covered,
    /// and is applied before what takes it away.
    private func addVoided(by index: Int32, to covered: inout Set<Int32>) {
        let blocks: Range<UInt64>
        switch effect(Int(index)).change {
        case .setSize(let size): blocks = Block.indexRoundedUp(size)..<UInt64.max
        case .punch(let range, _): blocks = range
        default: return
        }
        for earlier in coverage.pending where earlier < index {
            guard effect(Int(earlier)).inode == effect(Int(index)).inode else { continue }
            switch effect(Int(earlier)).change {
            case .data(let block, _, _), .zero(let block, _):
                if blocks.contains(block) { covered.insert(earlier) }
            default:
                break
            }
        }
    }

    // MARK: Files

    private mutating func reachOfFile(
        _ number: InodeNumber, dataOnly: Bool, range: Range<UInt64>?
    ) -> [Int32] {
        let coversAttributes = !dataOnly || rules.sync.dataSyncCoversAttributes.holds
        let coversNames = !dataOnly || rules.sync.dataSyncCoversNames.holds
        var reached: [Int32] = []
        var forcesCommit = coverage.uncommittedBirths.contains(number)
        var names: [Int32] = []
        for index in coverage.pending where touches(index, number) {
            let effect = effect(Int(index))
            switch effect.change {
            case .data(let block, _, _), .zero(let block, _):
                if covers(range, block) { reached.append(index) }
            case .punch:
                reached.append(index)
            case .grow, .setSize:
                reached.append(index)
                forcesCommit = true
            case .attributes, .extendedAttribute:
                guard coversAttributes else { continue }
                reached.append(index)
                forcesCommit = true
            case .name:
                names.append(index)
                if effect.inode == number, coversNames, !(dataOnly && isExchange(index)) {
                    forcesCommit = true
                }
            case .birth:
                break
            }
        }
        switch rules.sync.fileNames {
        case .none:
            break
        case .own:
            let own = names.filter { effect(Int($0)).inode == number }
            reached += own + newAncestors(of: own)
        case .order:
            if forcesCommit, let last = coverage.lastOfOrder {
                reached.append(last)
                coverage.uncommittedBirths.removeAll()
            }
            if coversNames || forcesCommit {
                reached += names.filter { !(dataOnly && !forcesCommit && isExchange($0)) }
            }
        }
        coverage.uncommittedBirths.remove(number)
        return reached
    }

    private func covers(_ range: Range<UInt64>?, _ block: UInt64) -> Bool {
        guard let range else { return true }
        let start = block * UInt64(Block.size)
        return start < range.upperBound && range.lowerBound < start + UInt64(Block.size)
    }

    private func touches(_ index: Int32, _ number: InodeNumber) -> Bool {
        let effect = effect(Int(index))
        return effect.inode == number
    }

    private func isExchange(_ index: Int32) -> Bool {
        guard case .rename(_, _, .exchange) = log.operation(log.effects[Int(index)].id.record)
        else {
            return false
        }
        return true
    }

    /// The names of directories made in this life that lead to these names.
    private func newAncestors(of names: [Int32]) -> [Int32] {
        var result: [Int32] = []
        var open = names
        var seen: Set<InodeNumber> = []
        while let index = open.popLast() {
            guard case .name(let entry, _) = effect(Int(index)).change,
                seen.insert(entry.directory).inserted
            else { continue }
            let above = coverage.pending.filter { other in
                guard case .name(_, present: true) = effect(Int(other)).change,
                    effect(Int(other)).inode == entry.directory,
                    case .create = log.operation(log.effects[Int(other)].id.record)
                else { return false }
                return true
            }
            result += above
            open += above
        }
        return result
    }

    // MARK: Directories

    private mutating func reachOfDirectory(_ number: InodeNumber) -> [Int32] {
        var reached: [Int32] = []
        for index in coverage.pending {
            let effect = effect(Int(index))
            switch effect.change {
            case .name(let entry, _):
                if entry.directory == number || isRenamed(index, outOf: number) {
                    reached.append(index)
                } else if effect.inode == number, rules.sync.fileNames != .none {
                    reached.append(index)
                }
            case .attributes, .extendedAttribute:
                if effect.inode == number { reached.append(index) }
            default:
                break
            }
        }
        if rules.sync.fileNames == .own { reached += newAncestors(of: reached) }
        if rules.sync.anyDirectoryCoversAll.holds, let last = coverage.lastOfOrder {
            reached.append(last)
            coverage.uncommittedBirths.removeAll()
        }
        return reached
    }

    /// Whether the name is the new one of a rename out of directory `number`, where the order of metadata makes the change of
    /// both directories one transaction.
    private func isRenamed(_ index: Int32, outOf number: InodeNumber) -> Bool {
        guard rules.sync.fileNames == .order,
            case .rename(let from, _, _) = log.operation(log.effects[Int(index)].id.record)
        else { return false }
        return from.directory == number
    }
}
