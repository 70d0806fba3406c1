import FileTree
import TestSupport
import Testing

@Suite("Sparse array")
struct SparseArrayTests {
    @Test("holds what a dictionary holds; forks do not see each other", arguments: Seed.first(200))
    func agreesWithDictionary(seed: Seed) {
        var random = TestRandom(seed: seed)
        // All sides are changed in turn; each must go on as if it were alone.
        var sides: [(array: SparseArray<Int>, model: [UInt64: Int])] = [(SparseArray(), [:])]

        for step in 0..<300 {
            let side = random.below(sides.count)
            let index = Self.index(&random)
            switch random.below(20) {
            case 0:
                if sides.count < 5 { sides.append(sides[side]) }
            case 1:
                sides[side].array.removeAll(from: index)
                sides[side].model = sides[side].model.filter { $0.key < index }
            case 2..<6:
                sides[side].array.update(index) { $0 = nil }
                sides[side].model[index] = nil
            default:
                sides[side].array.update(index) { $0 = step }
                sides[side].model[index] = step
            }
            #expect(sides[side].array[index] == sides[side].model[index])
        }

        for (array, model) in sides {
            for (index, value) in model { #expect(array[index] == value) }
            let first = Self.index(&random)
            #expect(
                Self.contents(array)
                    == model.sorted { $0.key < $1.key }.map { [$0.key, UInt64($0.value)] })
            #expect(
                Self.contents(array, from: first)
                    == model.filter { $0.key >= first }.sorted { $0.key < $1.key }
                    .map { [$0.key, UInt64($0.value)] })
        }
    }

    /// Dense and far apart, and next to where nodes of the tree begin and end.
    private static func index(_ random: inout TestRandom) -> UInt64 {
        switch random.below(6) {
        case 0..<3: return UInt64(random.below(70))
        case 3: return UInt64.max - UInt64(random.below(40))
        default:
            let power = UInt64(1) << UInt64(random.below(64))
            return power &+ UInt64(random.below(3)) &- 1
        }
    }

    private static func contents(_ array: SparseArray<Int>, from first: UInt64 = 0) -> [[UInt64]] {
        var found: [[UInt64]] = []
        array.visit(from: first) { index, value in
            found.append([index, UInt64(value)])
            return true
        }
        return found
    }

    @Test("a visit ends when its body says so")
    func visitEnds() {
        var array = SparseArray<Int>()
        for index in 0..<100 { array.update(UInt64(index) * 1000) { $0 = index } }

        var seen: [Int] = []
        array.visit(from: 5000) { _, value in
            seen.append(value)
            return seen.count < 3
        }

        #expect(seen == [5, 6, 7])
    }

    @Test("an update hands on what its body answers and throws")
    func updateRethrows() {
        struct Stop: Error {}
        var array = SparseArray<Int>()

        let old = array.update(7) { element -> Int? in
            defer { element = 1 }
            return element
        }
        #expect(old == nil)
        #expect(throws: Stop.self) { try array.update(7) { (_: inout Int?) in throw Stop() } }
        #expect(array[7] == 1)
    }
}
