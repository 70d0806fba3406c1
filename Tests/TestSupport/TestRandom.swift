import Glibc

/// The source of every choice that a test makes. A failure prints it as the test's argument.
package struct Seed: Hashable, Sendable, CustomStringConvertible, ExpressibleByIntegerLiteral {
    package let value: UInt64

    package init(_ value: UInt64) {
        self.value = value
    }

    package init(integerLiteral value: UInt64) {
        self.init(value)
    }

    package var description: String { "seed \(value)" }

    /// The first `count` seeds; counted from `PERJURY_FIRST_SEED` when the environment sets it, so that a soak can go
    /// where no run has been.
    package static func first(_ count: Int) -> [Seed] {
        let start = getenv("PERJURY_FIRST_SEED").flatMap { UInt64(String(cString: $0)) } ?? 0
        return (0..<UInt64(count)).map { Seed(start &+ $0) }
    }
}

/// A generator whose numbers are the same in every process and with every version of Swift: xoshiro256**, its state filled
/// by splitmix64.
///
/// - Source: Blackman and Vigna, "Scrambled linear pseudorandom number generators"; public domain.
package struct TestRandom: RandomNumberGenerator, Sendable {
    private var state: (UInt64, UInt64, UInt64, UInt64)

    package init(seed: Seed) {
        var counter = seed.value
        func next() -> UInt64 {
            counter &+= 0x9e37_79b9_7f4a_7c15
            var z = counter
            z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
            z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
            return z ^ (z >> 31)
        }
        state = (next(), next(), next(), next())
    }

    package mutating func next() -> UInt64 {
        let product = state.1 &* 5
        let result = (product << 7 | product >> 57) &* 9
        let shifted = state.1 << 17
        state.2 ^= state.0
        state.3 ^= state.1
        state.1 ^= state.2
        state.0 ^= state.3
        state.2 ^= shifted
        state.3 = state.3 << 45 | state.3 >> 19
        return result
    }

    /// A number from 0 on, below `bound`, which is at least 1.
    package mutating func below(_ bound: Int) -> Int {
        Int(next().multipliedFullWidth(by: UInt64(bound)).high)
    }

    /// A number in `range`, which is not empty.
    package mutating func within(_ range: Range<Int>) -> Int {
        range.lowerBound + below(range.count)
    }

    /// True once in `n` times.
    package mutating func oneIn(_ n: Int) -> Bool {
        below(n) == 0
    }

    /// One of `choices`, which are not empty.
    package mutating func element<C: RandomAccessCollection>(of choices: C) -> C.Element {
        choices[choices.index(choices.startIndex, offsetBy: below(choices.count))]
    }

    package mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: next() >> 32) }
    }

    /// Puts `items` in another order.
    package mutating func shuffle<T>(_ items: inout [T]) {
        for index in stride(from: items.count - 1, to: 0, by: -1) {
            items.swapAt(index, below(index + 1))
        }
    }
}
