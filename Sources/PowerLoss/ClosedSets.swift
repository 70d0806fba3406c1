/// The closed subsets of a set whose elements require each other: an element is in one only with all that it requires.
///
/// Elements are `0..<count`. Requirements may go both ways (atoms).
package struct ClosedSets: Sendable {
    package let count: Int
    private let requires: [[Int]]
    private let requiredBy: [[Int]]

    package init(requires: [[Int]]) {
        count = requires.count
        self.requires = requires
        var requiredBy = [[Int]](repeating: [], count: requires.count)
        for (element, needed) in requires.enumerated() {
            for other in needed { requiredBy[other].append(element) }
        }
        self.requiredBy = requiredBy
    }

    /// The element and everything it requires.
    package func required(by element: Int) -> [Int] {
        reach(from: element, along: requires)
    }

    /// The element and everything that requires it.
    package func dependents(of element: Int) -> [Int] {
        reach(from: element, along: requiredBy)
    }

    private func reach(from element: Int, along edges: [[Int]]) -> [Int] {
        guard !edges[element].isEmpty else { return [element] }
        var found: Set<Int> = [element]
        var open = [element]
        while let next = open.popLast() {
            for other in edges[next] where found.insert(other).inserted { open.append(other) }
        }
        return found.sorted()
    }

    package func isClosed(_ kept: [Bool]) -> Bool {
        for element in 0..<count where kept[element] {
            for other in requires[element] where !kept[other] { return false }
        }
        return true
    }

    /// Calls `body` with every closed subset, each once, until it answers false or `limit` sets have been seen.
    ///
    /// - Returns: whether all were visited.
    @discardableResult
    package func visit(limit: Int = .max, _ body: ([Bool]) -> Bool) -> Bool {
        var choices = [Bool?](repeating: nil, count: count)
        var left = limit
        // A stack of its own: as deep as there are elements that nothing binds.
        var steps: [Step] = []
        var first = 0
        while true {
            while first < count, choices[first] != nil { first += 1 }
            if first < count {
                steps.append(decide(first, keep: false, &choices))
                continue
            }
            guard left > 0 else { return false }
            left -= 1
            guard body(choices.map { $0! }) else { return false }
            while true {
                guard let last = steps.popLast() else { return true }
                for index in last.changed { choices[index] = nil }
                if last.keep { continue }
                steps.append(decide(last.element, keep: true, &choices))
                first = last.element + 1
                break
            }
        }
    }

    private struct Step {
        let element: Int
        let keep: Bool
        /// What the decision about the element has decided, itself included.
        let changed: [Int]
    }

    // Losing an element loses its dependents, keeping one keeps its requirements: neither can contradict an earlier
    // choice, so every leaf is one closed set, and none is met twice.
    private func decide(_ element: Int, keep: Bool, _ choices: inout [Bool?]) -> Step {
        let affected = keep ? required(by: element) : dependents(of: element)
        let changed = affected.filter { choices[$0] == nil }
        for index in changed { choices[index] = keep }
        return Step(element: element, keep: keep, changed: changed)
    }

    /// How many closed subsets there are; nil when more than `limit`.
    package func count(limit: Int) -> Int? {
        var found = 0
        let all = visit(limit: limit) { _ in
            found += 1
            return true
        }
        return all ? found : nil
    }
}
