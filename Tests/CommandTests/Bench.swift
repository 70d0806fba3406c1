import FuseMount
import Glibc
import Reporting
import Stage
import TestSupport
import Testing

/// Everything here runs the real command on real mounts, one test at a time.
@Suite("The command", .serialized, .enabled(if: Bench.isPossible), .timeLimit(.minutes(3)))
struct TheCommand {}

/// The `perjury` executable in a folder of its own, whose path marks every process that belongs to it:
/// the harness and its programs by their environment, keeper, agent and init by their command line.
final class Bench {
    let folder: TemporaryFolder
    private var program: String
    /// nil: perjury finds its own.
    private(set) var keeper: String?
    /// Where the package's programs were built.
    let products: String
    private var runs = 0
    private let hostMounts: [String]
    private var disks: [String] = []
    /// Variables of the command, beside the bench's own: `NAME=VALUE`.
    var environment: [String] = []
    /// A process in the room that was entered; 0: none was.
    var room: pid_t = 0
    /// In the room: who the command is.
    var isOrdinaryUser = false
    /// In the room: whether an ordinary user can make any.
    var hasUserNamespaces = true

    static let python = "/usr/bin/python3"

    static var isPossible: Bool { geteuid() == 0 && MountServer.isAvailable }

    init() throws {
        folder = try TemporaryFolder()
        // Programs of other users are to find their way in.
        chmod(folder.path, 0o755)
        products = try #require(Installation.folder)
        program = products + "/perjury"
        let keeper = folder.file("perjury-keeper")
        try #require(symlink(products + "/perjury-keeper", keeper) == 0)
        self.keeper = keeper
        hostMounts = Leftovers.fuseMounts(of: "self")
    }

    deinit {
        leaveRoom()
        for disk in disks { umount2(disk, CInt(MNT_DETACH)) }
    }

    // MARK: Small disks

    /// Mounts a filesystem of its own on a new folder of the bench.
    ///
    /// - Parameter size: as tmpfs has it, such as `1m`.
    func mountDisk(_ name: String, size: String) throws {
        let path = folder.file(name)
        mkdir(path, 0o755)
        try #require(mount("small", path, "tmpfs", 0, "size=\(size)") == 0)
        disks.append(path)
    }

    func usedBytes(_ name: String) -> Int {
        var status = statvfs()
        statvfs(folder.file(name), &status)
        return Int(status.f_blocks - status.f_bfree) * Int(status.f_frsize)
    }

    // MARK: Workloads

    /// Writes a script that can be executed.
    func script(_ name: String, _ text: String) throws {
        try FileBytes.write(Array("#!/bin/sh\n\(text)\n".utf8), to: folder.file(name))
        chmod(folder.file(name), 0o755)
    }

    /// Writes a workload of a `workload.yaml` and scripts by name; answers its folder.
    @discardableResult
    func workload(_ name: String, _ yaml: String, _ scripts: [String: String]) throws -> String {
        mkdir(folder.file(name), 0o755)
        chmod(folder.file(name), 0o755)
        try FileBytes.write(Array(yaml.utf8), to: folder.file("\(name)/workload.yaml"))
        chmod(folder.file("\(name)/workload.yaml"), 0o644)
        for (file, text) in scripts { try script("\(name)/\(file)", text) }
        return folder.file(name)
    }

    // MARK: Installing

    /// Installs the package in the bench, as `make install` does, and runs what is installed from now on.
    ///
    /// - Parameter link: the name of a symbolic link to the executable, by which it is called.
    func install(calledBy link: String) throws {
        let project = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let prefix = folder.file("usr")
        let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
        let words: [String] = ["/\(project)/Packaging/lay-out", products, prefix]
        let settings: [String] = ["PATH=\(path)"]
        var arguments = words.map { strdup($0) } + [nil]
        var environment = settings.map { strdup($0) } + [nil]
        defer { for word in arguments + environment { free(word) } }
        var process: pid_t = 0
        var status: CInt = 0
        let failure = posix_spawn(&process, words[0], nil, nil, &arguments, &environment)
        try #require(failure == 0, "Packaging/lay-out does not start")
        waitpid(process, &status, 0)
        try #require(status == 0, "Packaging/lay-out failed")
        program = folder.file(link)
        keeper = nil
        try #require(symlink("\(prefix)/bin/perjury", program) == 0)
    }

    // MARK: Running

    struct Result {
        /// 128 and the signal, when one ended it; -1 when it had to be killed since it did not end.
        let status: Int32
        let output: String
        let errors: String

        /// All that it printed, for the message of an expectation.
        var text: String { "status \(status)\n\(output)\n\(errors)" }
    }

    /// One run of the command that goes on.
    final class Running {
        let processID: pid_t
        private let outputPath: String
        private let errorsPath: String
        private var hasEnded = false

        fileprivate init(_ processID: pid_t, _ outputPath: String, _ errorsPath: String) {
            self.processID = processID
            self.outputPath = outputPath
            self.errorsPath = errorsPath
        }

        deinit {
            if !hasEnded { _ = try? end(withinSeconds: 0) }
        }

        var output: String { Self.text(outputPath) }
        var errors: String { Self.text(errorsPath) }

        private static func text(_ path: String) -> String {
            String(decoding: (try? FileBytes.read(path)) ?? [], as: UTF8.self)
        }

        func send(_ signal: CInt) { kill(processID, signal) }

        func end(withinSeconds seconds: Double) throws -> Result {
            var status: CInt = 0
            let isOver = eventually(within: seconds) {
                waitpid(self.processID, &status, WNOHANG) == self.processID
            }
            if !isOver {
                kill(processID, SIGKILL)
                waitpid(processID, nil, 0)
            }
            hasEnded = true
            let signal = status & 0x7F
            return Result(
                status: !isOver ? -1 : signal == 0 ? status >> 8 & 0xFF : 128 + signal,
                output: output, errors: errors)
        }
    }

    /// Starts the command in the bench's folder, where `perjury-out` will be.
    ///
    /// - Parameter input: a file for standard input.
    func start(_ arguments: [String], input: String = "/dev/null") throws -> Running {
        runs += 1
        let output = folder.file("output-\(runs)")
        let errors = folder.file("errors-\(runs)")
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT, 0o600)
        let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
        let command = room == 0 ? program : "/media/p/perjury"
        let defaults = [
            "PERJURY_KEEPER": keeper, "PATH": path, "SHELL": "/bin/sh",
            "XDG_RUNTIME_DIR": room == 0 ? nil : folder.file("runtime"),
        ].compactMap { name, value in value.map { "\(name)=\($0)" } }
        let given = Set(environment.map { $0.prefix { $0 != "=" } })
        let process = try Self.spawn(
            wayIn + ["env", "-C", folder.path, command] + arguments,
            environment: defaults.filter { !given.contains($0.prefix { $0 != "=" }) } + environment,
            &actions)
        return Running(process, output, errors)
    }

    /// Starts a program that is found in PATH.
    static func spawn(
        _ line: [String], environment: [String],
        _ actions: UnsafePointer<posix_spawn_file_actions_t>? = nil
    ) throws -> pid_t {
        var words = line.map { strdup($0) } + [nil]
        var variables = environment.map { strdup($0) } + [nil]
        defer { for word in words + variables { free(word) } }
        var process: pid_t = 0
        let failure = posix_spawnp(&process, line[0], actions, nil, &words, &variables)
        try #require(failure == 0, "\(line[0]) does not start")
        return process
    }

    /// Runs the command to its end, which must leave nothing.
    func run(
        _ arguments: [String], input: String = "/dev/null", withinSeconds seconds: Double = 60
    ) throws -> Result {
        let result = try start(arguments, input: input).end(withinSeconds: seconds)
        #expect(result.status >= 0, "it did not end: \(result.text)")
        expectNothingLeft()
        return result
    }

    /// Runs `perjury run` on one workload, small, and reads its report as JSON.
    func report(
        _ workload: String, _ options: [String] = [], withinSeconds seconds: Double = 60
    ) throws -> (result: Result, workload: JSON) {
        let small = ["--model", "ext4-ordered", "--budget", "300", "--json", "report.json"]
        let result = try run(
            ["run", workload] + small + options, withinSeconds: seconds)
        let bytes = try FileBytes.read(folder.file("report.json"))
        guard case .array(let list)? = try JSON(parsing: bytes)["workloads"], list.count == 1 else {
            Issue.record("no workload in the report: \(result.text)")
            return (result, .null)
        }
        return (result, list[0])
    }

    // MARK: Afterwards

    /// The mount namespaces that its processes are in now.
    var namespaces: Set<String> { Leftovers.mountNamespaces(marker: folder.path) }

    /// Waits up to two seconds for every process and mount of this bench to go.
    ///
    /// - Parameter namespaces: where mounts may be, beside the namespaces of those that live still.
    func expectNothingLeft(
        in namespaces: Set<String> = [], _ comment: String = "",
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        var namespaces = namespaces.union(self.namespaces)
        if room != 0 { namespaces.insert(Leftovers.namespace("\(room)")) }
        let now = Leftovers.clockTicks
        var processes: [String] = []
        var mounts: [String] = []
        let isClean = eventually(within: 2) {
            processes = Leftovers.processes(marker: self.folder.path)
            mounts = Leftovers.mounts(in: namespaces, bornBefore: now)
            mounts += Leftovers.fuseMounts(of: "self").filter {
                $0.contains(self.folder.path) && !self.hostMounts.contains($0)
            }
            return processes.isEmpty && mounts.isEmpty && self.placesInRoom.isEmpty
        }
        #expect(
            isClean, "left: \(processes) \(mounts) \(placesInRoom) \(comment)",
            sourceLocation: sourceLocation)
    }
}

/// Waits until a condition holds.
///
/// - Returns: whether it did before the time was over.
func eventually(within seconds: Double, _ condition: () throws -> Bool) rethrows -> Bool {
    let clock = ContinuousClock()
    let end = clock.now + .seconds(seconds)
    while true {
        if try condition() { return true }
        if clock.now >= end { return false }
        usleep(3000)
    }
}

extension JSON {
    var text: String? { if case .string(let text) = self { text } else { nil } }
    var number: Int? { if case .integer(let number) = self { Int(number) } else { nil } }
    var items: [JSON] { if case .array(let items) = self { items } else { [] } }
}
