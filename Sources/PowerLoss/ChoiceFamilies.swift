import Basics
import FileTree

/// The families of choices that the search draws from at one crash point.
struct ChoiceFamilies {
    let storage: Storage
    let pending: Storage.Pending
    let sets: ClosedSets
    /// Choices per family.
    let limit: Int

    init(_ storage: Storage, _ pending: Storage.Pending, limit: Int) {
        self.storage = storage
        self.pending = pending
        self.limit = limit
        sets = storage.closedSets(pending)
    }

    private var count: Int { sets.count }

    /// Each effect lost alone, each kept alone, each prefix, each write torn.
    func basic(_ random: inout RandomSource) -> [Storage.Choice] {
        let elements = chosen(count, &random)
        return elements.map { losing([$0]) } + elements.map { keeping([$0]) }
            + elements.map { losing(Array($0..<count)) } + tears(limit: limit)
    }

    func pairs(_ random: inout RandomSource) -> [Storage.Choice] {
        var result: [Storage.Choice] = []
        for _ in 0..<min(limit, 4 * count, 256) where count > 2 {
            let first = Int.random(in: 0..<count, using: &random)
            let second = Int.random(in: 0..<count, using: &random)
            result.append(losing([first, second]))
            result.append(keeping([first, second]))
        }
        return result
    }

    /// Seeded samples: each effect is lost or kept by a coin that is itself drawn per sample.
    func samples(_ wanted: Int, _ random: inout RandomSource) -> [Storage.Choice] {
        guard count > 0 else { return [] }
        return (0..<wanted).map { _ in
            let sides = UInt64.random(in: 2...16, using: &random)
            let lost = (0..<count).filter { _ in UInt64.random(in: 0..<sides, using: &random) == 0 }
            return losing(lost)
        }
    }

    /// Up to `limit` of `0..<count`, spread evenly, the last ones always among them.
    private func chosen(_ count: Int, _ random: inout RandomSource) -> [Int] {
        guard count > limit else { return Array(0..<count) }
        var picked = Set((count - limit / 2)..<count)
        while picked.count < limit { picked.insert(Int.random(in: 0..<count, using: &random)) }
        return picked.sorted()
    }

    func losing(_ elements: [Int]) -> Storage.Choice {
        var choice = Storage.Choice.losingNothing(of: pending)
        for element in elements where choice.kept[element] {
            for lost in sets.dependents(of: element) { choice.kept[lost] = false }
        }
        return choice
    }

    func keeping(_ elements: [Int]) -> Storage.Choice {
        var choice = Storage.Choice.losingAll(of: pending)
        for element in elements {
            for needed in sets.required(by: element) { choice.kept[needed] = true }
        }
        return choice
    }

    // MARK: Tears

    /// Each write torn at each unit: its first units arrive and the rest does not, and the reverse; once with everything else
    /// that can be there, once with everything else lost that can be.
    ///
    /// Writes come latest first until there are `limit` choices. A write that alone gives more than that, and more than
    /// `largeWrite`, is torn at evenly spread places.
    func tears(limit: Int) -> [Storage.Choice] {
        var result: [Storage.Choice] = []
        for group in writes {
            result += tears(of: group, most: max(limit, Self.largeWrite))
            if result.count >= limit { break }
        }
        return result
    }

    /// One write torn, at evenly spread places where there are more than `most`.
    func tears(of group: [Int], most: Int) -> [Storage.Choice] {
        var tears = group.indices.flatMap { waysToTear(group, at: $0) }
        if tears.count > most {
            tears = (0..<most).map { tears[$0 * (tears.count - 1) / (most - 1)] }
        }
        return tears.map { choice($0, group) }
    }

    private static let largeWrite = 256

    /// One way in which a write can be torn. `place` counts its effects.
    private struct Tear {
        let place: Int
        let kind: Kind

        enum Kind {
            case headLost, headAlone, tailAlone
            /// Units of the effect at `place`, with what comes before it in the write or after it.
            case first(UInt8, alone: Bool)
            case last(UInt8, alone: Bool)
            /// Units of the effect at `place`, and what else the tear did to its block.
            case damaged(UInt8, CrashPlan.Damage, alone: Bool)
        }
    }

    private func waysToTear(_ group: [Int], at place: Int) -> [Tear] {
        var kinds: [Tear.Kind] = place > 0 ? [.headLost, .headAlone, .tailAlone] : []
        let node = storage.graph.nodes[pending.effects[group[place]]]
        if node.unitCount > 1, !isPartOfAtom(group[place]) {
            let units = (0..<8).filter { node.units & (1 << $0) != 0 }
            for cut in 1..<units.count {
                let low = mask(units[..<cut])
                let high = mask(units[cut...])
                kinds += [
                    .first(low, alone: false), .first(low, alone: true), .last(high, alone: false),
                    .last(high, alone: true),
                ]
            }
        }
        if !isPartOfAtom(group[place]) { kinds += damages(pending.effects[group[place]]) }
        return kinds.map { Tear(place: place, kind: $0) }
    }

    /// What stands where a sector tears inside: the first or the last units new, or none, or (where others are damaged) all.
    private func damages(_ effect: Int) -> [Tear.Kind] {
        guard let mask = storage.damageable(effect) else { return [] }
        let own = (0..<8).filter { storage.graph.nodes[effect].units & (1 << $0) != 0 }
        var arrived: [UInt8] = [0, self.mask(own[...])]
        if storage.stack.tears == .shorn {
            arrived = [0]
            for cut in 1..<max(1, own.count) {
                arrived += [self.mask(own[..<cut]), self.mask(own[cut...])]
            }
        }
        return arrived.flatMap { units in
            CrashPlan.Fill.allCases.flatMap { fill in
                [true, false].map { alone in
                    Tear.Kind.damaged(
                        units, CrashPlan.Damage(units: mask & ~units, fill: fill), alone: alone)
                }
            }
        }
    }

    private func choice(_ tear: Tear, _ group: [Int]) -> Storage.Choice {
        let index = group[tear.place]
        let before = group[..<tear.place]
        let after = group[(tear.place + 1)...]
        switch tear.kind {
        case .headLost: return losing(Array(before))
        case .headAlone: return keeping(Array(before))
        case .tailAlone: return keeping(Array(group[tear.place...]))
        case .first(let units, alone: false): return torn(index, units, lost: after)
        case .first(let units, alone: true): return torn(index, units, kept: before)
        case .last(let units, alone: false): return torn(index, units, lost: before)
        case .last(let units, alone: true): return torn(index, units, kept: after)
        case .damaged(let units, let damage, let alone):
            var choice =
                alone ? torn(index, units, kept: before) : torn(index, units, lost: after)
            choice.torn = [.init(index: index, units: units, damage: damage)]
            return choice
        }
    }

    /// Whether something else is there exactly when all of the effect is: then it cannot tear.
    private func isPartOfAtom(_ index: Int) -> Bool {
        let dependents = Set(sets.dependents(of: index))
        return sets.required(by: index).contains { $0 != index && dependents.contains($0) }
    }

    private func mask(_ units: ArraySlice<Int>) -> UInt8 {
        units.reduce(0) { $0 | 1 << UInt8($1) }
    }

    /// Pending data and zeroing, grouped by the record it belongs to, the latest record first.
    private var writes: [[Int]] {
        var groups: [[Int]] = []
        var record = -1
        for (index, effect) in pending.effects.enumerated() {
            let logged = storage.log.effects[effect]
            guard logged.effect.change.block != nil else { continue }
            if logged.id.record == record {
                groups[groups.count - 1].append(index)
            } else {
                groups.append([index])
                record = logged.id.record
            }
        }
        return groups.reversed()
    }

    /// Everything kept that can be without the rest of the torn effect and the `lost` ones.
    private func torn(_ index: Int, _ units: UInt8, lost: ArraySlice<Int>) -> Storage.Choice {
        var choice = losing([index] + lost)
        // With the lost ones, something that the torn effect itself requires may have gone.
        for needed in sets.required(by: index) where needed != index && !choice.kept[needed] {
            return torn(index, units, kept: [])
        }
        choice.torn = [.init(index: index, units: units)]
        return choice
    }

    /// Everything lost that can be while these units of the effect and the `kept` ones are there.
    private func torn(_ index: Int, _ units: UInt8, kept: ArraySlice<Int>) -> Storage.Choice {
        var choice = keeping(kept.filter { !sets.required(by: $0).contains(index) })
        for needed in sets.required(by: index) where needed != index { choice.kept[needed] = true }
        choice.torn = [.init(index: index, units: units)]
        return choice
    }
}
