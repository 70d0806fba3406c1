import Campaign
import FileTree
import Oracles
import Recording
import Synchronization

/// A store in memory as the subject of a campaign.
struct ToySubject: Subject {
    var name = "toy"
    var about = "a toy"
    var promise = Promise.durable
    var expectation = Expectation()
    var promiseUnder: [String: Promise] = [:]
    var end = Observation.Outcome.exited(0)
    var acceptedExit = AcceptedExit.statuses([0])
    var timeoutSeconds: Double?
    var outlived: [String] = []
    /// The storage of machines of their own.
    var mounts: [String] = []
    /// Makes the tree that the life starts from. What it says are marks of `setup`.
    var setUp: @Sendable (ToyDisk) throws -> Void = { _ in }
    /// The recorded life.
    var life: @Sendable (ToyDisk) throws -> Void
    /// Prints what is there; `@end` is printed for it when it returns. Throws a `ToyEnd` to end otherwise, and anything
    /// else when the harness is to have failed.
    var recovery: @Sendable (ToyDisk) throws -> Void
    /// What closes each listing, with its newline.
    var lastMark = "@end\n"
    let observed = ObservedTrees()

    func record() throws -> RecordedRun {
        let (tree, output) = try base()
        let writer = try writer(on: tree, nonce: 1)
        try life(ToyDisk(tree, writer: writer))
        return RecordedRun(
            recording: writer.recording(), setupOutput: output, end: end, outlived: outlived)
    }

    /// The tree that `setUp` leaves, at rest, and what it said.
    func base() throws -> (tree: FileTree, output: [UInt8]) {
        let base = ToyDisk(FileTree())
        for name in mounts { try base.makeDirectory(name) }
        try setUp(base)
        var tree = base.tree
        _ = tree.settle()
        return (tree, base.output)
    }

    /// - Parameter tree: at rest.
    func writer(on tree: FileTree, nonce: UInt64) throws -> RecordingWriter {
        let writer = try RecordingWriter(
            arena: Arena(memoryLimit: 16 << 20), base: tree, storesBase: false, nonce: nonce)
        if !mounts.isEmpty {
            try writer.note(
                Recording.mountsNote, Array(mounts.joined(separator: "\n").utf8))
        }
        return writer
    }

    /// - Returns: how it ended.
    func recover(on disk: ToyDisk) throws -> Observation.Outcome {
        do {
            try recovery(disk)
            try disk.print(lastMark)
        } catch ToyEnd.exits(let status) {
            return .exited(status)
        } catch ToyEnd.hangs {
            return .timedOut
        }
        return .exited(0)
    }

    func record(failing sync: FailingSync) throws -> RecordedRun {
        throw ToyHarnessFailure(description: "a toy in memory has no failing syncs")
    }

    func observers(_ count: Int, of recording: Recording) throws -> [any Observer] {
        (0..<count).map { _ in ToyObserver(self) }
    }
}

/// How a recovery ends that does not return.
enum ToyEnd: Error {
    case exits(Int32)
    case hangs
}

/// The harness itself failed.
struct ToyHarnessFailure: Error, CustomStringConvertible {
    let description: String
}

/// Which trees were observed, by their hashes, in order of arrival.
final class ObservedTrees: Sendable {
    private let calls = Mutex<[(hash: UInt64, patience: Double)]>([])

    /// - Returns: how often it had been observed before.
    func add(_ hash: UInt64, patience: Double) -> Int {
        calls.withLock { calls in
            let before = calls.count { $0.hash == hash }
            calls.append((hash, patience))
            return before
        }
    }

    /// Observations with the usual patience: all but those that confirm.
    var usual: [UInt64] { calls.withLock { $0.filter { $0.patience == 1 }.map(\.hash) } }
    var confirming: [UInt64] { calls.withLock { $0.filter { $0.patience > 1 }.map(\.hash) } }
}

private final class ToyObserver: Observer {
    private let subject: ToySubject

    init(_ subject: ToySubject) {
        self.subject = subject
    }

    func observe(_ tree: FileTree, patience: Double) throws -> Recovery {
        var settled = tree
        let before = subject.observed.add(settled.settle(), patience: patience)
        let writer = try RecordingWriter(
            arena: Arena(memoryLimit: 16 << 20), base: settled, storesBase: false, nonce: 2)
        let disk = ToyDisk(settled, writer: writer, observedBefore: before, patience: patience)
        let outcome = try subject.recover(on: disk)
        return Recovery(
            observation: Observation(output: disk.output, outcome: outcome), tree: disk.tree,
            recording: writer.recording())
    }
}
