import Campaign
import Oracles

/// A workload as its `workload.yaml` describes it.
///
/// The names in it are checked, the programs are not looked for. A command is a list of arguments,
/// or a text that is split at spaces and nothing else: no shell ever reads it. Variables such as
/// `$PERJURY_DIR` stand in it as they were written. Its properties are the keys of the file.
package struct WorkloadFile: Hashable, Sendable {
    /// How the store is observed after a power loss.
    package enum Observer: Hashable, Sendable {
        /// Started once for each crash state; prints what is there.
        case command([String])
        /// Started once for each crash state; gets the directory as a line on stdin.
        case serve([String])
        /// Judges by itself and answers by its exit status.
        case check([String])
    }

    /// A server that is started before each of setup, run and observe.
    package struct Server: Hashable, Sendable {
        package var command: [String]
        /// Succeeds once the server takes requests.
        package var ready: [String]?
        /// Ends the server in order; without it the server gets SIGTERM.
        package var stop: [String]?

        package init(command: [String], ready: [String]? = nil, stop: [String]? = nil) {
            self.command = command
            self.ready = ready
            self.stop = stop
        }
    }

    /// What the machine must offer.
    package struct Requirements: Hashable, Sendable {
        package var commands: [String] = []
        /// Debian packages that bring them, for the message.
        package var packages: [String] = []
    }

    /// The names that a workload may use for models and stacks.
    package struct KnownNames: Sendable {
        package var models: [String]
        package var stacks: [String]

        package init(models: [String], stacks: [String]) {
            self.models = models
            self.stacks = stacks
        }
    }

    /// One line for people; empty if not given.
    package var about = ""
    /// `durable` if not given.
    package var promise = Promise.durable
    package var expect = Expectation()
    /// Name or number of the user that the programs run as.
    package var user: String?
    /// The same, where they would be root otherwise; an ordinary user's programs run as that user.
    package var userForRoot: String?
    package var setup: [String]?
    package var run: [String]
    package var observer: Observer
    package var server: Server?
    /// How long one program may take; 20 s if not given.
    package var timeoutNanoseconds: UInt64 = 20_000_000_000
    package var requires = Requirements()
    /// Models to explore; `nil`: the default ones.
    package var models: [String]?
    /// Promises that the store keeps, by name of a stack that lies.
    package var under: [String: Promise] = [:]
    /// How often the power goes again during recovery, unless the command says otherwise.
    package var nested = 0
    /// Directories of the data directory, each of them the storage of a machine of its own; empty: there is one machine.
    package var mounts: [String] = []
    /// How many of these machines may lose their power at once; `nil`: all.
    package var mountsAtOnce: Int?
    /// What is made to fail while it runs.
    package var faults = FaultRequests()
    /// How `run` may end.
    package var acceptedExit = AcceptedExit.statuses([0])
    /// Whether `run` ends only when the processes that it started have ended.
    package var waitsForAll = false
    /// How far the clock of recovery is ahead of the machine's, in nanoseconds.
    package var afterNanoseconds: UInt64 = 0

    /// Variables of the programs, beside those that every program gets.
    package var environment: [EnvironmentVariable] = []

    /// The longest file that is read, in bytes.
    package static let sizeLimit = 1 << 20

    /// A workload that was not read from a file.
    package init(run: [String], observer: Observer) {
        self.run = run
        self.observer = observer
    }

    /// Reads a `workload.yaml`.
    ///
    /// - Parameters:
    ///   - path: named in errors only.
    /// - Throws: for the first thing that is wrong, with its line.
    package init(
        parsing bytes: some Collection<UInt8>, path: String = "workload.yaml", known: KnownNames
    ) throws(WorkloadFileError) {
        let reader = WorkloadFileReader(path: path)
        let fields = try reader.fields(
            of: try reader.root(bytes), allowed: WorkloadFile.keys, in: nil)

        guard let run = fields["run"] else { throw reader.missing("run") }
        self.init(
            run: try reader.command(run), observer: try reader.observer(fields))
        if let node = fields["about"] { about = try reader.text(node) }
        if let node = fields["promise"] { promise = try reader.promise(node) }
        if let node = fields["expect"] { expect = try reader.expectation(node, known: known) }
        expect.known = try fields["known"].map(reader.known)
        if let node = fields["user"] { user = try reader.text(node) }
        if let node = fields["user-for-root"] {
            guard user == nil else {
                throw reader.error(node.line, "`user` and `user-for-root` exclude each other")
            }
            userForRoot = try reader.text(node)
        }
        setup = try fields["setup"].map(reader.command)
        server = try fields["server"].map(reader.server)
        if let node = fields["timeout"] { timeoutNanoseconds = try reader.duration(node) }
        if let node = fields["requires"] { requires = try reader.requirements(node) }
        models = try fields["models"].map { node throws(WorkloadFileError) in
            try reader.names(node, of: "model", among: known.models)
        }
        if let node = fields["under"] { under = try reader.under(node, known: known) }
        if let node = fields["nested"] { nested = try reader.count(node, upTo: 3) }
        if let node = fields["mounts"] { mounts = try reader.mounts(node) }
        mountsAtOnce = try fields["at-once"].map { node throws(WorkloadFileError) in
            guard !mounts.isEmpty else {
                throw reader.error(
                    node.line, "`at-once` says how many of `mounts` lose their power: name these")
            }
            return try reader.count(node, upTo: mounts.count)
        }
        if let node = fields["faults"] { faults = try reader.faults(node) }
        if let node = fields["exit"] { acceptedExit = try reader.acceptedExit(node) }
        if let node = fields["after"] { afterNanoseconds = try reader.duration(node) }
        if let node = fields["wait"] { waitsForAll = try reader.waitsForAll(node) }
        if let node = fields["environment"] { environment = try reader.environment(node) }
    }

    package static let keys = [
        "about", "promise", "expect", "known", "user", "user-for-root", "setup", "run", "observe",
        "check", "server",
        "timeout", "requires", "models", "under", "nested", "mounts", "at-once",
        "faults", "exit", "wait", "after", "environment",
    ]
}

/// What is wrong with a `workload.yaml`, in one sentence.
package struct WorkloadFileError: Error, Hashable, CustomStringConvertible {
    package var path: String
    /// From 1; `nil` where no line is at fault.
    package var line: Int?
    package var sentence: String

    package var description: String {
        line.map { "\(path):\($0): \(sentence)" } ?? "\(path): \(sentence)"
    }
}
