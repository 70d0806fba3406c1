import Basics
import Campaign
import FuseMount
import Glibc
import Stage

import struct SystemPackage.Errno

/// Watches the requests of one life, and lets the power go at its moment.
///
/// `answer` is called on the serving thread, everything else while the server's lock is held.
final class CutTrigger {
    private var counter = StepCounter()
    private(set) var hasFired = false
    private let pipe: DescriptorPair
    /// Readable when the power has gone.
    var trip: CInt { pipe.first }
    /// What was done since the last `begin`.
    var steps: [LifeProfile.Step] { counter.steps }

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
        counter.begin(moment)
    }

    func answer(_ request: Interception) -> InterceptionVerdict {
        guard !hasFired, counter.meets(request.kind, request.moment, path: request.paths.last)
        else { return .proceed }
        hasFired = true
        var byte = UInt8(1)
        _ = write(pipe.second, &byte, 1)
        return .hold
    }
}
