import ArgumentParser
import Glibc
import HandMount
import Reporting

struct ControlCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ctl",
        abstract: "Ask something of a mount made by `perjury mount`.",
        discussion: """
            It answers when the effect has happened. Exit status: 0 done; 1 refused, and nothing was changed; 69 nobody answers.

            \(ControlCommand.commands)

            DIR/GLOB/OPERATION and all the rest: docs/mount.md
            """)

    private static let commands = """
          pending                         what is at risk: bytes, truncations, names, per file
          cut worst | seed N | plan FILE  the power goes now; programs stay
          arm cut worst|seed N before|after OPERATION [GLOB [N]]
          arm fault ERROR|DELAY OPERATION [GLOB [N]]
          disarm ID|all                   wait [ID] [within DURATION]
          lie [on|off]                    syncs are answered and cover nothing
          fault ERROR|DELAY OPERATION [GLOB] [every | nth N | chance P/Q [seed S]]
          fault | fault clear ID|all      checkpoint
          evict [PATH]                    what a failed sync left in the page cache alone is gone
          log [COUNT]                     save DIR                  quit
        """

    @Flag(help: "Print the answer as JSON.")
    var json = false

    @Argument(help: "The control socket: DIR.ctl unless --control named another.")
    var socket: String

    @Argument(parsing: .captureForPassthrough, help: "The command.")
    var command: [String] = []

    func run() throws {
        var words = command
        var isJSON = json
        while let place = words.firstIndex(of: "--json") {
            words.remove(at: place)
            isJSON = true
        }
        if words == ["--help"] || words == ["-h"] { throw CleanExit.helpRequest(Self.self) }
        // Files are the client's: its folder, its rights.
        if words.count == 3, words[0] == "cut", words[1] == "plan" {
            words[2] = String(
                decoding: try Files.read(words[2], limit: JSON.largestText), as: UTF8.self)
        }
        if words.count == 2, words[0] == "save" { words[1] = Self.absolute(words[1]) }
        let answer: ControlAnswer
        do {
            answer = try ControlSocket.ask(socket, words)
        } catch {
            throw Failure(.unavailable, "\(error)")
        }
        guard answer.isDone else { throw Failure(.unexpected, "refused: \(answer.text)") }
        Console.out(isJSON && answer.json != .null ? answer.json.text : answer.text + "\n")
    }

    private static func absolute(_ path: String) -> String {
        if path.hasPrefix("/") { return path }
        guard let here = getcwd(nil, 0) else { return path }
        defer { free(here) }
        return "\(String(cString: here))/\(path)"
    }
}
