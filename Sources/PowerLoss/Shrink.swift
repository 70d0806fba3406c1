/// Makes a power loss smaller while the same thing stays wrong: first it comes earlier, then it loses less.
///
/// The result is 1-minimal. One record earlier the violation does not show; no single lost effect can be given back
/// (together with what it requires), no torn effect be made whole and no missing unit of it be given back, without the
/// violation going away.
package struct Shrinker {
    private let storage: Storage
    /// The earliest crash point to try.
    private let first: Int

    /// How many crash points are tried at which the first of the lost effects are the only ones.
    private static let leaps = 3

    package init(_ storage: Storage, from first: Int = 0) {
        self.storage = storage
        self.first = first
    }

    /// - Parameter violates: whether the violation still shows; true for `state` itself.
    package func shrink(
        _ state: CrashState, while violates: (CrashState) throws -> Bool
    ) rethrows -> CrashState {
        var best = state
        while true {
            let before = best
            try comeEarlier(&best, violates)
            let pending = best.pending
            let choice = try ChoiceShrinker(storage, pending).shrink(best.choice) {
                try violates(CrashState(storage, pending, $0))
            }
            if choice == before.choice, best.crashPoint == before.crashPoint { return best }
            best = CrashState(storage, pending, choice)
        }
    }

    /// Moves the crash point: to where only the first lost effects are at risk, then record by record, in steps that double
    /// while they succeed.
    private func comeEarlier(
        _ best: inout CrashState, _ violates: (CrashState) throws -> Bool
    ) rethrows {
        var records: [Int] = []
        for index in best.choice.kept.indices where !best.choice.kept[index] {
            let record = storage.log.effects[best.pending.effects[index]].id.record
            if records.last != record { records.append(record) }
            if records.count == Self.leaps { break }
        }
        for record in records where try move(&best, to: record, violates) { break }
        var step = 1
        while true {
            if try move(&best, to: best.crashPoint - step, violates) {
                step *= 2
            } else if step == 1 {
                return
            } else {
                step /= 2
            }
        }
    }

    private func move(
        _ best: inout CrashState, to point: Int, _ violates: (CrashState) throws -> Bool
    ) rethrows -> Bool {
        guard point >= first, point < best.crashPoint,
            let other = best.earlier(at: point), try violates(other)
        else { return false }
        best = other
        return true
    }
}

extension CrashState {
    /// The same power loss when fewer records were complete: what was lost of what is at risk then is lost, all else is kept.
    ///
    /// - Returns: nil where that cannot be: an effect was safe at that time, or the model does not allow it.
    package func earlier(at point: Int) -> CrashState? {
        let pending = storage.pending(at: point, losing: pending.machines)
        let position = storage.positions(pending)
        var earlier = Storage.Choice.losingNothing(of: pending)
        var torn = choice.torn[...]
        for (index, effect) in self.pending.effects.enumerated()
        where !choice.kept[index] && effect < storage.log.firstEffect[point] {
            guard let place = position[effect] else { return nil }
            earlier.kept[place] = false
            while let tear = torn.first, tear.index < index { torn.removeFirst() }
            if let tear = torn.first, tear.index == index {
                earlier.torn.append(.init(index: place, units: tear.units, damage: tear.damage))
            }
        }
        earlier.showsStale = choice.showsStale && storage.canShowStale(pending, earlier)
        return storage.isClosed(pending, earlier) ? CrashState(storage, pending, earlier) : nil
    }
}

/// Makes a choice at one crash point lose less.
private struct ChoiceShrinker {
    private let storage: Storage
    private let pending: Storage.Pending
    private let sets: ClosedSets

    init(_ storage: Storage, _ pending: Storage.Pending) {
        self.storage = storage
        self.pending = pending
        sets = storage.closedSets(pending)
    }

    func shrink(
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
