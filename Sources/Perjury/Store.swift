import Basics
import Glibc
import Stage
import Workloads

/// A storage program and what it swears: how it is run, how it is asked what is there, and its promise.
///
/// The programs are processes of their own, on a filesystem of their own at `$PERJURY_DIR`, which stands in arguments as it is
/// written. They tell what they do by lines on standard output: see `Marks` of the product `PerjuryMarks`, and
/// `docs/workloads.md`.
public struct Store: Sendable {
    /// A server that runs beside `setup`, `run` and `observe`.
    public struct Server: Sendable {
        public var command: [String]
        /// Succeeds once the server takes requests.
        public var ready: [String]?

        public init(_ command: [String], ready: [String]? = nil) {
            self.command = command
            self.ready = ready
        }
    }

    /// In reports, and of the folder for what is found; unique among stores that are explored at a time.
    public var name: String
    /// The program and its arguments, as no shell reads them: commits, and says what it has acknowledged.
    public var run: [String]
    /// Started on what a power loss left: recovers, and prints what is there.
    public var observe: [String]
    /// Makes what `run` begins on; nil: an empty directory.
    public var setup: [String]?
    public var server: Server?
    public var promise = Promise.durable
    /// Variables of the programs, beside `PATH` and those that begin with `PERJURY_`.
    public var environment: [String: String] = [:]
    /// How long each program may take: more than nothing.
    public var timeout = Duration.seconds(20)
    /// Where the programs are started; the current directory if not set.
    public var folder = "."
    /// What its `workload.yaml` says, where it has one.
    private var read: Workload?

    public init(_ name: String, run: [String], observe: [String]) {
        self.name = name
        self.run = run
        self.observe = observe
    }

    /// The store of a `workload.yaml`, or of the folder with one. What is changed afterwards counts, and not what stands there;
    /// `perjury replay` then knows the programs, the promise, the timeout and the environment, and no other key.
    ///
    /// - Throws: `PerjuryError` with the line that is wrong.
    public init(workload path: String) throws {
        let workload = try translatingErrors { try Workload.load(path) }
        guard case .command(let observe) = workload.file.observer else {
            throw PerjuryError(
                "\(path): only a workload whose `observe` is a command can be explored from a test; "
                    + "explore it with `perjury run`")
        }
        self.init(workload.name, run: workload.file.run, observe: observe)
        read = workload
        setup = workload.file.setup
        server = workload.file.server.map { Server($0.command, ready: $0.ready) }
        promise = Promise(workload.file.promise)
        timeout = .nanoseconds(Int64(clamping: workload.file.timeoutNanoseconds))
        folder = workload.folder
    }

    /// The path of an executable that the package under test has built beside the test.
    ///
    /// - Throws: `PerjuryError` where there is none of this name.
    public static func product(_ name: String) throws -> String {
        let path = "\(Installation.folder ?? ".")/\(name)"
        guard !name.isEmpty, access(path, X_OK) == 0 else {
            throw PerjuryError(
                "looking for the program \(name): \(path) is not there; "
                    + "let the test target depend on the executable target")
        }
        return path
    }

    /// Runs the store once, without any power loss, and keeps what it did.
    ///
    /// - Parameter out: the folder for recordings and findings; made where it is missing.
    /// - Throws: `PerjuryError` when the machine, or the store, cannot do it.
    public func record(out: String = "perjury-out") throws -> Recording {
        try Recording(of: self, out: out)
    }

    /// Records the store and explores the recording.
    ///
    /// What cannot be found out is no error but the verdict `inconclusive`, with its reason.
    /// - Throws: `PerjuryError` when the machine cannot do it.
    public func explore(
        _ exploration: Exploration = Exploration(), out: String = "perjury-out"
    ) throws -> Report {
        let folder = try StoreFolder(self, out: out)
        return try folder.report(exploration) { $0.run() }
    }

    /// The store as the harness knows it.
    package func workload() throws -> Workload {
        guard !run.isEmpty, !observe.isEmpty else {
            throw PerjuryError("the store \(name) has no program for `run` or `observe`")
        }
        guard timeout > .zero else {
            throw PerjuryError("the store \(name): its timeout must be more than nothing")
        }
        if case .boundedLoss(let time) = promise, time <= .zero {
            throw PerjuryError("the store \(name): a bounded loss must be of more than nothing")
        }
        if let wrong = environment.keys.sorted().first(where: { $0.contains("=") }) {
            throw PerjuryError("the store \(name): a variable cannot be named `\(wrong)`")
        }
        var file = read?.file ?? WorkloadFile(run: run, observer: .command(observe))
        file.run = run
        file.observer = .command(observe)
        file.setup = setup
        if let server {
            if file.server == nil { file.server = .init(command: server.command) }
            file.server?.command = server.command
            file.server?.ready = server.ready
        } else {
            file.server = nil
        }
        file.promise = promise.value
        file.timeoutNanoseconds = timeout.nanoseconds
        do {
            file.environment += try environment.sorted { $0.key < $1.key }
                .map { try EnvironmentVariable("\($0.key)=\($0.value)") }
        } catch let error as EnvironmentVariable.Malformed {
            throw PerjuryError("the store \(name): \(error.sentence)")
        }
        let folder = folder
        return try translatingErrors { try Workload.adHoc(file, folder: folder) }.named(name)
    }
}

extension Duration {
    /// None where it is negative; the most there can be, some 292 years, where it is longer.
    var nanoseconds: UInt64 {
        let most = Duration.seconds(Int64.max / 1_000_000_000)
        let (seconds, attoseconds) = min(max(self, .zero), most).components
        return UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
    }
}
