import CSupport
import Glibc
import Reporting
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
            (["show", "stack", "nonsense"], "; there are: honest, torn-4096, awupf-16k"),
            (
                ["run", "toy-page-tron"],
                "no workload `toy-page-tron`; did you mean `toy-page-torn`?"
            ),
            (["run", "--run", "x", "--observe", "y", "--promise", "z"], "there is no promise `z`"),
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
        let image = String(cString: try #require(perjury_image_path()))
        let program = image[...(try #require(image.lastIndex(of: "/")))] + "perjury"
        var words = ([String(program)] + arguments).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var process: pid_t = 0
        let failure = posix_spawn(&process, String(program), &actions, nil, &words, environ)
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
