import Basics
import FileTree

/// What the search tries between the crash points that it walks: a few of each kind of loss, so that what happens to a rare
/// file has its turn within the first hundreds of states, wherever it stands in the log and whatever stands around it.
///
/// A kind is a way to lose, a name pattern and a kind of change. Turns go round the ways, those of one way round its kinds,
/// those of a kind round its paths; of the changes to one path those come first that lie far apart. One turn gives a few
/// choices at one crash point, and builds no more than it takes for that. The order is a function of the log.
struct KindsOfLoss {
    private let storage: Storage
    private let first: Int
    private let sets: [MachineSet]
    /// Crash points right after a mark, ascending.
    private let marks: [Int]
    /// Effects, for each way in their order.
    private let effects: [[Int]]
    private var turn = 0

    private enum Way: Int, CaseIterable {
        /// One effect, or all of its path, when the program says something next: most often, that it is committed.
        case lostAtMark
        /// The same at the last crash point before a sync covers it.
        case lostLast
        /// Nothing but one effect, or all of its path, and what that needs, as soon as it is there.
        case kept
        /// A part of a write, as soon as it is there.
        case torn
    }

    /// Changes of one path that have a turn.
    private static let changesPerPath = 16
    /// Turns of one way.
    private static let turnsPerWay = 1024

    /// - Parameters:
    ///   - first: the first crash point that is tried.
    ///   - sets: who may lose the power together, the largest sets first.
    ///   - patterns: of the log's paths.
    init(
        _ storage: Storage, from first: Int, losing sets: [MachineSet], _ patterns: [UInt64]
    ) {
        self.storage = storage
        self.first = first
        self.sets = sets
        let log = storage.log
        var all = Groups()
        var writes = Groups()
        var record = -1
        for (index, logged) in log.effects.enumerated() {
            if logged.effect.isBirth { continue }
            guard storage.lastPoint(of: index) >= max(first, logged.id.record + 1) else { continue }
            let kind = StableHash.mix(patterns[logged.path], logged.effect.change.shape)
            all.add(index, kind: kind, path: logged.path)
            // A write has its turn with its first effect.
            guard logged.effect.change.block != nil, logged.id.record != record else { continue }
            record = logged.id.record
            writes.add(index, kind: kind, path: logged.path)
        }
        let whole = all.inTurns(Self.changesPerPath, Self.turnsPerWay)
        effects = [whole, whole, whole, writes.inTurns(Self.changesPerPath, Self.turnsPerWay)]
        marks = (0..<log.recording.count).filter {
            if case .mark = log.recording[$0].event { true } else { false }
        }.map { $0 + 1 }
    }

    /// The choices of the next turn, at one crash point; nil when all have had theirs.
    ///
    /// - Parameter isDone: whether a crash point needs no more with these machines.
    mutating func next(
        isDone: (Int, MachineSet) -> Bool
    ) -> (Storage.Pending, [Storage.Choice])? {
        let end = Way.allCases.count * (effects.map(\.count).max() ?? 0)
        while turn < end {
            let way = Way(rawValue: turn % Way.allCases.count)!
            let place = turn / Way.allCases.count
            turn += 1
            guard place < effects[way.rawValue].count else { continue }
            let effect = effects[way.rawValue][place]
            let point = point(of: way, effect)
            let machine = MachineSet(machine: storage.log.machine(ofEffect: effect))
            let machines = sets.first { $0.isSuperset(of: machine) } ?? .all
            if isDone(point, machines) { continue }
            let pending = storage.pending(at: point, losing: machines)
            let index = pending.effects.partitioningIndex { $0 >= effect }
            guard index < pending.effects.count, pending.effects[index] == effect else { continue }
            let families = ChoiceFamilies(storage, pending, limit: 1)
            switch way {
            case .lostAtMark, .lostLast: return (pending, families.losses(of: index))
            case .kept: return (pending, families.remainders(of: index))
            case .torn: return (pending, families.tears(ofWriteFrom: index))
            }
        }
        return nil
    }

    private func point(of way: Way, _ effect: Int) -> Int {
        let soon = max(first, storage.log.effects[effect].id.record + 1)
        let last = storage.lastPoint(of: effect)
        switch way {
        case .kept, .torn: return soon
        case .lostLast: return last
        case .lostAtMark:
            let next = marks.partitioningIndex { $0 >= soon }
            return next < marks.count ? min(marks[next], last) : last
        }
    }

    /// Effects by kind and by path, in the order in which those were met.
    private struct Groups {
        private var places: [UInt64: Int] = [:]
        private var kinds: [(places: [Int: Int], paths: [[Int]])] = []

        mutating func add(_ effect: Int, kind: UInt64, path: Int) {
            let place = places[kind] ?? kinds.count
            if place == kinds.count {
                places[kind] = place
                kinds.append(([:], []))
            }
            if let known = kinds[place].places[path] {
                kinds[place].paths[known].append(effect)
            } else {
                kinds[place].places[path] = kinds[place].paths.count
                kinds[place].paths.append([effect])
            }
        }

        func inTurns(_ changesPerPath: Int, _ limit: Int) -> [Int] {
            let orders = kinds.map { kind in
                Self.inTurns(kind.paths.map { Self.farApart($0, changesPerPath) })
            }
            return Array(Self.inTurns(orders).prefix(limit))
        }

        /// The first of each list, the second of each, and so on.
        private static func inTurns(_ lists: [[Int]]) -> [Int] {
            var result: [Int] = []
            var open = lists.filter { !$0.isEmpty }
            var place = 0
            while !open.isEmpty {
                for list in open { result.append(list[place]) }
                place += 1
                open.removeAll { $0.count == place }
            }
            return result
        }

        /// The first, the last, the one in the middle, those between them, and so on.
        private static func farApart(_ list: [Int], _ limit: Int) -> [Int] {
            var chosen: [Int] = []
            var seen: Set<Int> = []
            var parts = 1
            while chosen.count < min(limit, list.count) {
                for part in 0...parts where chosen.count < limit {
                    let place = part * (list.count - 1) / parts
                    if seen.insert(place).inserted { chosen.append(list[place]) }
                }
                parts *= 2
            }
            return chosen
        }
    }
}

extension Storage {
    /// The last crash point at which an effect is at risk where no flush is ignored.
    fileprivate func lastPoint(of effect: Int) -> Int {
        let node = graph.nodes[effect]
        return min(Int(node.coveredAt), Int(node.droppedAt), lastCrashPoint)
    }
}

extension ChoiceFamilies {
    /// More effects of a path than these are not lost or kept together.
    private static let mostTogether = 256

    /// The effect lost alone; with it all of its path.
    func losses(of index: Int) -> [Storage.Choice] {
        [losing([index])] + ofSamePath(index).map(losing)
    }

    /// The effect kept alone; with it all of its path.
    func remainders(of index: Int) -> [Storage.Choice] {
        [keeping([index])] + ofSamePath(index).map(keeping)
    }

    private func ofSamePath(_ index: Int) -> [[Int]] {
        let path = storage.log.effects[pending.effects[index]].path
        let same = pending.effects.indices.filter {
            storage.log.effects[pending.effects[$0]].path == path
        }
        return same.count > 1 && same.count <= Self.mostTogether ? [same] : []
    }

    /// Halves of a write, and up to `most` ways to tear it. `index`: its first effect.
    func tears(ofWriteFrom index: Int, most: Int = 4) -> [Storage.Choice] {
        let record = storage.log.effects[pending.effects[index]].id.record
        let group = pending.effects.indices[index...].prefix {
            storage.log.effects[pending.effects[$0]].id.record == record
        }.filter { storage.log.effects[pending.effects[$0]].effect.change.block != nil }
        let middle = group.count / 2
        let halves =
            middle > 0 ? [losing(Array(group[middle...])), losing(Array(group[..<middle]))] : []
        return halves + tears(of: group, most: most)
    }
}
