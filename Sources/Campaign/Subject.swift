import Basics
import FileTree
import Glibc
import Oracles
import Recording

/// The program under test, as far as a campaign knows it: something that runs once and is recorded, and something that tells
/// what is there after a power loss.
///
/// The real one starts processes on mounts (`Workloads`, on a `Stage`); tests use toys in memory.
package protocol Subject: Sendable {
    var name: String { get }
    var about: String { get }
    var promise: Promise { get }
    var expectation: Expectation { get }
    /// Promises stated for stacks on which the usual one cannot be kept, by stack.
    var promiseUnder: [String: Promise] { get }

    /// Ends of the run after which it counts as whole.
    var acceptedExit: AcceptedExit { get }
    /// How long each of its programs may take, in seconds; nil where none has a limit.
    var timeoutSeconds: Double? { get }

    /// What a reader should know of how it is run here.
    var remarks: [String] { get }

    /// Sets the store up and runs it once.
    func record() throws -> RecordedRun

    /// Runs it once more, with one sync failing.
    func record(failing sync: FailingSync) throws -> RecordedRun

    /// Observers, each for one worker, whose calls come one after the other. Fewer, but at least one, where what was recorded allows no more at a time.
    func observers(_ count: Int, of recording: Recording) throws -> [any Observer]
}

extension Subject {
    /// What is to be said of a program that took too long.
    var timeoutInWords: String {
        guard let seconds = timeoutSeconds else { return "" }
        let isWhole = seconds == seconds.rounded() && seconds < 1e9
        return "; it has \(isWhole ? "\(Int(seconds))" : "\(seconds)") s, as `timeout:` says"
    }
    package var remarks: [String] { [] }
}

/// The sync that fails in a run.
package struct FailingSync: Hashable, Sendable {
    /// From 1, in the order of the log.
    package let number: Int
    /// `EIO`
    package let error: String
    package let failure: SyncFailure

    package init(number: Int, error: String, failure: SyncFailure) {
        self.number = number
        self.error = error
        self.failure = failure
    }
}

/// How a run may end that did all it was to do.
package enum AcceptedExit: Hashable, Sendable {
    case statuses(Set<Int32>)
    /// Whatever ends it but the harness, whose patience has a limit.
    case any

    func accepts(_ end: Observation.Outcome?) -> Bool {
        switch (self, end) {
        case (_, nil), (_, .timedOut?): false
        case (.any, _): true
        case (.statuses(let known), .exited(let status)?): known.contains(status)
        case (.statuses, .killed?): false
        }
    }
}

/// Starts the store's own recovery on trees.
package protocol Observer: AnyObject {
    /// What the store shows of `tree`, on a fresh mount.
    ///
    /// - Parameter patience: how many times the usual time it may take.
    /// - Throws: when the harness itself failed; nothing was found out then.
    func observe(_ tree: FileTree, patience: Double) throws -> Recovery
}

/// One recovery run.
package struct Recovery: Sendable {
    package let observation: Observation
    /// The tree that it left.
    package let tree: FileTree
    /// All that it did.
    package let recording: Recording

    package init(observation: Observation, tree: FileTree, recording: Recording) {
        self.observation = observation
        self.tree = tree
        self.recording = recording
    }

    /// Whether it changed anything.
    package var changed: Bool { recording.changesFiles }
}

/// One life of the program, from setup to its end.
package struct RecordedRun: Sendable {
    package let recording: Recording
    /// What `setup` printed: its marks count as acknowledged before record 0.
    package let setupOutput: [UInt8]
    /// Whether what they acknowledge was on stable storage then. In a chain of lives it need not have been.
    package let setupIsAtRest: Bool
    /// How the program ended; nil where its power went, or the recording does not tell.
    package let end: Observation.Outcome?
    /// In words, for a reader.
    package let outcome: String
    package let notes: [String]
    package let path: String?
    package let faults: [FaultCount]
    /// Names of the processes that still ran when the program had ended, and were ended then.
    package let outlived: [String]

    /// - Parameter outcome: in words, where `end` does not say it.
    package init(
        recording: Recording, setupOutput: [UInt8] = [], setupIsAtRest: Bool = true,
        end: Observation.Outcome? = .exited(0), outcome: String? = nil, notes: [String] = [],
        path: String? = nil, faults: [FaultCount] = [], outlived: [String] = []
    ) {
        self.setupIsAtRest = setupIsAtRest
        self.faults = faults
        self.outlived = outlived
        self.recording = recording
        self.setupOutput = setupOutput
        self.end = end
        self.outcome = outcome ?? end.map { "\($0)" } ?? "was cut off with its recording"
        self.notes = notes
        self.path = path
    }

    /// Whether the program ended by itself with status 0.
    package var endedNormally: Bool { end == .exited(0) }

    /// Why what the program would have done after its recorded end was not tested; nil where it was done.
    ///
    /// A program that met an error may stop with a status of its own, or abort: that is right. It may not hang or crash.
    package func unfinished(accepting exits: AcceptedExit) -> String? {
        if !outlived.isEmpty {
            let names = Set(outlived).sorted().joined(separator: ", ")
            let were =
                outlived.count == 1
                ? "1 process (\(names)) still ran when `run` was over, and was ended"
                : "\(outlived.count) processes (\(names)) still ran when `run` was over, and were ended"
            return were + ": what was yet to be done was not tested; "
                + "start a daemon by `server:`, or have `wait: all` wait for it, up to `timeout:`"
        }
        guard !exits.accepts(end), !(metError && stops(end)) else { return nil }
        let advice =
            end == nil || end == .timedOut
            ? ""
            : "; a run that is to end so says `exit: any`, or lists its statuses: `exit: [0, 7]`"
        return "run \(outcome): what it had yet to do was not tested\(advice)"
    }

    /// Whether something that was injected was an error, and not a delay.
    private var metError: Bool {
        faults.contains {
            $0.fired > 0 && DurationText.nanoseconds(String($0.text.prefix { $0 != " " })) == nil
        }
    }

    private func stops(_ end: Observation.Outcome?) -> Bool {
        switch end {
        case .exited?: true
        case .killed(let signal)?: signal == SIGABRT
        case .timedOut?, nil: false
        }
    }

    /// The marks of setup and run.
    package var history: History {
        var history = History()
        history.setupIsAtRest = setupIsAtRest
        history.append(setupOutput, at: -1)
        for sequence in 0..<recording.count {
            let record = recording[sequence]
            guard case .mark(let bytes) = record.event else { continue }
            history.append(bytes.buffer, at: sequence, time: record.time)
        }
        history.finish(normally: endedNormally)
        return history
    }
}
