import Basics
import FileTree
import Recording

/// What ends a run.
package enum Ending: String, Sendable, CaseIterable {
    /// All volatile levels are lost.
    case powerLoss = "power-loss"
    /// The kernel stops: the page cache is lost, what the drive had accepted is not.
    case kernelPanic = "kernel-panic"
    /// Only the process dies: everything it handed to the kernel stays.
    case processKill = "process-kill"
    /// The process dies, and the page cache drops clean pages before it starts again: what a failed sync left in them is
    /// lost, everything else stays.
    case pageEviction = "page-eviction"
}

/// Which crash states are tried, in which order.
///
/// Every point comes first with everything lost and with nothing lost, those whose pending effects have a shape not seen
/// before ahead of the others; then the points with new shapes with every family of choices; then every point with every
/// family; then, where a point has few closed sets, all of them; then pairs and seeded samples where it has many. Where the
/// recording holds the storage of several machines, each of these comes with each set of machines that lose their power.
/// After the first states of this walk, which show in its simplest form what most bugs come to, every other state is one of
/// `KindsOfLoss`, as long as there are. Choices repeat in no point. The order is a function of the recording, model, stack
/// and seed.
///
/// Its properties are the order of the places, and how far each of the walks has come that take turns.
package struct PlanSearch: Sequence, IteratorProtocol {
    package let storage: Storage
    private let seed: UInt64
    private let ending: Ending
    /// The first crash point of which there are states.
    private let first: Int
    /// Of each crash point: equal where the same kinds of change to files of the same name patterns are at risk, after the same
    /// mark.
    package let shapes: [UInt64]
    private let order: [Place]
    /// The order of the first round: each point, then the same with other machines.
    private let breadth: [Place]
    private let novel: Int
    /// Places with as many machines as may lose their power: exhausting them exhausts all.
    private let placesInAll: Int
    /// Who may lose the power together.
    private let sets: [MachineSet]
    private var round = 0
    private var place = 0
    private var queue: [Storage.Choice] = []
    private var current: Storage.Pending?
    private var seen: [Int: Set<UInt64>] = [:]
    /// Places whose closed sets, and tears of one write, have been handed out or are in the queue.
    private var exhausted: Set<Place> = []
    /// Tried between the states of the walk; nil where there are none, or no more.
    private var kinds: KindsOfLoss?
    private var isTurnOfKinds = false
    private var walked = 0
    /// What was found under another model or stack.
    private var suggested: [CrashState] = []
    /// Choices of its latest turn, in reverse.
    private var ofKinds: (pending: Storage.Pending, choices: [Storage.Choice])?

    /// A crash point, and who loses the power there.
    private struct Place: Hashable {
        let point: Int
        let machines: MachineSet
    }

    /// Closed sets up to which a point is enumerated whole.
    package static let exhaustiveLimit = 512
    /// States of the walk before those of `KindsOfLoss`.
    private static let walkedFirst = 64
    /// Choices of one family at one point while breadth comes first.
    private static let familyLimit = 48
    /// Choices of one family at one point after that, and how many effects they may tell of together: a point may have very
    /// many effects at risk, and a choice is as long as they are many.
    private static let lateFamilyLimit = 2048
    private static let lateFamilyEffects = 16 << 20

    /// - Parameters:
    ///   - first: the first crash point that is tried.
    ///   - machines: how many may lose their power at once; nil: all.
    package init(
        _ storage: Storage, seed: UInt64, ending: Ending = .powerLoss, from first: Int = 0,
        machinesAtOnce: Int? = nil
    ) {
        self.storage = storage
        self.first = first
        self.ending = ending
        self.seed = seed
        let patterns = storage.log.paths.map { StableHash.of(Array(NamePattern.of($0).utf8)) }
        shapes = storage.shapes(patterns)
        let (novel, known) = Self.order(shapes, from: first)
        let isLoss = ending == .powerLoss || ending == .kernelPanic
        let sets =
            isLoss ? MachineSet.losing(machinesAtOnce, of: storage.log.machineCount) : [.all]
        self.sets = sets
        let places = [novel, known].map { points in
            sets.flatMap { machines in points.map { Place(point: $0, machines: machines) } }
        }
        order = places[0] + places[1]
        breadth = sets.flatMap { set in
            (novel + known).map { Place(point: $0, machines: set) }
        }
        self.novel = places[0].count
        let largest = sets.count { $0.count == sets[0].count }
        placesInAll = (novel.count + known.count) * largest
        if isLoss { kinds = KindsOfLoss(storage, from: first, losing: sets, patterns) }
    }

    /// Whether every crash point has been handed out with all its closed sets and single tears.
    package var isExhaustive: Bool {
        queue.isEmpty
            && exhausted.count { $0.machines.count == sets[0].count } == placesInAll
    }

    /// Hands a plan out before all others, if it is possible here: what breaks a store under one model is most often what
    /// breaks it under the next.
    ///
    /// - Returns: false where it is not possible.
    package mutating func suggest(_ plan: CrashPlan) -> Bool {
        guard plan.crashPoint >= first, let state = try? storage.state(plan) else { return false }
        suggested.append(state)
        return true
    }

    package mutating func next() -> CrashState? {
        while let state = suggested.popLast() {
            if let state = new(state) { return state }
        }
        while true {
            if isTurnOfKinds {
                isTurnOfKinds = false
                if let state = nextOfKinds() { return state }
            }
            if let choice = queue.popLast() {
                guard let state = new(CrashState(storage, current!, choice)) else { continue }
                walked += 1
                isTurnOfKinds = walked >= Self.walkedFirst
                return state
            }
            guard fill() else { return nextOfKinds() }
        }
    }

    /// nil when the choice has been handed out.
    private mutating func new(_ state: CrashState) -> CrashState? {
        seen[state.crashPoint, default: []].insert(state.key).inserted ? state : nil
    }

    private mutating func nextOfKinds() -> CrashState? {
        guard var kinds else { return nil }
        self.kinds = nil
        while true {
            while let choice = ofKinds?.choices.popLast() {
                guard let state = new(CrashState(storage, ofKinds!.pending, choice)) else {
                    continue
                }
                self.kinds = kinds
                return state
            }
            let turn = kinds.next { isExhausted(Place(point: $0, machines: $1)) }
            guard let (pending, choices) = turn else { return nil }
            ofKinds = (pending, withStale(choices.reversed(), pending))
        }
    }

    // MARK: Order

    /// Crash points with a new shape, and the others.
    private static func order(
        _ shapes: [UInt64], from first: Int
    ) -> (novel: [Int], known: [Int]) {
        var met: Set<UInt64> = []
        var novel: [Int] = []
        var known: [Int] = []
        for point in first..<shapes.count {
            if met.insert(shapes[point]).inserted {
                novel.append(point)
            } else {
                known.append(point)
            }
        }
        return (novel, known)
    }

    /// What fewer machines lose is among what more of them do.
    private func isExhausted(_ place: Place) -> Bool {
        exhausted.contains(place)
            || sets.contains {
                $0.isSuperset(of: place.machines)
                    && exhausted.contains(Place(point: place.point, machines: $0))
            }
    }

    private mutating func fill() -> Bool {
        while round < 6 {
            let limit = round == 1 ? novel : order.count
            guard place < limit else {
                round += 1
                place = 0
                continue
            }
            let next = round == 0 ? breadth[place] : order[place]
            place += 1
            if isExhausted(next) { continue }
            let pending = storage.pending(at: next.point, losing: next.machines)
            current = pending
            if ending == .processKill {
                exhausted.insert(next)
                queue = [.losingNothing(of: pending)]
                return true
            }
            if ending == .pageEviction {
                queue = evictions(pending).reversed()
                if !queue.isEmpty { return true }
                continue
            }
            queue = withStale(choices(pending), pending)
            if !queue.isEmpty { return true }
        }
        return false
    }

    /// Whatever of the clean pages that a failed sync left behind the storage does not have; everything else is kept. All of
    /// it first, then any part.
    private mutating func evictions(_ pending: Storage.Pending) -> [Storage.Choice] {
        let stuck = storage.stuck(pending)
        let place = Place(point: pending.crashPoint, machines: pending.machines)
        exhausted.insert(place)
        guard !stuck.isEmpty else { return [] }
        let all = storage.closedSets(pending)
        let position = Dictionary(uniqueKeysWithValues: stuck.enumerated().map { ($1, $0) })
        let sets = ClosedSets(
            requires: stuck.map { effect in all.required(by: effect).compactMap { position[$0] } })
        var choices: [Storage.Choice] = []
        func add(_ kept: [Bool]) {
            var choice = Storage.Choice.losingNothing(of: pending)
            for (index, effect) in stuck.enumerated() { choice.kept[effect] = kept[index] }
            choices.append(choice)
        }
        if sets.count(limit: Self.exhaustiveLimit) != nil {
            sets.visit {
                if $0.contains(false) { add($0) }
                return true
            }
            return choices
        }
        exhausted.remove(place)
        add([Bool](repeating: false, count: stuck.count))
        for element in stuck.indices {
            var without = [Bool](repeating: true, count: stuck.count)
            for lost in sets.dependents(of: element) { without[lost] = false }
            var with = [Bool](repeating: false, count: stuck.count)
            for needed in sets.required(by: element) { with[needed] = true }
            add(without)
            add(with)
        }
        return choices
    }

    /// Each choice also with what new blocks held before, where the model says that it can show.
    private func withStale(
        _ choices: [Storage.Choice], _ pending: Storage.Pending
    ) -> [Storage.Choice] {
        guard storage.model.rules.lostBlocksRead == .zeroOrStale else { return choices }
        return choices.flatMap { choice in
            guard storage.canShowStale(pending, choice) else { return [choice] }
            var stale = choice
            stale.showsStale = true
            return [stale, choice]
        }
    }

    /// In reverse: the queue is emptied from its end.
    private mutating func choices(_ pending: Storage.Pending) -> [Storage.Choice] {
        let count = pending.effects.count
        if round == 0 { return [.losingNothing(of: pending), .losingAll(of: pending)] }
        var random = RandomSource(seed: seed ^ UInt64(pending.crashPoint) &* 0x9e37_79b9)
        let lateLimit = Swift.min(
            Self.lateFamilyLimit, Self.lateFamilyEffects / Swift.max(1, count))
        let families = ChoiceFamilies(
            storage, pending,
            limit: round < 4 ? Self.familyLimit : Swift.max(Self.familyLimit, lateLimit))
        switch round {
        case 1, 2:
            return families.basic(&random).reversed()
        case 3:
            guard families.sets.count(limit: Self.exhaustiveLimit) != nil else { return [] }
            exhausted.insert(Place(point: pending.crashPoint, machines: pending.machines))
            var all: [Storage.Choice] = []
            families.sets.visit { kept in
                all.append(Storage.Choice(kept: kept))
                return true
            }
            return all + families.tears(limit: .max)
        case 4:
            return families.pairs(&random)
        default:
            return families.basic(&random).reversed() + families.samples(64, &random)
        }
    }
}
