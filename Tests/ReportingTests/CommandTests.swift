import Glibc
import Reporting
import Stage
import TestSupport
import Testing

/// The command itself, as far as it needs no mount.
@Suite("Command", .timeLimit(.minutes(1)))
struct CommandTests {
    @Test("it tells its version")
    func version() throws {
        let result = try run("--version")

        #expect(result.status == 0)
        #expect(result.output == "\(perjuryVersion)\n")
    }

    @Test(
        "a misspelt name exits 64 and is answered with the nearest one",
        arguments: [
            (["run", "--model", "ext4"], "there is no model `ext4`; did you mean `ext4-ordered`?"),
            (["run", "--model", "posix,bttrfs"], "no model `bttrfs`; did you mean `btrfs`?"),
            (["run", "--stack", "honset"], "there is no stack `honset`; did you mean `honest`?"),
            (["show", "model", "xsf"], "there is no model `xsf`; did you mean `xfs`?"),
            (["show", "stack", "nonsense"], "; known are honest, torn-4096, awupf-16k"),
            (
                ["run", "toy-page-tron"],
                "no workload `toy-page-tron`; did you mean `toy-page-torn`?"
            ),
            (["run", "quite-another"], "; `perjury list` prints all\n"),
            (["run", "--run", "x", "--observe", "y", "--promise", "z"], "there is no promise `z`"),
            (["run", "--run", "x", "--observe", "y", "--expect", "hold"], "did you mean `holds`?"),
            (["run", "--run", "x", "--observe", "y", "--env", "1=x"], "`1=x` is not a variable"),
            (["run", "--setup", "x"], "--setup goes with --run and --observe"),
            (
                ["run", "--run", "x", "--observe", "y", "--ready", "z"],
                "--ready goes with --server"
            ),
            (["run", "--json", "-", "--junit", "-"], "cannot both be standard output"),
            (["rum"], "Unexpected argument"),
        ])
    func misspelt(arguments: [String], sentence: String) throws {
        let result = try run(arguments)

        #expect(result.status == ExitStatus.usage.rawValue)
        #expect(result.errors.contains(sentence), "\(result.errors)")
        #expect(result.output.isEmpty)
    }

    @Test(
        "what cannot be meant exits 64",
        arguments: [
            ["run", "--run", "x"], ["run", "--budget", "0"], ["run", "--budget", "20x"],
            ["run", "--jobs", "0"], ["run", "--seed", "-1"], ["run", "--ending", "crash"],
            ["run", "--promise", "durable"],
            ["run", "toy-page-torn", "--run", "x", "--observe", "y"],
            ["show"], ["show", "model", "xfs", "btrfs"], ["record"], ["explore", "/nonexistent"],
            ["replay", "/nonexistent"], ["list", "--workloads", "/nonexistent"],
        ])
    func usage(arguments: [String]) throws {
        let result = try run(arguments)

        #expect(result.status == ExitStatus.usage.rawValue, "\(result.errors)")
        #expect(!result.errors.isEmpty)
    }

    @Test("of many names the nearest are printed, in a line that can be read")
    func fewNames() throws {
        let result = try run("run", "quite-another")
        #expect(result.errors.utf8.count < 160, "\(result.errors)")
    }

    @Test("a workload is shown with all of its keys")
    func showsAll() throws {
        let folder = try TemporaryFolder()
        let yaml = """
            about: all of it
            promise: prefix
            expect: {posix: violates lost-commit}
            user: nobody
            setup: ./setup
            run: ./run
            observe: {serve: [./see]}
            server: {command: ./server, ready: ./ready, stop: ./stop}
            timeout: 1500ms
            requires: {commands: [sh], packages: [dash]}
            models: [xfs]
            under: {lying-flush: opens}
            nested: 2
            mounts: [n1, n2, n3]
            at-once: 2
            faults: ["EIO fsync *.log nth 3", sync ENOSPC]
            exit: [0, 7]
            wait: all
            environment: {MODE: a b, JAVA_HOME: /opt/java}
            known: {lost-commit-5c1f03aa: nobody waits}
            after: 60m
            """
        try FileBytes.write(Array(yaml.utf8), to: folder.file("workload.yaml"))

        let lines = try run("show", folder.path).output.split(separator: "\n").dropFirst()
            .map { $0.split(separator: " ", maxSplits: 1).map { $0.drop { $0 == " " } } }

        let shown = Dictionary(grouping: lines, by: \.[0]).mapValues { $0.map { String($0[1]) } }
        let expected = [
            "about": ["all of it"], "promise": ["prefix"],
            "expect": [
                "posix: violates lost-commit", "xfs: holds",
            ],
            "user": ["nobody"], "setup": ["./setup"], "run": ["./run"], "observe": ["serve: ./see"],
            "server": ["./server", "ready: ./ready", "stop: ./stop"], "timeout": ["1500ms"],
            "requires": ["sh (packages: dash)"], "models": ["posix, xfs"],
            "under": ["lying-flush: opens"], "nested": ["2"], "mounts": ["n1, n2, n3"],
            "at-once": ["2"], "faults": ["sync ENOSPC", "EIO fsync *.log nth 3"],
            "exit": ["0, 7"], "wait": ["all"],
            "environment": ["'MODE=a b' JAVA_HOME=/opt/java"],
            "known": ["lost-commit-5c1f03aa: nobody waits"], "after": ["3600s"],
        ]
        for (key, values) in expected { #expect(shown[key[...]] == values, "\(key)") }
        // A key that is new is to be shown, too.
        let other = try FileBytes.read(folder.file("workload.yaml")) + Array("\nzz: 1\n".utf8)
        try FileBytes.write(other, to: folder.file("workload.yaml"))
        let known = try run("show", folder.path).errors.split { " ,`;\n".contains($0) }
            .drop { $0 != "are" }.dropFirst().map(String.init)
        // That one is shown as the user that it is.
        let keys = Set(known).subtracting(["check", "user-for-root"])
        #expect(keys == Set(expected.keys))
        let least = "run: ./run\nobserve: ./see\nuser-for-root: nobody\n"
        try FileBytes.write(Array(least.utf8), to: folder.file("workload.yaml"))
        #expect(try run("show", folder.path).output.contains("nobody, where root calls"))
    }

    @Test("help of ctl has every command and word, and no line that is broken")
    func controlHelp() throws {
        let result = try run("ctl", "--help")
        for word in [
            "pending", "cut worst", "cut seed N", "cut plan FILE", "arm cut", "arm fault", "disarm",
            "wait", "fault WHAT", "fault clear", "lie [on|off]", "checkpoint", "evict", "log",
            "save DIR", "quit", "EIO", "ENOSPC", "EDQUOT", "EROFS", "EACCES", "EINTR", "ENOMEM",
            "short BYTES", "flip", "misplace", "every", "nth N", "chance P/Q", "after TIME",
            "beyond SIZE",
        ] { #expect(result.output.contains(word), "\(word)") }
        let lines = result.output.split(separator: "\n")
        let table = lines.drop { !$0.hasPrefix("pending") }.prefix { !$0.hasPrefix("WHAT") }
        #expect(table.count > 20, "\(result.output)")
        let verbs: Set = [
            "pending", "cut", "arm", "disarm", "wait", "lie", "fault", "evict", "checkpoint", "log",
            "save", "quit",
        ]
        for line in table where line.first != " " {
            #expect(verbs.contains(String(line.prefix { $0 != " " })), "\(line)")
        }
    }

    @Test(
        "help of one command of ctl",
        arguments: [["cut", "seed", "--help"], ["help", "cut", "seed"]])
    func controlVerbHelp(words: [String]) throws {
        let result = try run(["ctl", "nowhere"] + words)
        #expect(result.status == 0)
        #expect(result.output.contains("USAGE: perjury ctl DIR cut seed <N>"), "\(result.output)")
    }

    @Test("defaults are shown as they are typed")
    func defaults() throws {
        #expect(try run("run", "--help").output.contains("(default: 20s)"))
    }

    @Test("models and stacks are told in words")
    func shows() throws {
        #expect(try run("show", "stack", "lying-flush").output.contains("5 drive cache and media"))
        let model = try run("show", "model", "xfs")
        #expect(model.status == 0)
        #expect(model.output.contains("R4    a file never grows over data that is not there"))
    }

    @Test("a file that is no finding is refused in one escaped sentence")
    func noFinding() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("a\u{1B}.json")
        try FileBytes.write(Array("{\"perjuryFinding\": 1, \"\u{202E}\": 2}".utf8), to: path)

        let result = try run("replay", path)

        #expect(result.status == ExitStatus.usage.rawValue)
        #expect(
            result.errors == "perjury: \(folder.path)/a\\x1b.json cannot be used: "
                + "its member \"\\u202e\" is unknown\n")
    }

    // MARK: Running it

    private struct Result {
        let status: Int32
        let output: String
        let errors: String
    }

    private func run(_ arguments: String...) throws -> Result { try run(arguments) }

    private func run(_ arguments: [String]) throws -> Result {
        let folder = try TemporaryFolder()
        let output = folder.file("output")
        let errors = folder.file("errors")
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        let flags = O_WRONLY | O_CREAT
        posix_spawn_file_actions_addopen(&actions, 1, output, flags, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, errors, flags, 0o600)
        let program = "\(try #require(Installation.folder))/perjury"
        var words = ([program] + arguments).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var process: pid_t = 0
        let failure = posix_spawn(&process, program, &actions, nil, &words, environ)
        try #require(failure == 0, "\(program) does not start")
        var status: CInt = 0
        waitpid(process, &status, 0)
        try #require(status & 0x7F == 0, "ended by signal \(status & 0x7F)")
        return Result(
            status: status >> 8 & 0xFF,
            output: String(decoding: try FileBytes.read(output), as: UTF8.self),
            errors: String(decoding: try FileBytes.read(errors), as: UTF8.self))
    }
}
