import FileTree
import Recording

/// What syncs have covered so far, while the log is read.
struct Coverage {
    /// Effects that nothing covers yet, in log order, births aside, by where syncs look for them. What has been covered
    /// meanwhile goes when a list is read, so that a sync costs what it reaches, however much else is pending.
    var pending: [Place: [Int32]] = [:]
    /// Those of them that a failed sync left in clean pages, by page: no sync writes them.
    var stuck: [EffectGraphBuilder.BlockKey: Set<Int32>] = [:]
    /// Inodes whose creation no commit has stored yet, and the name that they got first.
    var uncommittedBirths: [InodeNumber: Int32?] = [:]
    /// The effects that stand in the order of metadata (R1), ascending.
    var order: [Int32] = []
    var lastOfAll: Int32?
    /// The last that was seen in each dirty page of a mapping, while nothing is known to have changed the page since.
    var dirtyPages: [EffectGraphBuilder.BlockKey: Int32] = [:]
    /// Directories born in this life.
    var bornDirectories: Set<InodeNumber> = []

    /// Where a sync looks for what it covers. Every effect has two places: `all`, and one of its inode; a name has a third.
    enum Place: Hashable {
        case all
        /// Bytes, holes and size of a file.
        case content(InodeNumber)
        case attributes(InodeNumber)
        /// Names of an inode.
        case names(InodeNumber)
        /// Names in a directory.
        case entries(InodeNumber)
    }
}

/// The reach of syncs: which effects one makes durable.
extension EffectGraphBuilder {
    mutating func addPending(_ index: Int32) {
        let effect = effect(Int(index))
        coverage.pending[.all, default: []].append(index)
        switch effect.change {
        case .birth: break
        case .data, .zero, .punch, .grow, .setSize:
            coverage.pending[.content(effect.inode), default: []].append(index)
        case .attributes, .extendedAttribute:
            coverage.pending[.attributes(effect.inode), default: []].append(index)
        case .name(let entry, _):
            coverage.pending[.names(effect.inode), default: []].append(index)
            coverage.pending[.entries(entry.directory), default: []].append(index)
        }
    }

    /// What is pending in a place, in log order.
    mutating func pending(_ place: Coverage.Place) -> [Int32] {
        guard let list = coverage.pending[place] else { return [] }
        let left = list.filter {
            graph.nodes[Int($0)].coveredAt == .max && graph.nodes[Int($0)].droppedAt == .max
        }
        coverage.pending[place] = left.isEmpty ? nil : left
        return left
    }

    /// The part of it that a sync can cover.
    mutating func coverable(_ place: Coverage.Place) -> [Int32] {
        pending(place).filter(isCoverable)
    }

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
        let reached = reach(of: sync)
        if case .everything = sync { coverage.uncommittedBirths.removeAll() }
        cover(reached, at: sequence, closingOrder: rules.sync.closesOrder.holds)
    }

    /// What the sync would cover now, were it done.
    func coverable(by sync: Sync) -> Set<Int32> {
        var builder = self
        return closure(of: builder.reach(of: sync), closingOrder: rules.sync.closesOrder.holds)
    }

    private mutating func reach(of sync: Sync) -> [Int32] {
        switch sync {
        case .allocation(let number, _):
            return reachOfAllocation(number)
        case _ where rules.sync.coversAll.holds, .everything:
            return coverable(.all)
        case .file(let number, let dataOnly):
            return reachOfFile(number, dataOnly: dataOnly, range: nil)
        case .range(let number, let range, let dataOnly):
            return reachOfFile(number, dataOnly: dataOnly, range: range)
        case .directory(let number, _):
            return reachOfDirectory(number)
        }
    }

    private func closure(of reached: [Int32], closingOrder: Bool) -> Set<Int32> {
        var covered: Set<Int32> = []
        var open = reached
        while let index = open.popLast() {
            guard isCoverable(index), covered.insert(index).inserted else { continue }
            let node = graph.nodes[Int(index)]
            open += node.chain.map(\.effect) + node.hard
            if closingOrder { open += node.soft }
        }
        return covered
    }

    private mutating func cover(_ reached: [Int32], at sequence: Int, closingOrder: Bool) {
        var covered = closure(of: reached, closingOrder: closingOrder)
        addVoided(to: &covered)
        guard !covered.isEmpty else { return }
        for index in covered {
            graph.nodes[Int(index)].coveredAt = Int32(sequence)
            if case .name(_, present: true) = effect(Int(index)).change {
                coverage.uncommittedBirths[effect(Int(index)).inode] = nil
            }
        }
        for (page, effects) in coverage.stuck where !effects.isDisjoint(with: covered) {
            let left = effects.subtracting(covered)
            coverage.stuck[page] = left.isEmpty ? nil : left
        }
        graph.coverings.append(.init(record: sequence, effects: covered.sorted()))
    }

    /// Data that a durable change of size or a durable hole has taken away can come back no more: it counts as covered,
    /// and is applied before what takes it away.
    private mutating func addVoided(to covered: inout Set<Int32>) {
        var left: [InodeNumber: [Int32]] = [:]
        for index in covered {
            let blocks: Range<UInt64>
            switch effect(Int(index)).change {
            case .setSize(let size): blocks = Block.indexRoundedUp(size)..<UInt64.max
            case .punch(let range, _): blocks = range
            default: continue
            }
            let inode = effect(Int(index)).inode
            // Most often the sync covers the data, too, and nothing is left to look at.
            let others =
                left[inode] ?? pending(.content(inode)).filter { !covered.contains($0) }
            left[inode] = others.filter { earlier in
                guard earlier < index, let block = effect(Int(earlier)).change.block,
                    blocks.contains(block)
                else { return true }
                covered.insert(earlier)
                return false
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
        // The latest change that only a commit of its own can store: an allocation or a growth, which are made when the
        // data is written out. That commit holds all metadata made before the change; what was made after it is not
        // promised, for an earlier commit may have stored the change already.
        var lastCommitted: Int32?
        for index in coverable(.content(number)) {
            let change = effect(Int(index)).change
            if let block = change.block, !covers(range, block) { continue }
            reached.append(index)
            switch change {
            case .data where graph.nodes[Int(index)].isWhole: lastCommitted = index
            case .grow: lastCommitted = index
            default: break
            }
        }
        if coversAttributes { reached += coverable(.attributes(number)) }
        let names = rules.sync.fileNames == .none ? [] : coverable(.names(number))
        switch rules.sync.fileNames {
        case .none:
            break
        case .own:
            reached += names + newAncestors(of: names)
        case .order:
            if let lastCommitted, let last = lastOfOrder(before: lastCommitted) {
                reached.append(last)
            }
            if case .some(.some(let name)) = coverage.uncommittedBirths[number] {
                reached.append(name)
            }
            if coversNames { reached += names.filter { !(dataOnly && isExchange($0)) } }
        }
        coverage.uncommittedBirths[number] = nil
        return reached
    }

    /// What the last allocation in the file changed, as far as the filesystem stores it at once.
    private mutating func reachOfAllocation(_ number: InodeNumber) -> [Int32] {
        guard rules.sync.synchronousAllocation != .nothing,
            let last = pending(.content(number)).last
        else { return [] }
        let record = log.effects[Int(last)].id.record
        guard case .allocate(_, let mode, _) = log.operation(record),
            mode == .extend || rules.sync.synchronousAllocation == .metadata
        else { return [] }
        return (log.firstEffect[record]..<log.firstEffect[record + 1])
            .filter { effect($0).change.block == nil }.map { Int32($0) }
    }

    private func lastOfOrder(before index: Int32) -> Int32? {
        let end = coverage.order.partitioningIndex { $0 >= index }
        return end > 0 ? coverage.order[end - 1] : nil
    }

    private func covers(_ range: Range<UInt64>?, _ block: UInt64) -> Bool {
        range.map { Block.overlaps($0, block) } ?? true
    }

    private func isExchange(_ index: Int32) -> Bool {
        guard case .rename(_, _, .exchange) = log.operation(log.effects[Int(index)].id.record)
        else {
            return false
        }
        return true
    }

    /// The names of directories made in this life that lead to these names.
    private mutating func newAncestors(of names: [Int32]) -> [Int32] {
        var result: [Int32] = []
        var open = names
        var seen: Set<InodeNumber> = []
        while let index = open.popLast() {
            guard case .name(let entry, _) = effect(Int(index)).change,
                seen.insert(entry.directory).inserted
            else { continue }
            let above = pending(.names(entry.directory)).filter { other in
                guard case .name(_, present: true) = effect(Int(other)).change,
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
        var reached = pending(.entries(number)) + pending(.attributes(number))
        if rules.sync.fileNames != .none { reached += pending(.names(number)) }
        if rules.sync.fileNames == .own { reached += newAncestors(of: reached) }
        if rules.sync.anyDirectoryCoversAll.holds {
            if let last = coverage.order.last { reached.append(last) }
            coverage.uncommittedBirths.removeAll()
        }
        return reached
    }
}
