import Basics
import FuseMount
import Glibc
import PowerLoss
import Stage

import struct SystemPackage.Errno

/// When the power goes in one life.
package struct CutMoment: Sendable, CustomStringConvertible {
    enum Trigger: Sendable {
        /// At the n-th of these operations, counted from 1; nil: any that is recorded, on any path.
        case operation(OperationKind?, path: String?, number: Int, Interception.Moment)
        /// At the n-th sync of any kind.
        case sync(number: Int, Interception.Moment)
        /// When so much of the program's run is over.
        case seconds(Double)
    }

    let trigger: Trigger
    /// Counted from the power-on: the store's recovery is cut, unless it is over before.
    let isInRecovery: Bool

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
struct LifeProfile {
    struct Step {
        let kind: OperationKind
        let path: String
    }

    var steps: [Step] = []
    var seconds = 0.0
    /// Records of the latest recovery that was seen to its end.
    var recoverySteps = 0

    /// Steps that are remembered; what a longer life does later is met by time and by number only.
    static let limit = 200_000

    func moment(_ random: inout RandomSource) -> CutMoment {
        if recoverySteps > 0, UInt64.random(in: 0..<8, using: &random) == 0 {
            let number = Int.random(in: 1...recoverySteps, using: &random)
            return CutMoment(
                trigger: .operation(nil, path: nil, number: number, side(&random)),
                isInRecovery: true)
        }
        return CutMoment(trigger: trigger(&random), isInRecovery: false)
    }

    private func side(_ random: inout RandomSource) -> Interception.Moment {
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
            let side: Interception.Moment =
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

/// Watches the requests of one life, and lets the power go at its moment.
///
/// `answer` is called on the serving thread, everything else while the server's lock is held.
final class CutTrigger {
    private var moment: CutMoment?
    private var count = 0
    /// What was done since the last `begin`.
    private(set) var steps: [LifeProfile.Step] = []
    private(set) var hasFired = false
    private let pipe: DescriptorPair
    /// Readable when the power has gone.
    var trip: CInt { pipe.first }

    /// - Throws: when there are no descriptors left.
    init() throws {
        do throws(Errno) {
            pipe = try .pipe()
        } catch {
            throw HarnessError("making a pipe: \(error)")
        }
    }

    /// Counts from here.
    func begin(_ moment: CutMoment?) {
        self.moment = moment
        count = 0
        steps = []
    }

    func fire() {
        guard !hasFired else { return }
        hasFired = true
        var byte = UInt8(1)
        _ = write(pipe.second, &byte, 1)
    }

    func answer(_ request: Interception) -> InterceptionVerdict {
        guard request.kind.isRecorded, !hasFired else { return .proceed }
        if request.moment == .after, steps.count < LifeProfile.limit {
            steps.append(.init(kind: request.kind, path: request.paths.last ?? ""))
        }
        guard let moment, matches(moment.trigger, request) else { return .proceed }
        fire()
        return .hold
    }

    private func matches(_ trigger: CutMoment.Trigger, _ request: Interception) -> Bool {
        switch trigger {
        case .seconds: return false
        case .sync(let number, let side):
            guard request.kind.isSync, request.moment == side else { return false }
            count += 1
            return count == number
        case .operation(let kind, let path, let number, let side):
            guard request.moment == side,
                kind.map({ $0 == request.kind }) ?? (request.kind != .mark),
                path.map({ $0 == request.paths.last }) ?? true
            else { return false }
            count += 1
            return count == number
        }
    }
}
