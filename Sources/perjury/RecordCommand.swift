import ArgumentParser
import Basics
import Reporting
import Workloads

struct RecordCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "record",
        abstract: "Only record workloads; `explore` goes on from the recordings.")

    @Argument(help: "Workloads: names of the catalogue, or paths.")
    var workload: [String]

    @Option(help: "Handed to the programs as PERJURY_SEED.")
    var seed: UInt64 = 1

    @OptionGroup(title: "Places") var places: PlaceOptions

    @OptionGroup var stage: StageOptions

    func run() throws {
        let workloads = try Wiring.workloads(workload, places)
        try Wiring.checkMachine(stage)
        let out = try OutputFolder(places.out)
        defer { withExtendedLifetime(out) {} }
        Interrupt.watch()
        var status = ExitStatus.asExpected
        for workload in workloads {
            let workload = try out.named(workload, nil)
            if Interrupt.isRequested { break }
            do {
                let subject = try Wiring.subject(workload, out: places.out, seed: seed, on: stage)
                let run = try subject.record()
                let count = run.history.acknowledgedCount(at: .max)
                Console.out(
                    "\(Escaped.line(workload.name)): \(grouped(run.recording.count)) records, "
                        + "\(grouped(count)) acknowledged, run \(Escaped.line(run.outcome))"
                        + (run.path.map { "; \(Escaped.line($0))" } ?? "") + "\n")
                let unfinished = run.unfinished(accepting: subject.acceptedExit)
                for note in run.notes + [unfinished].compactMap(\.self) {
                    Console.out("  \(Escaped.line(note))\n")
                }
                if unfinished != nil { status = .inconclusive }
            } catch {
                Console.out(
                    "\(Escaped.line(workload.name)): inconclusive: \(Escaped.line("\(error)"))\n")
                status = .inconclusive
            }
        }
        throw ExitCode((Interrupt.isRequested ? .interrupted : status).rawValue)
    }
}
