import Basics
import PowerLoss
import Recording

/// When the power goes in one life.
package struct CutMoment: Sendable, CustomStringConvertible {
    package enum Trigger: Sendable {
        /// At the n-th of these operations, counted from 1; nil: any that is recorded, on any path.
        case operation(OperationKind?, path: String?, number: Int, RequestMoment)
        /// At the n-th sync of any kind.
        case sync(number: Int, RequestMoment)
        /// When so much of the program's run is over.
        case seconds(Double)
    }

    package let trigger: Trigger
    /// Counted from the power-on: the store's recovery is cut, unless it is over before.
    package let isInRecovery: Bool

    package var description: String {
        let place = isInRecovery ? " of recovery" : ""
        switch trigger {
        case .operation(.mark?, _, let number, _): return "after mark \(number)\(place)"
        case .operation(let kind, let path, let number, let moment):
            let what = kind?.rawValue ?? "operation"
            return "\(moment.rawValue) \(what) \(number)\(path.map { " on \($0)" } ?? "")\(place)"
        case .sync(let number, let moment): return "\(moment.rawValue) sync \(number)\(place)"
        case .seconds(let seconds):
            return "after \(Int(seconds * 1000)) ms\(place)"
        }
    }
}

/// What a life without a power loss does, from which moments are drawn.
package struct LifeProfile {
    package struct Step: Sendable {
        let kind: OperationKind
        let path: String
    }

    var steps: [Step] = []
    var seconds = 0.0
    /// Records of the latest recovery that was seen to its end.
    var recoverySteps = 0

    func moment(_ random: inout RandomSource) -> CutMoment {
        if recoverySteps > 0, UInt64.random(in: 0..<8, using: &random) == 0 {
            let number = Int.random(in: 1...recoverySteps, using: &random)
            return CutMoment(
                trigger: .operation(nil, path: nil, number: number, side(&random)),
                isInRecovery: true)
        }
        return CutMoment(trigger: trigger(&random), isInRecovery: false)
    }

    private func side(_ random: inout RandomSource) -> RequestMoment {
        Bool.random(using: &random) ? .before : .after
    }

    private func trigger(_ random: inout RandomSource) -> CutMoment.Trigger {
        let operations = steps.indices.filter { steps[$0].kind != .mark }
        guard let place = operations.randomElement(using: &random) else {
            return .seconds(Double.random(in: 0...max(0.001, seconds), using: &random))
        }
        let step = steps[place]
        switch Int.random(in: 0..<6, using: &random) {
        case 0:
            let number = operations.partitioningIndex { $0 >= place } + 1
            return .operation(nil, path: nil, number: number, side(&random))
        case 1:
            let number = steps[...place].count { $0.kind == step.kind }
            return .operation(step.kind, path: nil, number: number, side(&random))
        case 2:
            let number = steps[...place].count { $0.kind == step.kind && $0.path == step.path }
            return .operation(step.kind, path: step.path, number: number, side(&random))
        case 3:
            let count = steps.count { $0.kind.isSync }
            guard count > 0 else { break }
            // Most is at risk before a sync.
            let side: RequestMoment =
                UInt64.random(in: 0..<4, using: &random) > 0 ? .before : .after
            return .sync(number: Int.random(in: 1...count, using: &random), side)
        case 4:
            let count = steps.count { $0.kind == .mark }
            guard count > 0 else { break }
            return .operation(
                .mark, path: nil, number: Int.random(in: 1...count, using: &random), .after)
        default: break
        }
        return .seconds(Double.random(in: 0...max(0.001, seconds), using: &random))
    }
}

/// Follows what is asked of the storage in one life: the steps that were taken, and whether the moment has come.
///
/// A moment of the clock is not seen here: whoever runs the programs waits for it.
package struct StepCounter {
    /// Since the last `begin`, as far as they are remembered.
    package private(set) var steps: [LifeProfile.Step] = []
    private var moment: CutMoment?
    private var count = 0

    /// Steps that are remembered; what a longer life does later is met by time and by number only.
    private static let limit = 200_000

    package init() {}

    /// Counts from here.
    package mutating func begin(_ moment: CutMoment?) {
        self.moment = moment
        count = 0
        steps = []
    }

    /// - Parameter path: the last one of the request; nil where it concerns no file.
    /// - Returns: whether the power goes here.
    package mutating func meets(
        _ kind: OperationKind, _ side: RequestMoment, path: String?
    ) -> Bool {
        guard kind.isRecorded else { return false }
        if side == .after, steps.count < Self.limit {
            steps.append(.init(kind: kind, path: path ?? ""))
        }
        guard let moment, matches(moment.trigger, kind, side, path) else { return false }
        count += 1
        return count == moment.number
    }

    private func matches(
        _ trigger: CutMoment.Trigger, _ kind: OperationKind, _ side: RequestMoment, _ path: String?
    ) -> Bool {
        switch trigger {
        case .seconds: false
        case .sync(_, let wanted): kind.isSync && side == wanted
        case .operation(let wantedKind, let wantedPath, _, let wanted):
            side == wanted
                && wantedKind.map { $0 == kind } ?? (kind != .mark)
                && wantedPath.map { $0 == path } ?? true
        }
    }
}

extension CutMoment {
    /// Which of the requests that it is about; nil where it is one of the clock.
    fileprivate var number: Int? {
        switch trigger {
        case .operation(_, _, let number, _), .sync(let number, _): number
        case .seconds: nil
        }
    }
}
