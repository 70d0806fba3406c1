import ArgumentParser
import Basics
import Campaign
import Oracles
import PowerLoss
import Reporting
import Stage
import Workloads

/// How much is explored: a time, or a number of states, for each workload.
extension Budget.Size: ExpressibleByArgument {
    package init?(argument: String) {
        if let count = Int(argument), count > 0 {
            self = .states(count)
        } else if let time = DurationText.nanoseconds(argument) {
            self = .seconds(Double(time) / 1e9)
        } else {
            return nil
        }
    }

    /// As it is typed.
    var text: String {
        switch self {
        case .states(let count): "\(count)"
        case .seconds(let time) where time == time.rounded(): "\(Int(time))s"
        case .seconds(let time): "\(Int((time * 1000).rounded()))ms"
        case .unlimited: "unlimited"
        }
    }

    package var defaultValueDescription: String { text }

    /// As reports have it.
    var words: String {
        switch self {
        case .states(let count): return "\(grouped(count)) states a workload"
        case .seconds(let time):
            let isWhole = time == time.rounded()
            return (isWhole ? grouped(Int(time)) : "\(time)") + " s a workload"
        case .unlimited: return "unlimited"
        }
    }
}

/// `100%` or `12.5%`.
struct Percentage: ExpressibleByArgument {
    /// From 0 to 1.
    let part: Double

    init?(argument: String) {
        guard argument.hasSuffix("%"), let percent = Double(argument.dropLast()),
            (0...100).contains(percent)
        else { return nil }
        part = percent / 100
    }
}

extension Ending: ExpressibleByArgument {}

/// What is explored, and how far.
struct ExplorationOptions: ParsableArguments {
    @Option(
        help:
            "Persistence model or a file of one, repeatable or a comma list; `all` for each. Default: each workload's own."
    )
    var model: [String] = []

    @Option(
        help:
            "Durability stack or a file of one, repeatable or a comma list; `all` for each. Default: honest."
    )
    var stack: [String] = []

    @Option(
        help:
            "What ends a run: power-loss, kernel-panic, process-kill, or page-eviction (what a failed sync left in the cache)."
    )
    var ending = Ending.powerLoss

    @Option(
        help: "Source of every choice; the same seed and a budget in states give the same report.")
    var seed: UInt64 = 1

    @Option(help: "For each workload: a time such as 20s or 2m, or a number of states.")
    var budget = Budget.Size.seconds(20)

    @Option(
        help:
            "Also cut the power while the store recovers, this many times in a row. Default: what the workload says, or 0."
    )
    var nested: Int?

    @OptionGroup var mounts: MountsOptions

    @Option(
        help:
            "The part of its crash points that a model must have visited to hold, as in 100%; else it is inconclusive. One point of each shape is always needed."
    )
    var minCoverage: Percentage?

    @Option(
        name: [.customShort("j"), .long],
        help: "Workers, each with a mount and an observer. Default: one for each core.")
    var jobs: Int?

    func validate() throws {
        if let nested, !(0...3).contains(nested) {
            throw ValidationError("--nested must be from 0 to 3.")
        }
        if let jobs, !(1...256).contains(jobs) {
            throw ValidationError("--jobs must be from 1 to 256.")
        }
    }

    /// Misspelt names end the command before anything is run.
    func check() throws {
        _ = try Names.models(model)
        _ = try Names.stacks(stack)
    }

    func campaign(of file: WorkloadFile) throws -> CampaignOptions {
        var options = CampaignOptions(
            targets: file.targets(models: try Names.models(model), stacks: try Names.stacks(stack)))
        options.seed = seed
        options.ending = ending
        options.nested = nested ?? file.nested
        options.machinesAtOnce = mounts.atOnce ?? file.mountsAtOnce
        // Small enough that slow observers show something of each model within a small budget.
        options.batch = 128
        options.leastCoverage = minCoverage?.part ?? 0
        options.jobs = jobs ?? Processors.allowed.count
        options.budget = budget
        return options
    }
}

/// What concerns workloads with several mounts.
struct MountsOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Of a workload with several mounts: how many lose their power at once, at most. Default: what it says, or all.",
            valueName: "mounts"))
    var atOnce: Int?

    func validate() throws {
        if let atOnce, !(1...MachineSet.maximumCount).contains(atOnce) {
            throw ValidationError("--at-once must be from 1 to \(MachineSet.maximumCount).")
        }
    }

    /// An option that none of the workloads has a use for is a mistake.
    func check(_ workloads: [Workload]) throws {
        if atOnce != nil, workloads.allSatisfy({ $0.file.mounts.isEmpty }) {
            throw Failure(
                .usage,
                "--at-once is for workloads with several `mounts`: none of these has any")
        }
    }
}

extension StageKind: ExpressibleByArgument {}

/// Where lives are lived.
struct StageOptions: ParsableArguments {
    @Option(
        help:
            "By what programs get a mount: root, user-namespace or fusermount. Default: the first of these that can be had."
    )
    var stage: StageKind?
}

/// Where things lie.
struct PlaceOptions: ParsableArguments {
    @Option(help: "Folder of workloads. Default: the package's Workloads.")
    var workloads: String?

    @Option(help: "Folder for findings and recordings.")
    var out = "perjury-out"
}

/// A workload without a folder of its own.
struct CommandOptions: ParsableArguments {
    @Option(help: "Command to record, in place of a workload; needs --observe.")
    var run: String?

    @Option(help: "Command that prints what is there after a power loss.")
    var observe: String?

    @Option(
        help: "What it promises: durable, prefix, bounded-loss: T, atomic, acknowledged or opens.")
    var promise: String?

    @Option(help: "What comes out: holds (the default), or violates and the kinds that may come.")
    var expect: String?

    @Option(help: "Command that makes what the run begins on. Default: an empty directory.")
    var setup: String?

    @Option(help: "Server that is started before --setup, --run and --observe, and ended after.")
    var server: String?

    @Option(help: "Command that exits 0 once the server takes requests.")
    var ready: String?

    @Option(help: "How long each command may take, such as 500ms or 2m. Default: 20s.")
    var timeout: String?

    @Option(
        help: ArgumentHelp(
            "Variable of the commands, repeatable. A NAME alone has your own value, which no file will hold.",
            valueName: "name[=value]"))
    var env: [String] = []

    /// The workload that they describe; nil where there is none.
    ///
    /// - Throws: a usage failure where an option is missing, or one is there that goes with --run only.
    func commands() throws -> FindingFile.Commands? {
        guard let run, let observe else {
            let others = [
                ("--promise", promise), ("--expect", expect), ("--setup", setup),
                ("--server", server), ("--ready", ready), ("--timeout", timeout),
                ("--env", env.first),
            ]
            if run != nil || observe != nil {
                throw Failure(.usage, "--run and --observe go together")
            }
            if let (option, _) = others.first(where: { $0.1 != nil }) {
                throw Failure(.usage, "\(option) goes with --run and --observe")
            }
            return nil
        }
        if ready != nil, server == nil { throw Failure(.usage, "--ready goes with --server") }
        var commands = FindingFile.Commands(
            run: run, observe: observe, promise: promise ?? "durable")
        commands.setup = setup
        commands.server = server
        commands.ready = ready
        commands.timeout = timeout
        commands.environment = env
        return commands
    }
}

/// What may come beside what the workloads say themselves.
struct BaselineOptions: ParsableArguments {
    @Option(
        help:
            "Causes that are known, by workload: any other is not as expected. A YAML file, as --update-baseline writes it."
    )
    var baseline: String?

    @Flag(help: "Write the causes that are found to the file of --baseline; reasons in it stay.")
    var updateBaseline = false

    func validate() throws {
        if updateBaseline, baseline == nil {
            throw ValidationError(
                "--update-baseline needs --baseline FILE, the file that it writes.")
        }
    }
}

struct ReportOptions: ParsableArguments {
    @Option(
        help:
            "Also write the report as JSON; `-` is standard output, and the text goes to standard error."
    )
    var json: String?

    @Option(help: "Also write the report as JUnit's XML; `-` as for --json.")
    var junit: String?

    @Flag(
        help: "Also print annotations for GitHub, and write the report to the summary of the job.")
    var github = false

    @Flag(name: .shortAndLong, help: "No progress; report only what is not as expected.")
    var quiet = false

    @Flag(name: .shortAndLong, help: "Say what each workload is made of before it runs.")
    var verbose = false

    private func path(_ format: ReportFormat) -> String? {
        switch format {
        case .json: json
        case .junit: junit
        }
    }

    /// Those that are asked for, and where each goes.
    var wanted: [(format: ReportFormat, path: String)] {
        ReportFormat.allCases.compactMap { format in path(format).map { (format, $0) } }
    }

    /// What cannot be written is said before anything is run.
    func check(out: String) throws {
        let printed = wanted.filter { Files.isStandardOutput($0.path) }.map(\.format.option)
        if printed.count > 1 {
            throw Failure(
                .usage, "\(printed.joined(separator: " and ")) cannot both be standard output")
        }
        if quiet, verbose { throw Failure(.usage, "--quiet and --verbose exclude each other") }
        for (format, path) in wanted { try Files.checkReport(path, format.option, out: out) }
    }

    /// Where the text goes: not where another report does.
    var textOutput: Console.Output {
        wanted.contains { Files.isStandardOutput($0.path) } ? .error : .output
    }

    var paths: [String] { wanted.map(\.path) }
}
