/// What may still be spent: time up to a moment, or a number of planned states.
///
/// A part of it is a budget, too, and what is spent of the part is spent of the whole. Preparation counts as time: what is
/// recorded, observed and built before the first state.
package final class Budget {
    /// How much there is for one workload, all its targets together.
    package enum Size: Hashable, Sendable {
        case seconds(Double)
        /// Planned states.
        case states(Int)
        case unlimited

        /// One of `parts` equal parts, and what is left then.
        func split(into parts: Int) -> (first: Size, rest: Size) {
            switch self {
            case .seconds(let all):
                let part = all / Double(parts)
                return (.seconds(part), .seconds(all - part))
            case .states(let all): return (.states(all / parts), .states(all - all / parts))
            case .unlimited: return (.unlimited, .unlimited)
            }
        }
    }

    /// Seconds of the clock; nil where time has no end.
    private let end: Double?
    /// States that may still be planned; nil: any number.
    private(set) var states: Int?
    private let clock: () -> Double
    private let isCancelled: () -> Bool
    private let whole: Budget?

    private init(
        end: Double?, states: Int?, clock: @escaping () -> Double,
        isCancelled: @escaping () -> Bool, partOf whole: Budget?
    ) {
        self.end = end
        self.states = states
        self.clock = clock
        self.isCancelled = isCancelled
        self.whole = whole
    }

    /// - Parameter start: when spending began; nil: now.
    convenience init(
        _ size: Size, since start: Double? = nil, clock: @escaping () -> Double,
        isCancelled: @escaping () -> Bool
    ) {
        var end: Double?
        var states: Int?
        switch size {
        case .seconds(let seconds): end = (start ?? clock()) + seconds
        case .states(let count): states = count
        case .unlimited: break
        }
        self.init(end: end, states: states, clock: clock, isCancelled: isCancelled, partOf: nil)
    }

    /// One of equal parts of what is left, at least one state.
    ///
    /// - Parameter start: when the part's own preparation began; nil: it needs none. It gets its part of what was left then,
    ///   and not less time than that took: many runs of which nothing is seen would tell less than a few.
    func share(of parts: Int, preparedSince start: Double? = nil) -> Budget {
        let now = clock()
        let start = start ?? now
        return Budget(
            end: end.map { now + max(max(0, $0 - start) / Double(parts), now - start) },
            states: states.map { max(1, $0 / parts) }, clock: clock, isCancelled: isCancelled,
            partOf: self)
    }

    func spend(_ planned: Int) {
        states = states.map { max(0, $0 - planned) }
        whole?.spend(planned)
    }

    /// No more observations may begin. Asked from any thread.
    var isOver: Bool { isCancelled() || end.map { clock() >= $0 } ?? false }

    /// Nothing more may be planned.
    var isSpent: Bool { states == 0 || isOver }
}
