/// One power loss: when, which effects were lost, and how writes tore. Everything else that was pending is kept.
package struct CrashPlan: Hashable, Sendable {
    /// How many records were complete; later ones do not exist.
    package let crashPoint: Int
    /// Ascending.
    package let lost: [EffectID]
    /// Effects of which only some atomic units arrived; ascending, none of them in `lost`.
    package let torn: [TornEffect]

    package init(crashPoint: Int, lost: [EffectID], torn: [TornEffect] = []) {
        self.crashPoint = crashPoint
        self.lost = lost.sorted()
        self.torn = torn.sorted { $0.effect < $1.effect }
    }

    /// An effect of which only `kept` units (bit 0: the lowest of its block) arrived.
    package struct TornEffect: Hashable, Sendable {
        package let effect: EffectID
        package let kept: UInt8

        package init(effect: EffectID, kept: UInt8) {
            self.effect = effect
            self.kept = kept
        }
    }
}
