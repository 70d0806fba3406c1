import FileTree
import Oracles
import PowerLoss
import Recording

/// A program under test whose power goes while it runs, again and again, as far as a live campaign knows it.
///
/// The real one lives on mounts (`LiveWorkload`); tests use toys in memory.
package protocol LiveSubject {
    /// What is promised and expected of it, and who observes one of its trees alone.
    var subject: any Subject { get }
    /// What is made to fail in each of its lives; nothing has come of it yet.
    var faults: [FaultCount] { get }
    /// What a reader should know of how it lives here.
    var remarks: [Note] { get }

    /// The tree that `setup` leaves, at rest, and what it printed.
    func setUp() throws -> (tree: FileTree, output: [UInt8])

    /// Begins a life on a tree. The one before it has ended.
    ///
    /// - Parameters:
    ///   - life: its number: each draws other requests by chance, and names what it writes anew.
    ///   - pages: what becomes of the data of a sync that is made to fail.
    func powerOn(_ tree: FileTree, life: Int, _ pages: SyncFailure) throws -> any PowerOn

    /// Keeps the recording of a life that ended with a violation.
    ///
    /// - Returns: the run, read from where it is kept now, and that place.
    func keep(_ run: RecordedRun, life: Int) throws -> (run: RecordedRun, path: String)

    /// What was kept there shows nothing.
    func discard(_ path: String)
}

/// One power-on: the storage, the store's recovery, its clients, and the end of all of them at once.
package protocol PowerOn: AnyObject {
    /// What was asked of the storage since `arm`, or since the beginning.
    var steps: [LifeProfile.Step] { get }
    /// How long the store's own programs ran, in seconds; of them, a run to its end.
    var storeSeconds: Double { get }
    var runSeconds: Double { get }
    /// What came of the faults so far.
    var faults: [FaultCount] { get }

    /// Counts steps from here, and lets the power go at `moment`; nil: not.
    func arm(_ moment: CutMoment?)

    /// The store's recovery, and what it shows then.
    ///
    /// - Parameter patience: how many times the usual time it may take.
    /// - Throws: `PowerGone` when the moment came before that was known.
    func recover(patience: Double) throws -> Observation

    /// Runs the clients, among faults, until the moment has come.
    ///
    /// - Throws: `PowerGone` then. It returns when they ended before.
    func runUntilPowerGoes(_ moment: CutMoment) throws

    /// Runs the clients, without faults, to their end.
    func runToEnd() throws -> Observation.Outcome

    /// The power goes, if it has not: what was in the cache is in the tree, whatever of it may be lost.
    func cut() throws -> (tree: FileTree, recording: Recording)
}

/// The power went while programs ran.
package struct PowerGone: Error {
    package init() {}
}
