import PowerLoss

/// How much of what is possible was tried.
struct Tally {
    private(set) var visited: Set<Int> = []
    private var visitedShapes: Set<UInt64> = []
    private var distinct: Set<UInt64> = []
    /// The budget ended before all that was planned was observed.
    private var isCut = false

    /// Counts planned states.
    ///
    /// - Parameters:
    ///   - states: of those that were planned together, those of which something is known by now.
    ///   - all: they are all that were planned.
    mutating func take(
        _ states: [CrashState], all: Bool, of search: PlanSearch, _ ending: Ending,
        _ report: inout ModelReport
    ) {
        for state in states {
            visited.insert(state.crashPoint)
            if losesSomething(state, ending) {
                visitedShapes.insert(search.shapes[state.crashPoint])
            }
            distinct.insert(state.hash)
        }
        isCut = isCut || !all
        let isThrough = search.isExhaustive && !isCut
        report.statesPlanned += states.count
        report.statesDistinct = distinct.count
        report.crashPoints = visited.count
        report.shapes = isThrough ? report.shapesInAll : visitedShapes.count
        report.exhaustive = isThrough && report.mappedStores != .untried
    }

    /// Whether it shows what its crash point is about: something is lost, where anything can be.
    private func losesSomething(_ state: CrashState, _ ending: Ending) -> Bool {
        ending == .processKill || state.pending.effects.isEmpty || !state.losesNothing
    }
}
