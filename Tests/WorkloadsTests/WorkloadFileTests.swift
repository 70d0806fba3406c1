import Glibc
import Oracles
import TestSupport
import Testing
import Workloads

import struct PowerLoss.PersistenceModel
import struct PowerLoss.Stack

private let known = WorkloadFile.KnownNames(
    models: ["posix", "ext4-ordered", "xfs", "btrfs"],
    stacks: ["honest", "lying-flush", "torn-4096"])

private func parse(_ text: String) throws -> WorkloadFile {
    try WorkloadFile(parsing: text.utf8, known: known)
}

/// The error that a text is refused with.
private func refusal(_ text: String) -> String? {
    do {
        _ = try parse(text)
        return nil
    } catch {
        return "\(error)"
    }
}

/// The least a workload needs.
private let least = "run: ./run\nobserve: ./observe\n"

@Suite("workload.yaml")
struct WorkloadFileTests {
    @Test("every field is read")
    func complete() throws {
        let workload = try parse(
            """
            about: SQLite 3, WAL   # a comment
            promise: durable
            expect: {posix: violates lost-commit corrupt, ext4-ordered: holds,
                     ext4-ordered/torn-4096: violates}
            user: postgres
            setup: [./store, create]
            run: [./store, commit, 50, "a b", ""]
            observe: ./store  read
            server:
              command: [redis-server, --dir, "$PERJURY_DIR"]
              ready: [redis-cli, -s, "$PERJURY_RUN/redis.sock", ping]
            timeout: 500ms
            requires: {commands: [redis-server], packages: redis-server}
            models: [ext4-ordered, xfs]
            under: {lying-flush: prefix, torn-4096: {bounded-loss: 2s}}
            environment: {JAVA_HOME: /opt/java, EMPTY: ""}
            mounts: [n1, n2, n3]
            at-once: 2

            """)

        #expect(workload.about == "SQLite 3, WAL")
        #expect(workload.promise == .durable)
        #expect(
            workload.expect
                == Expectation(specific: [
                    "posix": .violates([.lostCommit, .corrupt]), "ext4-ordered": .holds,
                    "ext4-ordered/torn-4096": .violates([]),
                ]))
        #expect(workload.user == "postgres")
        #expect(workload.setup == ["./store", "create"])
        #expect(workload.run == ["./store", "commit", "50", "a b", ""])
        #expect(workload.observer == .command(["./store", "read"]))
        #expect(workload.server?.command == ["redis-server", "--dir", "$PERJURY_DIR"])
        #expect(workload.server?.ready?.count == 4)
        #expect(workload.server?.stop == nil)
        #expect(workload.timeoutNanoseconds == 500_000_000)
        #expect(workload.requires.commands == ["redis-server"])
        #expect(workload.requires.packages == ["redis-server"])
        #expect(workload.models == ["ext4-ordered", "xfs"])
        #expect(
            workload.under == [
                "lying-flush": .prefix, "torn-4096": .boundedLoss(nanoseconds: 2_000_000_000),
            ])
        #expect(workload.environment.map(\.text) == ["JAVA_HOME=/opt/java", "EMPTY="])
        #expect(workload.mounts == ["n1", "n2", "n3"])
        #expect(workload.mountsAtOnce == 2)
    }

    @Test("what is not given has its default")
    func defaults() throws {
        let workload = try parse(least)

        var expected = WorkloadFile(run: ["./run"], observer: .command(["./observe"]))
        expected.promise = .durable
        expected.timeoutNanoseconds = 20_000_000_000
        #expect(workload == expected)
        #expect(workload.models == nil && workload.setup == nil && workload.server == nil)
    }

    @Test("a text is split at spaces and never read by a shell")
    func noShell() throws {
        let workload = try parse("run: sh -c 'a; b' $(c)  off\ncheck: ./check\n")

        #expect(workload.run == ["sh", "-c", "'a;", "b'", "$(c)", "off"])
        #expect(workload.observer == .check(["./check"]))
    }

    @Test("variables may be a list, in which a name alone has the caller's value")
    func environment() throws {
        let workload = try parse(least + "environment: [LD_LIBRARY_PATH, A=b=c]\n")

        #expect(workload.environment.map(\.name) == ["LD_LIBRARY_PATH", "A"])
        #expect(workload.environment.map(\.value) == [nil, "b=c"])
    }

    @Test("an observer may be persistent")
    func serve() throws {
        let workload = try parse("run: ./run\nobserve: {serve: [./store, serve]}\n")

        #expect(workload.observer == .serve(["./store", "serve"]))
    }

    @Test(
        "promises are words, or a bound",
        arguments: [
            ("opens", Promise.opens),
            ("\"bounded-loss: 1s\"", .boundedLoss(nanoseconds: 1_000_000_000)),
            ("{bounded-loss: 200ms}", .boundedLoss(nanoseconds: 200_000_000)),
            ("\n  bounded-loss: 1s", .boundedLoss(nanoseconds: 1_000_000_000)),
        ])
    func promises(text: String, promise: Promise) throws {
        #expect(try parse(least + "promise: \(text)\n").promise == promise)
    }

    @Test(
        "what is wrong is said in one sentence, with its line",
        arguments: [
            (
                "about: x\nrun: ./run\nobsrve: ./o\n",
                "3: unknown key `obsrve`; did you mean `observe`?"
            ),
            (
                least + "server:\n  comand: x\n",
                "4: unknown key `comand` in `server`; did you mean `command`?"
            ),
            (
                least + "requires: {zzz: x}\n",
                "3: unknown key `zzz` in `requires`; known are commands, packages"
            ),
            ("observe: ./o\n", " `run` is missing"),
            ("run: ./run\n", " `observe` is missing"),
            (least + "clients: 4\n", "3: unknown key `clients`"),
            (
                "run: ./a | ./b\nobserve: ./o\n",
                "1: `run` has shell syntax, `|`, and no shell reads it: write a list, `[sh, -c, '...']`"
            ),
            (least + "setup: cd x\n", "3: `setup` has shell syntax, `cd`"),
            (least + "environment: [A-B=1]\n", "3: `environment`: `A-B=1` is not a variable"),
            (
                least + "environment: {PERJURY_DIR: x}\n",
                "3: `environment`: perjury itself sets the variables"
            ),
            (
                least + "check: ./c\n",
                "3: `check` replaces `observe`: give one of them"
            ),
            (
                "run: []\nobserve: o\n",
                "1: `run` must be a command: a list of its arguments, or a text"
            ),
            (
                "run: {a: b}\nobserve: o\n",
                "1: `run` must be a command: a list of its arguments, or a text"
            ),
            ("run:\nobserve: o\n", "1: `run` must be a text"),
            ("run: [a,\n  [b]]\nobserve: o\n", "2: `run` must be a list of texts"),
            ("run: a\nobserve: {}\n", "2: `observe` must be a command, or have `serve`"),
            (
                "run: a\nobserve: {serv: b}\n",
                "2: unknown key `serv` in `observe`; did you mean `serve`?"
            ),
            (least + "promise: durably\n", "3: unknown promise `durably`; did you mean `durable`?"),
            (
                least + "promise: bounded-loss\n",
                "3: `bounded-loss` needs a duration, as in `promise: {bounded-loss: 1s}`"
            ),
            (
                least + "promise: {bounded-loss: fast}\n",
                "3: `promise.bounded-loss` must be a duration such as `20s` or `500ms`"
            ),
            (
                least + "promise: bounded-loss: 1s\n",
                "3: not valid YAML: mapping values are not allowed in this context; "
                    + "write `{bounded-loss: 1s}`"
            ),
            (
                least + "about: a log: one file\n",
                "3: not valid YAML: mapping values are not allowed in this context; "
                    + "a text that has a colon and a space in it needs quotes"
            ),
            (
                least + "expect:\n  posix: violates lost-comit\n",
                "4: unknown violation `lost-comit`; did you mean `lost-commit`?"
            ),
            (
                least + "expect: fails\n",
                "3: an expectation is `holds` or `violates …`, not `fails`; "
                    + "known are holds, violates"
            ),
            (
                least + "expect: {}\nexpect: holds\n",
                "4: key `expect` is there twice"
            ),
            (
                least + "expect: {posics: holds}\n",
                "3: unknown model `posics`; did you mean `posix`?"
            ),
            (
                least + "expect:\n  xfs: holds\n  xfs/torn-4069: holds\n",
                "5: unknown stack `torn-4069`; did you mean `torn-4096`?"
            ),
            (
                least + "models: [xfs,\n ext5-ordered]\n",
                "4: unknown model `ext5-ordered`; did you mean `ext4-ordered`?"
            ),
            (least + "models: [xfs, xfs]\n", "3: `models` names `xfs` twice"),
            (least + "models: []\n", "3: `models` is empty"),
            (
                least + "under: {lying-flash: prefix}\n",
                "3: unknown stack `lying-flash`; did you mean `lying-flush`?"
            ),
            (least + "timeout: 20\n", "3: `timeout` must be a duration such as `20s` or `500ms`"),
            (least + "timeout: [1s]\n", "3: `timeout` must be a duration such as `20s` or `500ms`"),
            (
                least + "mounts: [a]\n",
                "3: `mounts` must name 2 to 7 directories, one for each machine"
            ),
            (least + "mounts: [a, b, a]\n", "3: `mounts` names `a` twice"),
            (
                least + "mounts: [a, ../b]\n",
                "3: `mounts` names `../b`: a name has letters, digits, `-` and `_`, 64 at most"
            ),
            (least + "mounts: [a, b]\nat-once: 3\n", "4: `at-once` must be a number from 1 to 2"),
            (
                least + "at-once: 1\n",
                "3: `at-once` says how many of `mounts` lose their power: name these"
            ),
            (least + "user: [root]\n", "3: `user` must be a text"),
            (least + "server: {ready: x}\n", "3: `server.command` is missing"),
            (least + "server: x\n", "3: `server` must be a mapping of keys to values"),
            ("- run\n", "1: a workload must be a mapping of keys to values"),
            ("", " the file is empty"),
            (least + "about: \"a\\0b\"\n", "3: `about` holds a zero byte"),
            (least + "\"\\e[2J\": x\n", "3: unknown key `\\u{1b}[2J`; known are "),
            (least + "? [a]\n: b\n", "3: a key must be a word"),
            (least + "about: [\n", "4: not valid YAML: did not find expected node content"),
            (least + "about: *x\n", "3: not valid YAML: found undefined alias"),
            (least + "---\nrun: x\n", "3: not valid YAML: but found another document"),
        ])
    func refused(text: String, sentence: String) throws {
        let shown = try #require(refusal(text))

        #expect(shown.hasPrefix("workload.yaml:" + sentence), "\(shown)")
        #expect(!shown.contains("\n"))
    }

    @Test("an alias stands for what its anchor marks, quotes and blocks for their texts")
    func aliases() throws {
        let file = try parse(
            """
            about: >
              two
              lines
            setup: &words [./a, "", 'it''s', "\\x41"]
            run: *words
            observe: ./see
            """)

        #expect(file.about == "two lines\n")
        #expect(file.run == ["./a", "", "it's", "A"])
        #expect(file.setup == file.run)
    }

    @Test("a file that is no text, or larger than a workload can be, is refused")
    func size() {
        #expect(throws: WorkloadFileError.self) { () throws -> Void in
            _ = try WorkloadFile(parsing: [0x72, 0xFF, 0xFE], known: known)
        }
        let large = least + String(repeating: "# comment\n", count: 110_000)
        #expect(refusal(large) == "workload.yaml: the file is larger than 1 MiB")
    }

    @Test("nesting and aliases that would cost the parser its stack or for ever are refused")
    func bombs() {
        var aliases = "a0: &a0 [x, x]\n"
        for level in 1..<40 {
            aliases += "a\(level): &a\(level) {? [*a\(level - 1), *a\(level - 1)] : x}\n"
        }
        let hostile = [
            aliases,
            String(repeating: "[", count: 100_000),
            String(repeating: "{a: ", count: 100_000),
            String(repeating: "- ", count: 100_000),
            String(repeating: "? ", count: 100_000),
            (0..<900).map { String(repeating: " ", count: $0) + "a:\n" }.joined(),
            String(repeating: "!", count: 100_000),
            "a: " + String(repeating: "&a ", count: 10_000),
            "a: \"\(String(repeating: "\\", count: 100_001))",
            "\u{FEFF}\u{0}run: x", "%YAML 9.9\n---\nrun: x", "run: !!binary x\nobserve: {<<: x}",
        ]

        for text in hostile { #expect(refusal(text) != nil) }
    }

    @Test("files with random damage never trap", arguments: Seed.first(20))
    func damage(seed: Seed) throws {
        var random = TestRandom(seed: seed)
        let whole = Array(
            (least + "expect: {posix: violates hang}\nserver: {command: [a, 'b', \"c\"]}\n").utf8)
        let alphabet = Array(":-[]{}&*!|>'\"%@`#,?\\ \n\t\0a1~<".utf8)
        for _ in 0..<200 {
            var bytes = whole
            for _ in 0...Int.random(in: 0..<4, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                bytes[index] = alphabet.randomElement(using: &random)!
                if Bool.random(using: &random) { bytes.remove(at: index) }
            }
            do {
                _ = try WorkloadFile(parsing: bytes, known: known)
            } catch {
                #expect(!"\(error)".isEmpty)
            }
        }
    }

    @Test("every workload of the catalogue is well formed")
    func catalogue() throws {
        let names = WorkloadFile.KnownNames(
            models: PersistenceModel.all.map(\.name), stacks: Stack.all.map(\.name))
        let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
            .joined(separator: "/")
        var count = 0
        for folder in contents(of: root + "/Workloads") {
            let path = "\(root)/Workloads/\(folder)/workload.yaml"
            guard let bytes = contents(ofFile: path) else { continue }
            count += 1
            #expect(throws: Never.self) {
                try WorkloadFile(parsing: bytes, path: path, known: names)
            }
        }

        #expect(count > 0)
    }

    private func contents(of folder: String) -> [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            names.append(
                withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                })
        }
        return names.sorted()
    }

    private func contents(ofFile path: String) -> [UInt8]? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: WorkloadFile.sizeLimit)
        let count = fread(&bytes, 1, bytes.count, file)
        return Array(bytes.prefix(count))
    }
}
