import Glibc
import Reporting
import TestSupport
import Testing

extension TheCommand {
    /// What shows nothing is inconclusive, each with a sentence of its own.
    @Suite("Inconclusive runs")
    struct InconclusiveRuns {
        struct Case: Sendable, CustomTestStringConvertible {
            let name: String
            var run: String = InconclusiveRuns.commits
            var observe: String = InconclusiveRuns.lists
            var more = ""
            /// Part of the sentence.
            let reason: String

            var testDescription: String { name }
        }

        static let commits = """
            cd "$PERJURY_DIR" || exit 1
            for n in 1 2 3; do
                echo "@begin t$n"; echo "t$n" >>log; sync log; echo "@ack t$n"
            done
            """
        static let lists = """
            cd "$PERJURY_DIR" || exit 1
            if [ -e log ]; then sed 's/^t/@saw t/' log; fi
            echo @end
            """

        /// Takes whole lines only.
        static let listsWhole = """
            cd "$PERJURY_DIR" || exit 1
            if [ -e log ]; then while read -r line; do echo "@saw $line"; done <log; fi
            echo @end
            """

        static let cases = [
            Case(
                name: "acknowledges nothing", run: "echo x >\"$PERJURY_DIR/log\"",
                reason: "run acknowledged nothing"),
            Case(
                name: "sees nothing", observe: "echo @end",
                reason: "the observer does not see what run acknowledged"),
            Case(
                name: "buffers its marks in the shell",
                run:
                    "cd \"$PERJURY_DIR\"; echo t1 >>log; echo t2 >>log; printf '@ack t1\\n@ack t2\\n'",
                reason: "marks were buffered"),
            Case(
                name: "observer dies at once", observe: "kill -9 $$",
                reason: "the observer was killed by signal 9 without `@end`"),
            Case(
                name: "observer exits 3", observe: "echo no luck >&2; exit 3",
                reason: "the observer exited with status 3 without `@end`"),
            Case(
                name: "observer does not end its listing",
                observe: "echo '@saw t1'; echo bye",
                reason: "`bye`"),
            Case(
                name: "changes nothing", run: "echo '@ack t1'",
                reason: "no cut is possible: run changed nothing in its data directory"),
            Case(
                name: "writes elsewhere", run: "echo x >\"$HOME/store\"; echo '@ack t1'",
                reason:
                    "no cut is possible: run changed nothing in its data directory, $PERJURY_DIR"),
            Case(
                name: "becomes a daemon",
                run: "(setsid sleep 1000 >/dev/null 2>&1 &); echo '@ack t1'",
                reason: "1 process (sleep) still ran when `run` was over, and was ended"),
            Case(
                name: "observer hangs", observe: "sleep 1000", more: "timeout: 300ms",
                reason: "did not end in its time without `@end`; it has 0.3 s, as `timeout:` says"),
            Case(
                name: "setup fails", more: "setup: [sh, -c, 'echo no disk >&2; exit 4']",
                reason: "exited with status 4: no disk"),
            Case(
                name: "setup hangs", more: "setup: [sleep, '1000']\ntimeout: 100ms",
                reason: "setting up w: `sleep 1000` did not end in its time"),
            Case(
                name: "a command is missing", more: "setup: [no-such-program]",
                reason: "looking for the program `no-such-program`"),
            Case(
                name: "a requirement is missing",
                more: "requires: {commands: [no-such-program], packages: [no-such-package]}",
                reason: "no-such-program`: apt-get install no-such-package"),
            Case(
                name: "a user is missing", more: "user: no-such-user",
                reason: "no such user"),
            Case(
                name: "a mark is misspelt", run: commits + "\necho '@akc t4'",
                reason: "@akc t4"),
            Case(
                name: "run fails before any acknowledgement", run: "echo broken >&2; exit 7",
                reason: "run exited with status 7"),
        ]

        @Test("inconclusive, with its reason, status 2", arguments: cases)
        func inconclusive(it: Case) throws {
            let bench = try Bench()
            let yaml = "run: ./run.sh\nobserve: ./see.sh\n\(it.more)\n"
            try bench.workload("w", yaml, ["run.sh": it.run, "see.sh": it.observe])

            let (result, workload) = try bench.report("./w")

            #expect(result.status == ExitStatus.inconclusive.rawValue, "\(result.text)")
            #expect(workload["verdict"]?.text == "inconclusive")
            let reason = try #require(workload["inconclusive"]?.text)
            #expect(reason.contains(it.reason))
            #expect(workload["findings"]?.items.isEmpty == true)
            let words = result.output.split { $0 == " " || $0 == "\n" }.joined(separator: " ")
            #expect(words.contains(it.reason.prefix(24)), "\(result.text)")
        }

        @Test("data that is written elsewhere is found")
        func elsewhere() throws {
            let bench = try Bench()
            try bench.workload(
                "w", "run: ./run.sh\nobserve: ./see.sh\n",
                [
                    "run.sh": "echo x >store.db; echo x >\"$HOME/.store\"; echo '@ack t1'",
                    "see.sh": Self.lists,
                ])

            let (_, workload) = try bench.report("./w")

            let notes = workload["notes"]?.items.compactMap(\.text) ?? []
            #expect(
                notes == [
                    "run wrote store.db in the folder \(bench.folder.file("w")); "
                        + "all that the store keeps must be below $PERJURY_DIR",
                    "run wrote .store in its home folder, $PERJURY_RUN, which no power loss touches; "
                        + "all that the store keeps must be below $PERJURY_DIR",
                ])
        }

        @Test("of a catalogue, what this machine has no programs for is skipped, with the reason")
        func skipped() throws {
            let bench = try Bench()
            mkdir(bench.folder.file("catalogue"), 0o755)
            let programs = ["run.sh": Self.commits, "see.sh": Self.lists]
            let yaml = "run: ./run.sh\nobserve: ./see.sh\nexpect: violates\n"
            let missing = "requires: {commands: [no-such-program], packages: [no-such-package]}\n"
            try bench.workload("catalogue/one", yaml, programs)
            try bench.workload("catalogue/two", yaml + missing, programs)

            let result = try bench.run([
                "run", "--workloads", "catalogue", "--budget", "20", "--model", "posix", "--json",
                "report.json", "--junit", "report.xml",
            ])

            let json = try JSON(parsing: try FileBytes.read(bench.folder.file("report.json")))
            #expect(result.status == 0, "\(result.text)")
            #expect(json["workloads"]?.items.count == 1)
            #expect(json["skipped"]?.items.first?["name"]?.text == "two")
            #expect(result.output.contains("skipped: two: it needs the command `no-such-program`"))
            let junit = try FileBytes.read(bench.folder.file("report.xml"))
            #expect(String(decoding: junit, as: UTF8.self).contains("skipped=\"1\""))
            // Whoever names it is owed an answer.
            let named = try bench.run(["run", "--workloads", "catalogue", "two"])
            #expect(named.status == ExitStatus.inconclusive.rawValue)
        }

        @Test(
            "marks that Python kept in its buffer",
            .enabled(if: access(Bench.python, X_OK) == 0))
        func bufferedByPython() throws {
            let bench = try Bench()
            try bench.workload(
                "w", "run: [/usr/bin/python3, run.py]\nobserve: ./see.sh\n",
                [
                    "run.py": """
                    import os
                    with open(os.environ["PERJURY_DIR"] + "/log", "a") as log:
                        for n in range(3):
                            print(f"@begin t{n}")
                            log.write(f"t{n}\\n")
                            log.flush()
                            os.fsync(log.fileno())
                            print(f"@ack t{n}")
                    """, "see.sh": Self.lists,
                ])

            let (result, workload) = try bench.report("./w")

            #expect(result.status == ExitStatus.inconclusive.rawValue, "\(result.text)")
            #expect(workload["inconclusive"]?.text?.contains("marks were buffered") == true)
        }

        @Test(
            "a run that fails or hangs after commits is explored up to there",
            arguments: [
                ("exit 5", "run exited with status 5; explored up to there"),
                ("sleep 1000", "run did not end in its time; explored up to there"),
                ("kill -9 $$", "run was killed by signal 9; explored up to there"),
            ])
        func cutShort(end: String, note: String) throws {
            let bench = try Bench()
            try bench.workload(
                "w", "run: ./run.sh\nobserve: ./see.sh\ntimeout: 2s\n",
                ["run.sh": Self.commits + "\n" + end, "see.sh": Self.lists])

            let (result, workload) = try bench.report("./w", ["--model", "posix"])

            // `sync log` does not reach the directory.
            #expect(result.status == ExitStatus.unexpected.rawValue, "\(result.text)")
            #expect(workload["acknowledged"]?.number == 3)
            #expect(workload["notes"]?.items.contains(.string(note)) == true, "\(result.text)")
        }

        @Test(
            "a store that holds up to the point where its run dies is inconclusive, everywhere",
            arguments: ["exit 7", "kill -SEGV $$"])
        func diesAfterCommits(end: String) throws {
            let bench = try Bench()
            let scripts = ["run.sh": Self.commits + "\n" + end, "see.sh": Self.listsWhole]
            try bench.workload("w", "run: ./run.sh\nobserve: ./see.sh\n", scripts)
            try bench.workload("any", "run: ./run.sh\nobserve: ./see.sh\nexit: any\n", scripts)

            let (result, workload) = try bench.report("./w", ["--junit", "report.xml"])
            let (accepted, _) = try bench.report("./any")

            #expect(result.status == ExitStatus.inconclusive.rawValue, "\(result.text)")
            #expect(workload["verdict"]?.text == "inconclusive")
            #expect(
                workload["models"]?.items.first?["inconclusive"]?.text?
                    .contains("what it had yet to do was not tested") == true, "\(result.text)")
            let junit = try FileBytes.read(bench.folder.file("report.xml"))
            #expect(String(decoding: junit, as: UTF8.self).contains("errors=\"1\""))
            #expect(accepted.status == 0, "\(accepted.text)")
        }

        @Test("a daemon that still works when run returns is named, or waited for")
        func daemon() throws {
            let bench = try Bench()
            let scripts = [
                "run.sh": """
                cd "$PERJURY_DIR" || exit 1
                (for n in 1 2 3; do
                    sleep 0.5; echo "@begin t$n"; echo "t$n" >>log; sync log; sync .; echo "@ack t$n"
                done) &
                echo "@begin t0"; echo t0 >>log; sync log; sync .; echo "@ack t0"
                """, "see.sh": Self.listsWhole,
            ]
            try bench.workload("w", "run: ./run.sh\nobserve: ./see.sh\n", scripts)
            try bench.workload("all", "run: ./run.sh\nobserve: ./see.sh\nwait: all\n", scripts)

            let (result, workload) = try bench.report("./w")
            let (waited, whole) = try bench.report("./all")

            #expect(result.status == ExitStatus.inconclusive.rawValue, "\(result.text)")
            #expect(
                workload["models"]?.items.first?["inconclusive"]?.text?
                    .contains("still ran when `run` was over") == true, "\(result.text)")
            #expect(workload["acknowledged"]?.number == 1)
            #expect(waited.status == 0, "\(waited.text)")
            #expect(whole["acknowledged"]?.number == 4)
        }

        @Test("an observer that hangs on some crash states is a finding, confirmed with patience")
        func hang() throws {
            let bench = try Bench()
            try bench.workload(
                "w", "run: ./run.sh\nobserve: ./see.sh\ntimeout: 300ms\n",
                [
                    "run.sh": """
                    cd "$PERJURY_DIR" || exit 1
                    echo one >one; sync one; sync .
                    echo "@begin t1"; echo two >two; sync two; echo "@ack t1"
                    """,
                    "see.sh": """
                    cd "$PERJURY_DIR" || exit 1
                    if [ -e one ] && [ ! -e two ]; then sleep 1000; fi
                    [ -e two ] && echo "@saw t1"
                    echo @end
                    """,
                ])

            let (result, workload) = try bench.report("./w", ["--model", "posix"])

            #expect(result.status == ExitStatus.unexpected.rawValue, "\(result.text)")
            let kinds = workload["findings"]?.items.map { $0["violation"]?.text }
            #expect(kinds?.contains("hang") == true, "\(result.text)")
        }

        @Test("an observer that is only slow at times is no hang")
        func slow() throws {
            let bench = try Bench()
            try bench.workload(
                "w", "run: ./run.sh\nobserve: ./see.sh\ntimeout: 400ms\n",
                [
                    "run.sh": """
                    cd "$PERJURY_DIR" || exit 1
                    echo one >one; sync one; sync .
                    echo "@begin t1"; echo two >two; sync two; sync .; echo "@ack t1"
                    """,
                    "see.sh": """
                    cd "$PERJURY_DIR" || exit 1
                    if [ -e one ] && [ ! -e two ]; then sleep 0.8; fi
                    [ -e two ] && echo "@saw t1"
                    echo @end
                    """,
                ])

            let (result, workload) = try bench.report("./w")

            #expect(workload["findings"]?.items.isEmpty == true, "\(result.text)")
            #expect(result.status == ExitStatus.inconclusive.rawValue, "\(result.text)")
        }
    }
}
