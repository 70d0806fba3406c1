import FileTree

/// What failed syncs left in clean pages: the page cache has it, the storage does not, and no sync writes it.
///
/// A page whose sync failed counts as clean. A later write to it makes all of it dirty again. When clean pages leave the cache,
/// what stands in them alone is nowhere, and the file reads as the storage has it: what was written before and after stays, in
/// its order, and so does the size. `docs/models.md`, "When a sync fails".
package struct CleanPages: Sendable {
    fileprivate enum State {
        case dirty
        /// Or in no page.
        case stored
        /// In a clean page alone.
        case stuck
    }

    fileprivate struct Change {
        /// Number of the effect.
        let index: Int
        let change: Effect.Change
        var state = State.dirty
    }

    fileprivate struct File {
        /// Before the first of the changes.
        var content: FileContent
        var since: [Change] = []
        /// Places of those that are stuck. While there are some, no place changes.
        var stuck: [Int] = []
        /// No change before this place is dirty.
        var firstDirty = 0
    }

    /// Of those that were written since they were last synced, and of those with something stuck.
    private var files: [InodeNumber: File] = [:]

    package init() {}

    /// Follows an operation that is about to be applied.
    ///
    /// - Parameters:
    ///   - first: number of the first effect.
    ///   - tree: before the operation.
    mutating func follow(
        _ operation: Operation, _ effects: [Effect], first: Int, in tree: FileTree
    ) {
        if case .sync(let sync) = operation {
            store(sync)
            return
        }
        for (place, effect) in effects.enumerated() {
            switch effect.change {
            case .data, .zero, .punch, .grow, .setSize: break
            case .birth, .name, .attributes, .extendedAttribute: continue
            }
            var file =
                files.removeValue(forKey: effect.inode)
                ?? File(content: tree[effect.inode]?.content ?? FileContent())
            file.add(Change(index: first + place, change: effect.change))
            files[effect.inode] = file
        }
    }

    private mutating func store(_ sync: Sync) {
        for number in files.keys.filter(sync.concerns) {
            files[number]!.store(sync.range)
            if files[number]!.since.isEmpty { files[number] = nil }
        }
    }

    mutating func fail(_ sync: Sync, _ failure: SyncFailure) {
        guard failure == .markedClean || failure == .reportedLate else { return }
        for number in files.keys.filter(sync.concerns) { files[number]!.strand(sync.range) }
    }

    /// What is stuck is gone.
    ///
    /// - Returns: the files that had something stuck; by inode.
    mutating func evict(_ eviction: Eviction) -> [UnsyncedContents.Undone] {
        let evicted = files.keys.filter { !files[$0]!.stuck.isEmpty && eviction.concerns($0) }
        return evicted.sorted().map { number in
            let dropped = files[number]!.dropStuck()
            var content = files[number]!.content
            for change in files[number]!.since { content.apply(change.change) }
            return UnsyncedContents.Undone(
                inode: number, content: content, modified: nil, dropped: dropped)
        }
    }
}

extension CleanPages.File {
    fileprivate mutating func add(_ change: CleanPages.Change) {
        since.append(change)
        guard let block = change.change.block else {
            since[since.count - 1].state = .stored
            return
        }
        // A page is written as a whole.
        stuck.removeAll { place in
            guard since[place].change.block == block else { return false }
            since[place].state = .dirty
            firstDirty = min(firstDirty, place)
            return true
        }
    }

    fileprivate mutating func strand(_ range: Range<UInt64>?) {
        settle(range) { file, place in
            file.since[place].state = .stuck
            file.stuck.append(place)
        }
    }

    /// A sync, of all of it or of a range, that did its work.
    fileprivate mutating func store(_ range: Range<UInt64>?) {
        settle(range) { $0.since[$1].state = .stored }
        guard stuck.isEmpty else { return }
        for change in since[..<firstDirty] { content.apply(change.change) }
        since.removeFirst(firstDirty)
        firstDirty = 0
    }

    private mutating func settle(_ range: Range<UInt64>?, _ body: (inout Self, Int) -> Void) {
        for place in firstDirty..<since.count where since[place].state == .dirty {
            guard let block = since[place].change.block,
                range.map({ Block.overlaps($0, block) }) ?? true
            else { continue }
            body(&self, place)
        }
        firstDirty = since[firstDirty...].firstIndex { $0.state == .dirty } ?? since.count
    }

    /// - Returns: numbers of the effects; ascending.
    fileprivate mutating func dropStuck() -> [Int] {
        let dropped = stuck.map { since[$0].index }.sorted()
        since.removeAll { $0.state == .stuck }
        stuck = []
        firstDirty = 0
        return dropped
    }
}
