import ArgumentParser
import Glibc
import HandMount
import Reporting

struct ControlCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ctl",
        abstract: ControlGrammar.configuration.abstract,
        discussion: """
            It answers when the effect has happened. Exit status: 0 done; 1 refused, and nothing was changed; 69 there is no answer.

            \(ControlGrammar.summary)

            OPERATION is any, sync, name, or one kind such as write, fsync, rename; GLOB is about paths below the mount: docs/mount.md. `perjury ctl DIR COMMAND --help` has more of one.
            """)

    @Flag(help: "Print the answer as JSON.")
    var json = false

    @Argument(
        help:
            "The folder of the mount, or its control socket: DIR.ctl unless --control named another."
    )
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
        if words.first == "help" { words = words.dropFirst() + ["--help"] }
        if let word = words.last, ["--help", "-h"].contains(word) {
            return Console.out(ControlGrammar.help(words.dropLast()) + "\n")
        }
        // Files are the client's: its folder, its rights.
        if words.count == 3, words[0] == "cut", words[1] == "plan" {
            words[2] = String(
                decoding: try Files.read(words[2], limit: JSON.largestText), as: UTF8.self)
        }
        if words.count == 2, words[0] == "save" { words[1] = Self.absolute(words[1]) }
        let answer: ControlAnswer
        do {
            answer = try ControlSocket.ask(Self.socket(of: socket), words)
        } catch {
            throw Failure(.unavailable, "\(error)")
        }
        guard answer.isDone else { throw Failure(.unexpected, "refused: \(answer.text)") }
        Console.out(isJSON && answer.json != .null ? answer.json.text : answer.text + "\n")
    }

    /// The socket beside a folder that was mounted. The folder itself is not looked at: the mount may be frozen.
    private static func socket(of place: String) -> String {
        let folder = place.count > 1 && place.hasSuffix("/") ? String(place.dropLast()) : place
        return access(folder + ".ctl", F_OK) == 0 ? folder + ".ctl" : place
    }

    private static func absolute(_ path: String) -> String {
        if path.hasPrefix("/") { return path }
        guard let here = getcwd(nil, 0) else { return path }
        defer { free(here) }
        return "\(String(cString: here))/\(path)"
    }
}
