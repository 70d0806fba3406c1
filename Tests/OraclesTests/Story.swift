import Oracles

/// A history from marks, each a write of its own with the next record number.
///
/// A line that starts with `setup:` is fed as setup's; `data` and `sync` stand for records that
/// are no marks; the time of record *n* is *n* seconds.
func story(_ lines: String...) -> History {
    var history = History()
    var sequence = 0
    for line in lines {
        if line.hasPrefix("setup:") {
            history.append((line.dropFirst(6) + "\n").utf8, at: -1)
            continue
        }
        if line.hasPrefix("@") {
            history.append(
                (line + "\n").utf8, at: sequence, time: UInt64(sequence) * 1_000_000_000)
        }
        sequence += 1
    }
    return history
}

/// A complete observation of these `@saw`s.
func saw(_ words: String...) -> Observation {
    Observation(
        output: (words.map { "@saw \($0)\n" }.joined() + "@end\n").utf8, outcome: .exited(0))
}

/// Kinds that the judge finds.
func kinds(
    _ observation: Observation, _ history: History, cut: Int = .max, _ promise: Promise = .durable,
    now: UInt64 = 0
) -> [ViolationKind] {
    judge(observation, history: history, cut: cut, promise: promise, now: now).map(\.kind)
}

/// SplitMix64: the tests' source of choices, from a seed.
struct Dice: RandomNumberGenerator {
    private var state: UInt64

    /// Mixes the seed first: the states of neighbouring seeds would follow one another otherwise.
    init(seed: UInt64) {
        state = seed
        state = next() ^ 0xD1B5_4A32_D192_ED03
        state = next()
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }
    mutating func oneIn(_ count: Int) -> Bool { below(count) == 0 }
}

extension Promise {
    /// One of each.
    static let allButOpens: [Promise] = [
        .durable, .prefix, .boundedLoss(nanoseconds: 1_000_000_000), .atomic, .acknowledged,
    ]
}
