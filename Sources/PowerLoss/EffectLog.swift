import FileTree
import Recording

import struct SystemPackage.Errno

/// A recording lowered to effects, once for all models.
package struct EffectLog: Sendable {
    package let recording: Recording
    /// In log order.
    package let effects: [LoggedEffect]
    /// `firstEffect[k]` is how many effects the first k records have; one longer than the recording.
    package let firstEffect: [Int]
    /// Paths and other texts that effects refer to by index.
    package let paths: [String]
    /// Sequences of the records that sync something; not of those that were only answered.
    package let syncs: [Int]
    /// The machines whose storage this is, by the names of their mounts; empty where it is one.
    package let machines: [String]
    private let machineMap: MachineMap?
    /// The machine of each effect; empty where there is one.
    private let machineOfEffect: [UInt8]
    /// What the harness did to requests.
    package let faults: [(record: Int, fault: Fault)]
    /// Effects that a failed sync took back from the live tree: numbers of effects by its record.
    let takenBack: [Int: [Int]]
    /// Index of the path of what a record synced, by record.
    private let syncPaths: [Int: Int]

    package struct LoggedEffect: Sendable {
        package let effect: Effect
        package let id: EffectID
        /// Index of the path by which the program knew the object when it changed it.
        package let path: Int
        /// For a name that takes another inode's place: that inode.
        package let replaced: InodeNumber?
    }

    /// - Throws: `RecordingError` when a record does not apply to the tree before it, or when the recording is of machines that
    ///   it cannot be of.
    package init(_ recording: Recording) throws(RecordingError) {
        self.recording = recording
        machines = recording.mounts
        try Self.check(machines, in: recording.base)
        let machineMap = machines.isEmpty ? nil : Self.machineMap(recording)
        self.machineMap = machineMap
        var builder = Builder(recording)
        var firstEffect = [0]
        firstEffect.reserveCapacity(recording.count + 1)
        var syncs: [Int] = []
        var hasDirtyPages = false
        for sequence in 0..<recording.count {
            switch recording[sequence].event {
            case .operation(let operation):
                if case .sync = operation { syncs.append(sequence) }
                if case .write(_, _, _, .dirtyPage) = operation { hasDirtyPages = true }
                do throws(Errno) {
                    try builder.add(operation, sequence)
                } catch {
                    throw RecordingError("record #\(sequence) does not apply: \(error)")
                }
            case .fault(let fault): builder.add(fault, sequence)
            case .mark: break
            }
            firstEffect.append(builder.effects.count)
        }
        effects = builder.effects
        machineOfEffect =
            machineMap.map { map in
                builder.effects.map { logged in
                    guard case .operation(let operation) = recording[logged.id.record].event else {
                        return 0
                    }
                    return UInt8(map.machine(of: operation) ?? 0)
                }
            } ?? []
        paths = builder.paths
        self.firstEffect = firstEffect
        self.syncs = syncs
        faults = recording.faults
        takenBack = builder.takenBack
        losesEffects = !builder.takenBack.isEmpty || hasDirtyPages
        syncPaths = builder.syncPaths
    }

    package var machineCount: Int { max(1, machines.count) }

    /// A recording is untrusted input.
    private static func check(_ machines: [String], in tree: FileTree) throws(RecordingError) {
        guard !machines.isEmpty else { return }
        guard (2...MachineSet.maximumCount).contains(machines.count),
            Set(machines).count == machines.count
        else {
            throw RecordingError(
                "the recording names \(machines.count) mounts: it must be 2 to \(MachineSet.maximumCount), each once"
            )
        }
        for name in machines {
            let number = name.contains("/") ? nil : tree.lookUp(path: name)
            guard let number, tree[number]?.kind == .directory else {
                throw RecordingError(
                    "the recording names the mount \"\(name)\", which is not a directory of its root"
                )
            }
        }
    }

    private static func machineMap(_ recording: Recording) -> MachineMap {
        var map = MachineMap(recording.mounts, in: recording.base)
        for sequence in 0..<recording.count {
            if case .operation(let operation) = recording[sequence].event { map.follow(operation) }
        }
        return map
    }

    /// What never had a name counts as the first machine's: nobody sees it.
    func machine(ofEffect index: Int) -> Int {
        machineOfEffect.isEmpty ? 0 : Int(machineOfEffect[index])
    }

    /// Whether a record does something to the storage of a machine: sync(2) does to each.
    func concerns(_ machine: Int, _ record: Int) -> Bool {
        guard let machineMap else { return true }
        switch recording[record].event {
        case .operation(.sync(let sync)): return isOn(machine, sync)
        case .operation(let operation):
            return (machineMap.machine(of: operation) ?? 0) == machine
        case .fault(let fault):
            guard let sync = fault.sync else { return fault.eviction != nil }
            return isOn(machine, sync)
        case .mark: return false
        }
    }

    /// Whether a sync is about the storage of a machine: sync(2) is about each.
    func isOn(_ machine: Int, _ sync: Sync) -> Bool {
        guard let machineMap, let number = sync.inode else { return true }
        return machineMap[number] == machine
    }

    /// The number of an effect among all; nil where there is none such.
    func effect(_ id: EffectID) -> Int? {
        guard (0..<recording.count).contains(id.record) else { return nil }
        let (first, end) = (firstEffect[id.record], firstEffect[id.record + 1])
        return (0..<(end - first)).contains(id.index) ? first + id.index : nil
    }

    /// The path of what a record synced; the root's is empty. nil for records that sync no inode.
    package func pathSynced(by sequence: Int) -> String? {
        syncPaths[sequence].map { paths[$0] }
    }

    /// Whether a sync was answered with success and not done: nobody can be durable then.
    package var lies: Bool {
        faults.contains { $0.fault.sync != nil && $0.fault.error == nil }
    }

    /// Whether effects can be at risk no longer although no sync covered them.
    let losesEffects: Bool

    /// Whether a failed sync took back what the program had written.
    package var takesBack: Bool { !takenBack.isEmpty }

    /// The first sync that failed, and its record; nil where none did.
    package var failedSync: (record: Int, fault: Fault)? {
        faults.first { $0.fault.sync != nil && ($0.fault.error != nil || $0.fault.failure != nil) }
    }

    /// Files that were written through shared mappings, sorted. What such a file holds at a process kill is known only up to
    /// the last write-back.
    package var mappedPaths: [String] {
        var indices: Set<Int> = []
        for sequence in 0..<recording.count {
            guard case .write(_, _, _, .mapping) = operation(sequence) else { continue }
            for effect in firstEffect[sequence]..<firstEffect[sequence + 1] {
                indices.insert(effects[effect].path)
            }
        }
        return indices.map { paths[$0] }.sorted()
    }

    /// What is known of when stores through shared mappings could have reached the storage.
    package enum MappedStores: String, Sendable {
        /// There are none.
        case none
        /// They are known from when the kernel wrote them: any order in which it might have done that earlier is not tried.
        case untried
        /// Dirty pages were looked for, and each that was seen may have been written from then on.
        case seen
    }

    package var mappedStores: MappedStores {
        if mappedPaths.isEmpty { return .none }
        return recording.notes[Recording.dirtyPagesNote] == Recording.dirtyPagesSeen
            ? .seen : .untried
    }

    package func operation(_ sequence: Int) -> Operation? {
        if case .operation(let operation) = recording[sequence].event { return operation }
        return nil
    }

    private struct Builder {
        private var live: LiveTree
        private var tree: FileTree { live.tree }
        var effects: [LoggedEffect] = []
        var paths: [String] = []
        var takenBack: [Int: [Int]] = [:]
        var syncPaths: [Int: Int] = [:]
        private var indices: [String: Int] = [:]
        private var pathOf: [InodeNumber: String] = [:]

        init(_ recording: Recording) {
            live = LiveTree(of: recording, recording.base)
            notePaths()
        }

        mutating func add(_ operation: Operation, _ sequence: Int) throws(Errno) {
            if case .sync(let sync) = operation { note(sync, sequence) }
            for (index, effect) in try live.lower(operation).enumerated() {
                var replaced: InodeNumber?
                var path = pathOf[effect.inode] ?? "(deleted file)"
                if case .name(let entry, let present) = effect.change {
                    let parent = pathOf[entry.directory] ?? ""
                    path = parent.isEmpty ? "\(entry.name)" : "\(parent)/\(entry.name)"
                    if present {
                        replaced = tree.lookUp(entry)
                        pathOf[effect.inode] = path
                    }
                }
                live.apply(effect)
                effects.append(
                    LoggedEffect(
                        effect: effect, id: EffectID(record: sequence, index: index),
                        path: intern(path), replaced: replaced))
            }
            // The paths of what lies below a moved directory; an exchange may move two.
            if case .rename(let from, let to, _) = operation {
                for moved in [from, to].compactMap(tree.lookUp) { notePaths(below: moved) }
            }
        }

        mutating func add(_ fault: Fault, _ sequence: Int) {
            if let sync = fault.sync { note(sync, sequence) }
            let gone = live.apply(fault)
            if !gone.isEmpty { takenBack[sequence] = gone }
        }

        private mutating func note(_ sync: Sync, _ sequence: Int) {
            guard let inode = sync.inode else { return }
            syncPaths[sequence] = intern(pathOf[inode] ?? "(deleted file)")
        }

        private mutating func notePaths() {
            pathOf[.root] = ""
            for (path, inode) in tree.paths { pathOf[inode] = path }
        }

        private mutating func notePaths(below directory: InodeNumber) {
            var open = [directory]
            while let number = open.popLast() {
                guard let inode = tree[number], inode.kind == .directory else { continue }
                for entry in inode.sortedEntries {
                    pathOf[entry.inode] = "\(pathOf[number]!)/\(entry.name)"
                    open.append(entry.inode)
                }
            }
        }

        private mutating func intern(_ path: String) -> Int {
            if let index = indices[path] { return index }
            indices[path] = paths.count
            paths.append(path)
            return paths.count - 1
        }
    }
}

/// A sync that the recorded program did not make: what it would have changed can be asked.
package struct AddedSync: Hashable, Sendable {
    /// The record before which it is done, at least 1. At a crash point of this number it has been done.
    package let record: Int
    package let sync: Sync

    package init(before record: Int, _ sync: Sync) {
        precondition(record > 0, "nothing is to be synced before the first record")
        self.record = record
        self.sync = sync
    }
}

/// Which effect of which record.
package struct EffectID: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let record: Int
    package let index: Int

    package init(record: Int, index: Int) {
        self.record = record
        self.index = index
    }

    package static func < (a: EffectID, b: EffectID) -> Bool {
        (a.record, a.index) < (b.record, b.index)
    }

    package var description: String { "\(record).\(index)" }

    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let record = Int(parts[0]), let index = Int(parts[1]), record >= 0,
            index >= 0
        else { return nil }
        self.init(record: record, index: index)
    }
}
