/// Makes a choice lose less while the same thing stays wrong.
///
/// The result is 1-minimal: no single lost effect can be given back (together with what it requires), no torn effect be made
/// whole and no missing unit of it be given back, without the violation going away.
package struct Shrinker {
    private let storage: Storage
    private let pending: Storage.Pending
    private let sets: ClosedSets

    package init(_ storage: Storage, _ pending: Storage.Pending) {
        self.storage = storage
        self.pending = pending
        sets = storage.closedSets(pending)
    }

    /// - Parameter violates: whether the violation still shows; true for `choice` itself.
    package func shrink(
        _ choice: Storage.Choice, while violates: (Storage.Choice) throws -> Bool
    ) rethrows -> Storage.Choice {
        var best = choice
        var isSmaller = true
        while isSmaller {
            isSmaller = false
            if best.showsStale {
                var clean = best
                clean.showsStale = false
                if try replace(&best, with: clean, violates) { isSmaller = true }
            }
            for tear in best.torn where try replace(&best, with: whole(best, tear.index), violates)
            {
                isSmaller = true
            }
            var chunk = max(1, lost(best).count / 2)
            while true {
                if try giveBack(&best, chunk, violates) { isSmaller = true }
                if chunk == 1 { break }
                chunk /= 2
            }
            if try giveBackUnits(&best, violates) { isSmaller = true }
        }
        return best
    }

    private func lost(_ choice: Storage.Choice) -> [Int] {
        let torn = Set(choice.torn.map(\.index))
        return choice.kept.indices.filter { !choice.kept[$0] && !torn.contains($0) }
    }

    private func replace(
        _ best: inout Storage.Choice, with other: Storage.Choice,
        _ violates: (Storage.Choice) throws -> Bool
    ) rethrows -> Bool {
        guard other != best, try violates(other) else { return false }
        best = other
        return true
    }

    private func giveBack(
        _ best: inout Storage.Choice, _ size: Int, _ violates: (Storage.Choice) throws -> Bool
    ) rethrows -> Bool {
        var gained = false
        var first = 0
        while true {
            let left = lost(best)
            guard first < left.count else { return gained }
            let chunk = left[first..<min(first + size, left.count)]
            let other = chunk.reduce(best) { whole($0, $1) }
            if try replace(&best, with: other, violates) { gained = true } else { first += size }
        }
    }

    /// The choice with one more effect kept, and all that it requires.
    private func whole(_ choice: Storage.Choice, _ index: Int) -> Storage.Choice {
        var result = choice
        for needed in sets.required(by: index) { result.kept[needed] = true }
        result.torn.removeAll { result.kept[$0.index] }
        if result.showsStale { result.showsStale = storage.canShowStale(pending, result) }
        return result
    }

    private func giveBackUnits(
        _ best: inout Storage.Choice, _ violates: (Storage.Choice) throws -> Bool
    ) rethrows -> Bool {
        var gained = false
        for place in best.torn.indices {
            let all = storage.graph.nodes[pending.effects[best.torn[place].index]].units
            for bit in 0..<UInt8(8) {
                let tear = best.torn[place]
                let units = tear.units | (all & 1 << bit)
                var damage = tear.damage
                if let damaged = damage, damaged.units & 1 << bit != 0 {
                    let left = damaged.units & ~(1 << bit)
                    damage = left == 0 ? nil : .init(units: left, fill: damaged.fill)
                }
                guard units != tear.units || damage != tear.damage,
                    damage != nil || units != all && units != 0
                else { continue }
                var other = best
                other.torn[place] = .init(index: tear.index, units: units, damage: damage)
                if try replace(&best, with: other, violates) { gained = true }
            }
        }
        return gained
    }
}
