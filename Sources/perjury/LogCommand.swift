import ArgumentParser
import Basics
import Campaign
import PowerLoss
import Reporting
import Workloads

struct LogCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log",
        abstract: "Print the records of a recording; of a finding, with what was lost.",
        discussion: """
            A line for each record, in the order in which the program did it. Of a finding, a line says where the power \
            went, and what did not survive is marked: LOST, LOST IN PART, TORN.
            """)

    @Argument(help: "A recording, a finding, or a pack of one.")
    var file: String

    @Option(help: "Only this record and the ten on each side of it.")
    var around: Int?

    private static let margin = 10

    func run() throws {
        if try isRecording() {
            return try print(Wiring.recordedRun(file), "", nil)
        }
        let given = try GivenFinding(file)
        defer { withExtendedLifetime(given) {} }
        let finding = given.file
        let head =
            "\(finding.kind.rawValue) of \(finding.workload) under \(finding.model)/\(finding.stack)"
        try print(Wiring.recordedRun(given.recording), head, finding.plan)
        for (number, recovery) in finding.recoveries.enumerated() {
            try print(
                Wiring.recordedRun(given.recordings[1 + number]), "recovery \(number + 1)",
                recovery.plan)
        }
    }

    private func isRecording() throws -> Bool {
        let magic = Array("PERJURYRECORDING".utf8)
        return try Files.beginning(of: file, magic.count) == magic
    }

    private func print(_ run: RecordedRun, _ head: String, _ plan: CrashPlan?) throws {
        if let around, !(0..<max(1, run.recording.count)).contains(around) {
            throw Failure(
                .usage, "--around \(around): the records are #0 to #\(run.recording.count - 1)")
        }
        let range = around.map { ($0 - Self.margin)..<($0 + Self.margin + 1) }
        let lines: [String]
        do { lines = try LogText(run.recording, range, plan: plan).lines } catch {
            throw Failure(.usage, "\(error)")
        }
        let heads = [head, counted(run.recording.count, "record")].filter { !$0.isEmpty }
        Console.out(
            ([Escaped.line(heads.joined(separator: ", "))] + lines).joined(separator: "\n") + "\n")
    }
}
