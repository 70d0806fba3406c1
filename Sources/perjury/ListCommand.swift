import ArgumentParser
import Basics
import Reporting

struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Print the workloads of the catalogue.")

    @OptionGroup var places: PlaceOptions

    func run() throws {
        let workloads = try Wiring.workloads([], places)
        let width = workloads.map(\.name.count).max() ?? 0
        for workload in workloads {
            let space = String(repeating: " ", count: width - workload.name.count)
            Console.out(
                "\(Escaped.line(workload.name))\(space)  \(workload.file.promise.description): "
                    + "\(Escaped.line(workload.file.about))\n")
            if let missing = workload.missingRequirement {
                Console.out(
                    String(repeating: " ", count: width) + "  cannot run here: "
                        + Escaped.line(missing) + "\n")
            }
        }
    }
}

struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Say what this machine lacks, and how to get it.")

    @OptionGroup var places: PlaceOptions

    @OptionGroup var stage: StageOptions

    func run() throws {
        var status = ExitStatus.asExpected
        for check in Wiring.checks(places, stage) {
            if let problem = check.problem {
                Console.out("lacking  \(Escaped.line(check.name)): \(Escaped.line(problem))\n")
                if check.isRequired { status = .unavailable }
            } else {
                Console.out("good     \(Escaped.line(check.name))\n")
            }
        }
        throw ExitCode(status.rawValue)
    }
}
