import FileTree

/// Dirty pages of shared mappings, which the kernel may have written from when they were seen. Nothing needs such an effect and
/// no sync covers it: it is there, or it is not, until the page itself arrives.
extension EffectGraphBuilder {
    mutating func addDirtyPage(_ index: Int) {
        var node = EffectGraph.Node()
        defer { graph.nodes.append(node) }
        guard case .data(let block, let range, _) = effect(index).change else { return }
        let key = BlockKey(inode: effect(index).inode, block: block)
        drop(key, log.effects[index].id.record)
        coverage.dirtyPages[key] = Int32(index)
        let owners = lastInUnit[key]
        place(Int32(index), key.inode, block, range, isData: true, &node)
        // What comes next to the block does not follow what may never have been there.
        lastInUnit[key] = owners
        guard rules.dataInOrder.holds || rules.dataBringsMetadata.holds else { return }
        node.followsOrder = true
        if let lastOfOrder { node.soft.append(lastOfOrder) }
        if rules.everythingInOrder.holds, let last = coverage.lastOfAll { node.soft.append(last) }
    }

    /// What is written over a page that was seen, or takes it away, ends what is known of it.
    mutating func dropDirtyPages(changedBy index: Int, _ sequence: Int) {
        guard !coverage.dirtyPages.isEmpty else { return }
        let effect = effect(index)
        switch effect.change {
        case .data(let block, _, _), .zero(let block, _):
            drop(BlockKey(inode: effect.inode, block: block), sequence)
        case .punch, .setSize:
            for key in coverage.dirtyPages.keys where key.inode == effect.inode {
                drop(key, sequence)
            }
        default: break
        }
    }

    private mutating func drop(_ page: BlockKey, _ sequence: Int) {
        guard let seen = coverage.dirtyPages.removeValue(forKey: page) else { return }
        graph.nodes[Int(seen)].droppedAt = Int32(sequence)
    }
}
