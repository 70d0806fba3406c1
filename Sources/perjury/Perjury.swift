import ArgumentParser
import Basics
import Reporting

@main
struct Perjury: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Finds the commits that a storage program swore to and then lost.",
        discussion: """
            It runs an unmodified program on a filesystem that records everything, cuts the power at every moment that \
            matters, starts the program's own recovery on what is left, and compares what is there with what had been \
            acknowledged.

            Exit status: 0 every workload came out as it expects; 1 a violation that was not expected, or an expected one \
            that was not found; 2 something could not be found out; 64 usage; 69 the machine lacks something; 130 interrupted.
            """,
        version: perjuryVersion,
        subcommands: [
            RunCommand.self, RecordCommand.self, ExploreCommand.self, ReplayCommand.self,
            PackCommand.self, RetestCommand.self,
            ListCommand.self, ShowCommand.self, DoctorCommand.self, MountCommand.self,
            ControlCommand.self, LiveCommand.self, LogCommand.self, InitCommand.self,
        ])

    static func main() {
        Interrupt.unblock()
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch let failure as Failure {
            Console.error("perjury: \(Escaped.line(failure.sentence))\n")
            exit(withError: ExitCode(failure.status.rawValue))
        } catch {
            // Parsing errors, help and exit codes know their status; whatever else was thrown is the harness's own trouble.
            if error is ExitCode || exitCode(for: error) != .failure { exit(withError: error) }
            Console.error("perjury: \(Escaped.line("\(error)"))\n")
            exit(withError: ExitCode(ExitStatus.unavailable.rawValue))
        }
    }
}

extension ExitStatus {
    /// The status of a command that could not write something of what it found, said on standard error.
    ///
    /// What was found outranks: an unexpected outcome and an interrupt stay what they are.
    func after(_ troubles: [String]) -> ExitStatus {
        for trouble in troubles { Console.error("perjury: \(Escaped.line(trouble))\n") }
        let isFound = self == .unexpected || self == .interrupted
        return troubles.isEmpty || isFound ? self : .unavailable
    }
}
