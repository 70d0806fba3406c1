import Basics
import FileTree

extension Storage {
    /// One of the states that the model allows, drawn from the seed.
    package func drawnState(_ pending: Pending, seed: UInt64) -> CrashState {
        CrashState(self, pending, drawnChoice(pending, seed: seed))
    }

    /// One of the choices that the model allows: all lost, or each effect by a coin, or one effect or
    /// path lost or kept alone, or one write torn. All lost comes often: it is what most broken promises show at.
    func drawnChoice(_ pending: Pending, seed: UInt64) -> Choice {
        var random = RandomSource(seed: seed)
        let kind = UInt64.random(in: 0..<8, using: &random)
        guard !pending.effects.isEmpty, kind > 2 else { return .losingAll(of: pending) }
        let families = ChoiceFamilies(self, pending, limit: 64)
        switch kind {
        case 3:
            let index = drawnEffect(pending, Array(pending.effects.indices), &random)
            let choices = families.losses(of: index) + families.remainders(of: index)
            return choices.randomElement(using: &random)!
        case 6...:
            let writes = firstsOfWrites(pending)
            guard !writes.isEmpty else { break }
            let index = drawnEffect(pending, writes, &random)
            let tears = families.tears(ofWriteFrom: index, most: 64)
            if let torn = tears.randomElement(using: &random) { return torn }
        default: break
        }
        return families.samples(1, &random)[0]
    }

    /// One of `indices`: the name pattern is drawn first, so that a rare file comes as often as one that is always written.
    private func drawnEffect(
        _ pending: Pending, _ indices: [Int], _ random: inout RandomSource
    ) -> Int {
        var groups: [(pattern: String, indices: [Int])] = []
        var places: [Int: Int] = [:]
        for index in indices {
            let path = log.effects[pending.effects[index]].path
            if places[path] == nil {
                let pattern = NamePattern.of(log.paths[path])
                places[path] = groups.firstIndex { $0.pattern == pattern } ?? groups.count
                if places[path] == groups.count { groups.append((pattern, [])) }
            }
            groups[places[path]!].indices.append(index)
        }
        return groups.randomElement(using: &random)!.indices.randomElement(using: &random)!
    }

    /// Of each pending write the first effect.
    private func firstsOfWrites(_ pending: Pending) -> [Int] {
        var record = -1
        return pending.effects.indices.filter {
            let logged = log.effects[pending.effects[$0]]
            guard logged.effect.change.block != nil, logged.id.record != record else {
                return false
            }
            record = logged.id.record
            return true
        }
    }
}
