import Basics
import FileTree
import Recording

extension Storage {
    /// The shape of each crash point: what kinds of change to files of what name patterns no sync has covered there, and the
    /// word of the mark before it. Where a drive ignores flushes, more is at risk than that; the shape is of the program's
    /// syncs. Costs no more than reading the log once, however much is pending.
    ///
    /// - Parameter patterns: of the log's paths.
    func shapes(_ patterns: [UInt64]) -> [UInt64] {
        var parts = Parts()
        var coverings = graph.coverings[...]
        var dropped: [Int32: [Int]] = [:]
        if log.losesEffects {
            for (index, node) in graph.nodes.enumerated() where node.droppedAt != .max {
                dropped[node.droppedAt, default: []].append(index)
            }
        }
        var result = [UInt64(0)]
        result.reserveCapacity(log.recording.count + 1)
        func part(_ index: Int) -> UInt64 {
            let logged = log.effects[index]
            return StableHash.mix(patterns[logged.path], logged.effect.change.shape)
        }
        for record in 0..<log.recording.count {
            for index in log.firstEffect[record]..<log.firstEffect[record + 1]
            where !log.effects[index].effect.isBirth { parts.add(part(index)) }
            if let covering = coverings.first, covering.record == record {
                for index in covering.effects { parts.remove(part(Int(index))) }
                coverings.removeFirst()
            }
            for index in dropped[Int32(record)] ?? [] { parts.remove(part(index)) }
            var shape = parts.sum
            // Not of other output, of which a program may print any amount.
            if case .mark(let bytes) = log.recording[record].event,
                bytes.buffer.first == UInt8(ascii: "@")
            {
                shape = StableHash.mix(
                    shape, StableHash.of(Array(bytes.buffer.prefix { $0 != 32 })))
            }
            result.append(shape)
        }
        return result
    }

    /// A set that counts how often each member was added.
    private struct Parts {
        private var counts: [UInt64: Int] = [:]
        /// Equal for equal sets.
        private(set) var sum: UInt64 = 0

        mutating func add(_ part: UInt64) {
            counts[part, default: 0] += 1
            if counts[part] == 1 { sum &+= part }
        }

        mutating func remove(_ part: UInt64) {
            counts[part, default: 0] -= 1
            guard counts[part] == 0 else { return }
            counts[part] = nil
            sum &-= part
        }
    }
}

extension Effect.Change {
    /// What kind of change it is.
    var shape: UInt64 {
        switch self {
        case .birth: 1
        case .data(_, let range, _): range.count == Block.size ? 2 : 3
        case .zero: 4
        case .punch: 5
        case .grow: 6
        case .setSize(let size): size == 0 ? 7 : 8
        case .name(_, let present): present ? 9 : 10
        case .attributes: 11
        case .extendedAttribute: 12
        }
    }
}
