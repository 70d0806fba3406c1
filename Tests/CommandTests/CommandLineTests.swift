import Glibc
import Reporting
import TestSupport
import Testing

extension TheCommand {
    /// A workload that options describe: `--run`, `--observe` and those that go with them.
    @Suite("Workloads by options")
    struct WorkloadsByOptions {
        private static let scripts = [
            "setup.sh": "echo \"@ack $WORD\"; echo \"$WORD\" >\"$PERJURY_DIR/log\"",
            "server.sh": """
            sleep 0.1
            echo up >"$PERJURY_RUN/up"
            trap 'exit 0' TERM
            while :; do sleep 0.01; done
            """,
            "ready.sh": "test -e \"$PERJURY_RUN/up\"",
            "run.sh": """
            cd "$PERJURY_DIR" || exit 1
            [ -e "$PERJURY_RUN/up" ] || exit 2
            [ "$BENCH_OWN" = "$1" ] || exit 3
            echo "$2" >>log
            echo "@ack $2"
            """,
            "see.sh": "sed 's/^/@saw /' \"$PERJURY_DIR/log\" && echo @end",
        ]

        private func scripts(_ bench: Bench) throws {
            for (name, text) in Self.scripts { try bench.script(name, text) }
        }

        private static let options = [
            "run", "--observe", "./see.sh", "--setup", "./setup.sh", "--server", "./server.sh",
            "--ready", "./ready.sh", "--timeout", "5s", "--env", "WORD=first", "--expect",
            "violates lost-commit", "--model", "ext4-ordered", "--budget", "60",
        ]

        @Test("setup, server, time, variables and expectation; and the finding replays with them")
        func all() throws {
            let bench = try Bench()
            try scripts(bench)

            let result = try bench.run(
                Self.options + ["--run", "./run.sh yes second", "--env", "BENCH_OWN=yes"])

            #expect(result.status == 0, "\(result.text)")
            let path = "perjury-out/findings/command-line/ext4-ordered-lost-commit-1.json"
            let replay = try bench.run(["replay", path])
            #expect(replay.status == 0, "\(replay.text)")
        }

        @Test("a variable by its name has the caller's value; where there is none, that is said")
        func ownVariable() throws {
            let bench = try Bench()
            try scripts(bench)
            let arguments =
                Self.options + ["--run", "./run.sh /opt/x second", "--env", "BENCH_OWN"]

            let unset = try bench.run(arguments)
            #expect(unset.status == ExitStatus.inconclusive.rawValue, "\(unset.text)")
            #expect(
                unset.output.contains("the variable BENCH_OWN is to be passed on and is not set"),
                "\(unset.text)")

            bench.environment = ["BENCH_OWN=/opt/x"]
            let result = try bench.run(arguments)
            #expect(result.status == 0, "\(result.text)")
        }

        @Test("--github prints annotations, and adds the report to the job's summary")
        func github() throws {
            let bench = try Bench()
            try bench.script("see.sh", "cat \"$PERJURY_DIR\"/log; echo @end")
            try bench.script(
                "run.sh", "echo @begin t k=v; echo @saw k=v >$PERJURY_DIR/log; echo @ack t")
            bench.environment = ["GITHUB_STEP_SUMMARY=\(bench.folder.file("summary"))"]

            let result = try bench.run([
                "run", "--run", "./run.sh", "--observe", "./see.sh", "--budget", "60", "--github",
            ])

            #expect(result.status == ExitStatus.unexpected.rawValue, "\(result.text)")
            let lines = result.output.split(separator: "\n").filter { $0.hasPrefix("::error ") }
            #expect(lines.contains { $0.contains("lost-commit") && $0.contains("fsync log") })
            let summary = String(
                decoding: try FileBytes.read(bench.folder.file("summary")), as: UTF8.self)
            #expect(summary.contains("NOT EXPECTED: command-line: lost-commit"))
        }

        @Test("a program that cannot start is told of the variables that it does not get")
        func dropped() throws {
            let bench = try Bench()
            bench.environment = ["LD_LIBRARY_PATH=/opt/lib", "JAVA_HOME=/opt/java", "PWD=/x"]
            let sentence = "it does not get JAVA_HOME, LD_LIBRARY_PATH"
            try bench.script("see.sh", "echo @end")
            try bench.script("run.sh", "exec no-such-program")

            for run in ["no-such-program", "./run.sh"] {
                let result = try bench.run(["run", "--run", run, "--observe", "./see.sh"])
                #expect(result.status == ExitStatus.inconclusive.rawValue, "\(result.text)")
                let text = result.output.split(separator: "\n").joined(separator: " ")
                    .split(separator: " ").joined(separator: " ")
                #expect(text.contains(sentence), "\(run): \(result.text)")
            }
        }

        @Test(
            "what only a shell understands is refused, with the way to have one",
            arguments: [
                ("./a.sh | ./b.sh", "`|`", "--run \"sh -c './a.sh | ./b.sh'\""),
                ("cd x && ./a.sh", "`&`", "--run \"sh -c 'cd x && ./a.sh'\""),
                ("cd x", "`cd`", "--run \"sh -c 'cd x'\""),
                ("./a.sh >out", "`>`", "sh -c"), ("./a.sh; ./b.sh", "`;`", "sh -c"),
                ("./a.sh $HOME/x", "`$HOME`", "'sh -c '\\''./a.sh $HOME/x'\\'''"),
                ("./a.sh $(date)", "`$(`", "sh -c"), ("A=1 ./a.sh", "`A=1`", "sh -c"),
            ])
        func shellSyntax(text: String, syntax: String, way: String) throws {
            let bench = try Bench()

            let result = try bench.run(["run", "--run", text, "--observe", "./see.sh"])

            #expect(result.status == ExitStatus.usage.rawValue, "\(result.text)")
            #expect(
                result.errors.contains("--run has shell syntax, \(syntax), and no shell reads it"),
                "\(result.text)")
            #expect(result.errors.contains(way), "\(result.text)")
        }

        @Test("the way that is shown works, and quoted text is no shell syntax")
        func shellByName() throws {
            let bench = try Bench()
            try bench.script("see.sh", "if [ -e $PERJURY_DIR/a ]; then echo @saw t1; fi; echo @end")

            let result = try bench.run([
                "run", "--run", "sh -c 'cd $PERJURY_DIR && echo x >a; sync a . && echo @ack t1'",
                "--observe", "./see.sh", "--model", "posix", "--budget", "60",
            ])

            #expect(result.status == 0, "\(result.text)")
        }
    }
}

extension TheCommand {
    @Suite("Mounts by hand")
    struct MountsByHand {
        @Test(
            "the control socket is found by the folder of the mount", arguments: ["data", "data/"])
        func folder(name: String) throws {
            let bench = try Bench()
            let data = bench.folder.file("data")
            try #require(mkdir(data, 0o755) == 0)
            let mount = try bench.start(["mount", "data"])
            #expect(eventually(within: 20) { access(data + ".ctl", F_OK) == 0 })

            let asked = try bench.start(["ctl", name, "quit"]).end(withinSeconds: 20)

            #expect(asked.status == 0, "\(asked.text)")
            #expect(try mount.end(withinSeconds: 20).status == 0)
            bench.expectNothingLeft()
        }
    }
}
