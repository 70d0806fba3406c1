import FileTree
import PowerLoss
import Recording
import TestSupport

/// A recording of random operations on a random tree.
enum RandomRecording {
    /// - Parameters:
    ///   - base: how many operations are durable before the recording begins.
    ///   - count: how many are recorded, with marks among them.
    static func make(_ seed: Seed, base: Int, count: Int, syncsAtEnd: Bool = false) -> Recording {
        var generator = OperationGenerator(seed: seed)
        generator.carelessOneIn = 0
        let history = generator.history(count: base + count)
        var tree = FileTree()
        tree.keep(history.bytes)
        for operation in history.operations.prefix(base) {
            tree.apply(try! tree.effects(of: operation))
        }
        _ = tree.settle()
        let arena = try! Arena(memoryLimit: 64 << 20)
        let writer = try! RecordingWriter(
            arena: arena, base: tree, storesBase: false, nonce: seed.value &+ 1)
        for (index, operation) in history.operations.dropFirst(base).enumerated() {
            try! writer.append(.operation(operation))
            if index % 7 == 3 { try! writer.append(.mark(Life.bytes("a", 1))) }
            tree.apply(try! tree.effects(of: operation))
        }
        if syncsAtEnd {
            var reachable: Set<InodeNumber> = []
            tree.visit { reachable.insert($0.inode) }
            for number in reachable.sorted() {
                let isDirectory = tree[number]!.kind == .directory
                let sync: Sync =
                    isDirectory
                    ? .directory(number, dataOnly: false) : .file(number, dataOnly: false)
                try! writer.append(.operation(.sync(sync)))
            }
        }
        return writer.recording()
    }

    static func storage(
        _ seed: Seed, _ model: PersistenceModel, _ stack: Stack = .honest, base: Int = 20,
        count: Int = 40, syncsAtEnd: Bool = false
    ) -> Storage {
        let recording = make(seed, base: base, count: count, syncsAtEnd: syncsAtEnd)
        return Storage(log: try! EffectLog(recording), model: model, stack: stack)
    }

    /// Seed n records 10 + (n mod 51) operations.
    static func count(_ seed: Seed) -> Int { 10 + Int(seed.value % 51) }
}

extension FileTree {
    /// The hash of the tree as it is found when power returns.
    var settledHash: UInt64 {
        var copy = self
        return copy.settle()
    }
}
