import Basics
import FileTree
import FuseMount
import PowerLoss
import Recording
import Reporting

/// What left the page cache of one file.
private struct Evicted {
    let path: String
    /// How many read otherwise now.
    let bytes: Int

    var text: String { "  \(Escaped.line(path)): \(grouped(bytes)) bytes" }

    var json: JSON {
        .object([.init("path", .string(path)), .init("bytes", .number(bytes))])
    }
}

extension HandMount {
    /// The page cache drops clean pages: what failed syncs left in them alone is gone, programs go on.
    ///
    /// - Parameter path: below the mount; nil: of all files.
    func evict(_ path: String?) throws -> ControlAnswer {
        let evicted = try server.restore { [self] tree, writer in
            let eviction = try path.map { Eviction.file(try file($0, in: tree)) } ?? .everything
            let (undone, evicted) = try evictable(eviction, tree, writer.recording())
            if !undone.isEmpty {
                try writer.append(
                    .fault(
                        Fault(
                            operation: "evict", effect: "clean pages left the cache",
                            path: path ?? "", eviction: eviction)))
            }
            return (undone, evicted)
        }
        let count = evicted.reduce(0) { $0 + $1.bytes }
        let head =
            switch evicted.count {
            case 0: "nothing was in the page cache alone"
            case 1: "1 file reads as the storage has it: \(grouped(count)) bytes changed"
            case let files:
                "\(files) files read as the storage has them: \(grouped(count)) bytes changed"
            }
        return ControlAnswer(
            ([head] + evicted.map(\.text)).joined(separator: "\n"),
            .object([
                .init("bytes", .number(count)), .init("files", .array(evicted.map(\.json))),
            ]))
    }

    private func file(_ path: String, in tree: FileTree) throws -> InodeNumber {
        guard let number = tree.lookUp(path: path) else {
            throw Refusal("there is no \(Escaped.line(path)) in the mount")
        }
        guard tree[number]?.kind == .regular else {
            throw Refusal("\(Escaped.line(path)) is not a file; `evict` takes one, or all")
        }
        return number
    }

    /// - Throws: when syncs of other files, as the model has them, stored part of what the syncs of a file did not.
    private func evictable(
        _ eviction: Eviction, _ tree: FileTree, _ recording: Recording
    ) throws -> ([UnsyncedContents.Undone], [Evicted]) {
        var live = try recording.live(after: recording.count, evicts: true)
        let undone = live.evict(eviction)
        guard !undone.isEmpty else { return ([], []) }
        let log = try EffectLog(recording)
        let storage = Storage(log: log, model: options.model, stack: options.stack)
        let pending = storage.pending(at: storage.lastCrashPoint)
        let stuck = Set(storage.stuck(pending).map { pending.effects[$0] })
        var evicted: [Evicted] = []
        for file in undone {
            let path = log.paths[log.effects[file.dropped[0]].path]
            let blocks = file.dropped.compactMap { log.effects[$0].effect.change.block }
            let old = tree[file.inode]?.content ?? FileContent()
            let bytes = Set(blocks).reduce(0) { $0 + old.difference(file.content, in: $1) }
            // What a truncation or a hole has taken away since may count as stored.
            guard bytes == 0 || stuck.isSuperset(of: file.dropped) else {
                throw Refusal(
                    "part of \(Escaped.line(path)) may have been stored along with another file: "
                        + "what the storage has of it is not known under \(options.model.name)")
            }
            evicted.append(Evicted(path: path, bytes: bytes))
        }
        return (undone, evicted)
    }
}

extension FileContent {
    /// How many bytes of a block are others.
    fileprivate func difference(_ other: FileContent, in block: UInt64) -> Int {
        let start = block * UInt64(Block.size)
        let end = min(size, other.size, start + UInt64(Block.size))
        guard start < end else { return 0 }
        return zip(bytes(start..<end), other.bytes(start..<end)).count { $0 != $1 }
    }
}
