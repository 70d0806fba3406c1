extension Storage {
    /// Everything lost that can be.
    package func losingAll(_ pending: Pending) -> Choice {
        Choice(kept: [Bool](repeating: false, count: pending.effects.count))
    }

    /// One of the choices that the model allows, drawn from the seed: all lost, or each effect by a coin, or one write
    /// torn. All lost comes often: it is what most broken promises show at.
    package func drawnChoice(_ pending: Pending, seed: UInt64) -> Choice {
        var random = RandomSource(seed: seed)
        let kind = UInt64.random(in: 0..<8, using: &random)
        guard !pending.effects.isEmpty, kind > 2 else { return losingAll(pending) }
        let families = ChoiceFamilies(self, pending, limit: 64)
        if kind >= 6 {
            let tears = families.tears(limit: 64)
            if let torn = tears.randomElement(using: &random) { return torn }
        }
        return families.samples(1, &random)[0]
    }
}
