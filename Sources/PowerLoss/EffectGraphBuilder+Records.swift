import FileTree
import Recording

/// Edges among the effects of one record, and from them to those of earlier ones that it is about.
extension EffectGraphBuilder {
    mutating func bindRecord(_ operation: Operation, _ range: Range<Int>) {
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
