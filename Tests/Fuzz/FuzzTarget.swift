import TestSupport

/// Something that reads what it must not trust.
protocol FuzzTarget: AnyObject {
    /// A new input.
    func mutated(_ random: inout TestRandom) -> [UInt8]
    /// Reads the input. Whatever it decides is decided by the input alone, so that it can be repeated.
    func run(_ input: UnsafeRawBufferPointer)
    /// How many things that cannot be trusted an input has: 1, or its requests.
    func weight(_ input: [UInt8]) -> UInt64
}

extension FuzzTarget {
    func weight(_ input: [UInt8]) -> UInt64 { 1 }
}

/// Changes of bytes that know a little of what the bytes mean.
struct ByteMutator {
    let corpus: [[UInt8]]
    let words: [[UInt8]]
    /// Inputs stay below this many bytes.
    var limit = 4096

    init(_ corpus: [[UInt8]], words: [String], limit: Int = 4096) {
        self.corpus = corpus
        self.words = words.map { Array($0.utf8) }
        self.limit = limit
    }

    func mutated(_ random: inout TestRandom) -> [UInt8] {
        var bytes = random.element(of: corpus)
        for _ in 0...random.below(5) { change(&bytes, &random) }
        return bytes.count > limit ? Array(bytes[..<limit]) : bytes
    }

    func change(_ bytes: inout [UInt8], _ random: inout TestRandom) {
        let place = random.below(bytes.count + 1)
        let rest = bytes.count - place
        switch random.below(9) {
        case 0 where rest > 0: bytes[place] = UInt8(truncatingIfNeeded: random.next() >> 8)
        case 1 where rest > 0: bytes[place] ^= 1 << UInt8(random.below(8))
        case 2: bytes.removeSubrange(place..<place + random.below(min(rest, 40) + 1))
        case 3: bytes.insert(contentsOf: random.bytes(1 + random.below(8)), at: place)
        case 4, 5: bytes.insert(contentsOf: random.element(of: words), at: place)
        case 6:
            let word = random.element(of: words)
            bytes.replaceSubrange(place..<place + min(rest, word.count), with: word)
        case 7:
            // A part of another one, or of itself.
            let other = random.oneIn(3) ? bytes : random.element(of: corpus)
            guard !other.isEmpty else { return }
            let start = random.below(other.count)
            let end = min(other.count, start + 1 + random.below(120))
            bytes.insert(contentsOf: other[start..<end], at: place)
        default:
            let piece = Array(bytes[place..<place + min(rest, 1 + random.below(12))])
            for _ in 0...random.below(12) { bytes.insert(contentsOf: piece, at: place) }
        }
    }
}

/// Numbers that stand at some edge.
let edges: [UInt64] = [
    0, 1, 2, 3, 7, 0x7f, 0x80, 0xff, 0x100, 511, 512, 4095, 4096, 4097, 1 << 20, (1 << 20) + 1,
    1 << 31, 1 << 32, 1 << 51, 1 << 52, 1 << 62, UInt64(Int64.max), UInt64(Int64.max) - 4095,
    1 << 63,
    .max - 4095, .max - 1, .max,
]

extension TestRandom {
    /// Small, at an edge, or anything.
    mutating func hostile() -> UInt64 {
        switch below(4) {
        case 0: UInt64(below(40))
        case 1: element(of: edges)
        case 2: element(of: edges) &+ UInt64(below(9000)) &- 4500
        default: next() >> UInt64(below(64))
        }
    }
}
