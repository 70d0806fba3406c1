import FileTree

import struct SystemPackage.Errno

/// The content of files before what was written since their last successful sync: what a failed sync may bring back.
package struct UnsyncedContents: Sendable {
    private struct File: Sendable {
        /// When it was last synced, or before this log changed it.
        let content: FileContent
        let modified: Inode.Modification?
        var since: [(index: Int, effect: Effect)]
    }

    private var files: [InodeNumber: File] = [:]

    package init() {}

    /// Follows an operation that is about to be applied.
    ///
    /// - Parameters:
    ///   - first: number of the first effect, for `Undone.dropped`.
    ///   - tree: before the operation.
    package mutating func follow(
        _ operation: Operation, _ effects: [Effect], first: Int = 0, in tree: FileTree
    ) {
        if case .sync(let sync) = operation {
            if case .everything = sync { files = [:] }
            if let number = sync.inode { files[number] = nil }
            return
        }
        for (place, effect) in effects.enumerated() {
            switch effect.change {
            case .data, .zero, .punch, .grow, .setSize:
                if files[effect.inode] == nil {
                    let inode = tree[effect.inode]
                    files[effect.inode] = File(
                        content: inode?.content ?? FileContent(),
                        modified: inode?.modification, since: [])
                }
                files[effect.inode]!.since.append((first + place, effect))
            case .birth, .name, .attributes, .extendedAttribute: break
            }
        }
    }

    package struct Undone: Sendable {
        package let inode: InodeNumber
        package let content: FileContent
        /// nil: as it is.
        package let modified: Inode.Modification?
        /// Numbers of the effects that are gone; ascending.
        package let dropped: [Int]
    }

    /// What a failed sync takes back; by inode.
    package mutating func fail(_ sync: Sync, _ failure: SyncFailure) -> [Undone] {
        var result: [Undone] = []
        for number in files.keys.sorted() where sync.concerns(number) {
            var file = files[number]!
            var content = file.content
            var dropped: [Int] = []
            file.since.removeAll { index, effect in
                guard failure.drops(effect.change, in: sync.range) else {
                    content.apply(effect.change)
                    return false
                }
                dropped.append(index)
                return true
            }
            guard !dropped.isEmpty else { continue }
            files[number] = file.since.isEmpty ? nil : file
            result.append(
                Undone(
                    inode: number, content: content,
                    modified: failure == .reverted ? file.modified : nil, dropped: dropped))
        }
        return result
    }
}

/// A tree that follows a log as the mount did, failed syncs and evicted pages included.
package struct LiveTree: Sendable {
    package private(set) var tree: FileTree
    /// nil where no sync of the log takes anything back.
    private var unsynced: UnsyncedContents?
    /// nil where nothing is evicted.
    private var clean: CleanPages?
    private var effectCount = 0

    /// - Parameters:
    ///   - tree: before record 0.
    ///   - evicts: whether pages may be evicted that the log does not tell of.
    package init(of recording: Recording, _ tree: FileTree, evicts: Bool = false) {
        self.tree = tree
        unsynced = recording.takesBack ? UnsyncedContents() : nil
        clean = evicts || recording.evicts ? CleanPages() : nil
    }

    package mutating func apply(_ operation: Operation) throws(Errno) {
        for effect in try lower(operation) { apply(effect) }
    }

    /// The effects of an operation, each of which is to be applied before the next operation is lowered.
    package mutating func lower(_ operation: Operation) throws(Errno) -> [Effect] {
        let effects = try tree.effects(of: operation)
        unsynced?.follow(operation, effects, first: effectCount, in: tree)
        clean?.follow(operation, effects, first: effectCount, in: tree)
        effectCount += effects.count
        return effects
    }

    package mutating func apply(_ effect: Effect) {
        tree.apply(effect)
    }

    /// - Returns: numbers of the effects that are gone, counted over the whole log.
    @discardableResult
    package mutating func apply(_ fault: Fault) -> [Int] {
        if let eviction = fault.eviction { return restore(evict(eviction)) }
        guard let sync = fault.sync, let failure = fault.failure else { return [] }
        clean?.fail(sync, failure)
        return restore(unsynced?.fail(sync, failure) ?? [])
    }

    /// What an eviction takes from files. The tree stays as it is.
    package mutating func evict(_ eviction: Eviction) -> [UnsyncedContents.Undone] {
        clean?.evict(eviction) ?? []
    }

    private mutating func restore(_ undone: [UnsyncedContents.Undone]) -> [Int] {
        for file in undone { tree.restore(file.inode, file.content, modified: file.modified) }
        return undone.flatMap(\.dropped)
    }
}

extension Recording {
    /// Whether some failed sync changed the live files.
    fileprivate var takesBack: Bool {
        faults.contains { $0.fault.failure?.changesFile ?? false }
    }

    fileprivate var evicts: Bool { faults.contains { $0.fault.eviction != nil } }
}
