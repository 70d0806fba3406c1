import PowerLoss
import Recording

/// What became of one record in a power loss, or else is at fault.
package enum Culprit: Hashable, Sendable {
    /// - failedSync: the record of the sync that failed to store it; nil where none did.
    case lost(Step, Set<Part>, failedSync: Int?)
    case torn(Step, Tear)
    /// New blocks whose data was lost show what they held before.
    case staleBlocks
    /// Nothing is lost: `EIO` or the like was injected into this request, the first of so many.
    case injected(String, Step, times: Int)

    /// What a record did that is lost.
    package enum Part: Hashable, Sendable {
        case birth
        /// Bytes of the file; nil: all that the record wrote.
        case data([Range<UInt64>]?)
        case zeros([Range<UInt64>])
        case hole
        /// As far as it is beyond this many bytes; nil: all of it.
        case size(beyond: UInt64?)
        case name
        case removal
        case attributes
        case attribute(String)
    }

    /// How a write tore.
    package struct Tear: Hashable, Sendable {
        /// Units that arrived, of those that it wrote, and their size in bytes.
        package let arrived: Int
        package let of: Int
        package let unit: Int
        /// Bytes of the file that still hold what was there before.
        package let missing: [Range<UInt64>]
        package let damage: Damage?
    }

    /// Units that hold neither the old bytes nor the new.
    package struct Damage: Hashable, Sendable {
        package let ranges: [Range<UInt64>]
        /// Whether the torn write was of these bytes.
        package let wasWritten: Bool
        package let fill: CrashPlan.Fill
    }
}

/// A sync that failed in a run.
package struct FailedSync: Hashable, Sendable {
    /// Among the syncs of the run, from 1.
    package let number: Int
    package let step: Step
    /// `EIO`; nil where the program was told of success.
    package let error: String?
    /// What became of the data that it should have stored.
    package let failure: SyncFailure?
}
