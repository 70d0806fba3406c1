import ArgumentParser
import Glibc
import HandMount
import Reporting

struct ControlCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ctl",
        abstract: "Ask something of a mount made by `perjury mount`.",
        discussion: """
            It answers when the effect has happened. Exit status: 0 done; 1 refused, and nothing was changed; 69 there is no answer.

            \(ControlCommand.commands)

            OPERATION is any, sync, name, or one kind such as write, fsync, rename; GLOB is about paths below the mount: docs/mount.md
            """)

    // A longer line would be broken by whoever prints the help.
    private static let commands = """
        pending                 what is at risk: bytes, truncations, names, by file
        cut worst               the power goes, programs stay; all is lost that can be
        cut seed N              what is lost is drawn from the seed
        cut plan FILE           as a plan, or the plan of a finding, has it
        arm cut worst|seed N before|after OPERATION [GLOB [N]]
                                the power goes before or after the Nth operation
        arm fault WHAT OPERATION [GLOB [N]]
                                one fault, at the Nth operation
        disarm ID|all           takes back what was armed
        wait [ID] [within DURATION]
                                until what was armed has happened
        fault WHAT OPERATION [GLOB] [WHEN]
                                makes operations fail, late or wrong
        fault                   lists the faults, and how often each has fired
        fault clear ID|all      takes them away
        lie [on|off]            syncs are answered and cover nothing
        checkpoint              everything becomes durable
        evict [PATH]            the page cache forgets what a failed sync left in it
        log [COUNT]             the latest records
        save DIR                the recording of this life and of the one before
        quit                    unmounts

        WHAT   EIO, ENOSPC, EDQUOT, EROFS, EACCES, EINTR or ENOMEM: the error;
               20ms: the answer is so much later; short BYTES: of a write;
               flip or misplace: a read gives other bytes;
               lie: a sync is answered and not done
        WHEN   every; nth N; chance P/Q [seed S]; after TIME [for TIME];
               beyond SIZE, as in beyond 8MiB: while files hold so much
        """

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
