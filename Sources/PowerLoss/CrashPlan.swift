/// One power loss: when, which effects were lost, and how writes tore. Everything else that was pending is kept.
package struct CrashPlan: Hashable, Sendable {
    /// How many records were complete; later ones do not exist.
    package let crashPoint: Int
    /// Ascending.
    package let lost: [EffectID]
    /// Effects of which only some atomic units arrived; ascending, none of them in `lost`.
    package let torn: [TornEffect]
    /// Whether lost data in new blocks reads what was there before, not zeros.
    package let showsStale: Bool

    package init(
        crashPoint: Int, lost: [EffectID], torn: [TornEffect] = [], showsStale: Bool = false
    ) {
        self.crashPoint = crashPoint
        self.showsStale = showsStale
        self.lost = lost.sorted()
        self.torn = torn.sorted { $0.effect < $1.effect }
    }

    /// An effect of which only `kept` units (bit 0: the lowest of its block) arrived: not all of them, unless other units
    /// were damaged.
    package struct TornEffect: Hashable, Sendable {
        package let effect: EffectID
        package let kept: UInt8
        package let damage: Damage?

        package init(effect: EffectID, kept: UInt8, damage: Damage? = nil) {
            self.effect = effect
            self.kept = kept
            self.damage = damage
        }
    }

    /// Units of a block (bit 0: the lowest) that hold neither old nor new bytes.
    package struct Damage: Hashable, Sendable {
        package let units: UInt8
        package let fill: Fill

        package init(units: UInt8, fill: Fill) {
            self.units = units
            self.fill = fill
        }
    }

    package enum Fill: String, Hashable, Sendable, CaseIterable {
        case zero, garbage
    }
}
