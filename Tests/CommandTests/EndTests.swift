import Campaign
import Glibc
import Recording
import Reporting
import TestSupport
import Testing
import Workloads

extension TheCommand {
    /// However the command ends: nothing is left, and what was found or recorded is not lost.
    @Suite("Ends")
    struct Ends {
        /// Two children that are hard to end: one by all means of a program, the other without a mark.
        private static let children = """
            (setsid sh -c 'trap "" TERM HUP INT; while :; do sleep 1000; done' &)
            (env -i setsid sh -c 'trap "" TERM HUP INT; while :; do sleep 1000; done' &)
            """

        /// Lives a second; each commit is a line of a file that is never synced.
        private static let stubborn = [
            "run.sh": """
            \(children)
            cd "$PERJURY_DIR" || exit 1
            for n in $(seq "$1"); do
                echo "@begin t$n"
                echo "t$n." >>log
                echo "@ack t$n"
                sleep 0.01
            done
            """,
            "see.sh": """
            \(children)
            if [ -e "$PERJURY_DIR/log" ]; then
                # Whole lines only.
                sed -n 's/^\\(t[0-9]*\\)\\.$/@saw \\1/p' "$PERJURY_DIR/log"
            fi
            echo @end
            """,
        ]

        private static func yaml(_ commits: Int) -> String {
            "run: ./run.sh \(commits)\nobserve: ./see.sh\n"
        }

        @Test("a SIGKILL at any of 20 moments leaves no process, no mount, a readable recording")
        func killed() throws {
            let bench = try Bench()
            try bench.workload("stubborn", Self.yaml(60), Self.stubborn)
            let path = bench.folder.file("perjury-out/recordings/stubborn.perjury")
            var random = TestRandom(seed: 7)
            var cutOff = 0
            var whole = 0
            var alive = 0

            for moment in 0..<20 {
                // Spread over preparing, recording and exploring.
                let milliseconds = 20 + 100 * moment + Int(random.next() % 100)
                unlink(path)
                let running = try bench.start([
                    "run", "./stubborn", "--model", "all", "--budget", "60s", "--jobs", "2",
                ])
                usleep(UInt32(milliseconds * 1000))
                let namespaces = bench.namespaces
                if !namespaces.isEmpty { alive += 1 }
                running.send(SIGKILL)

                bench.expectNothingLeft(in: namespaces, "\(milliseconds) ms, seed 7")
                let result = try running.end(withinSeconds: 2)
                #expect(result.status == 128 + SIGKILL, "\(milliseconds) ms: \(result.text)")
                guard access(path, F_OK) == 0 else { continue }
                let run = try RecordedRun(path: path)
                if run.recording.isComplete { whole += 1 } else { cutOff += 1 }
            }

            #expect(cutOff >= 3 && whole >= 3, "\(cutOff) cut off, \(whole) whole")
            // There was something to be left.
            #expect(alive >= 15)
        }

        @Test("a recording whose harness was killed is explored up to there")
        func explored() throws {
            let bench = try Bench()
            try bench.workload("stubborn", Self.yaml(2000), Self.stubborn)
            let path = "perjury-out/recordings/stubborn.perjury"
            let running = try bench.start(["record", "./stubborn"])
            let hasBegun = eventually(within: 20) {
                let run = try? RecordedRun(path: bench.folder.file(path))
                return (run?.history.acknowledgedCount(at: .max) ?? 0) >= 10
            }
            #expect(hasBegun)
            running.send(SIGKILL)
            bench.expectNothingLeft()

            let result = try bench.run(["explore", path, "--budget", "300", "--model", "posix"])

            #expect(result.status == ExitStatus.unexpected.rawValue, "\(result.text)")
            #expect(result.output.contains("ends without its seal"), "\(result.text)")
        }

        @Test(
            "a signal during exploration: what was found is printed", arguments: [SIGINT, SIGTERM])
        func whileExploring(signal: CInt) throws {
            let bench = try Bench()
            try bench.workload("stubborn", Self.yaml(200), Self.stubborn)
            let running = try bench.start([
                "run", "./stubborn", "--model", "posix,ext4-ordered", "--budget", "100s",
            ])
            #expect(
                eventually(within: 40) {
                    running.errors.split(separator: "\n").contains {
                        $0.contains("exploring") && !$0.hasSuffix(" 0 findings")
                    }
                }, "\(running.errors)")

            let namespaces = bench.namespaces
            running.send(signal)
            let result = try running.end(withinSeconds: 5)

            bench.expectNothingLeft(in: namespaces)
            #expect(result.status == ExitStatus.interrupted.rawValue, "\(result.text)")
            #expect(result.output.contains("lost-commit") || result.output.contains("hole"))
            #expect(result.output.contains("nterrupted"), "\(result.text)")
        }

        @Test("a second signal ends the command at once")
        func twice() throws {
            let bench = try Bench()
            try bench.workload("stubborn", Self.yaml(5000), Self.stubborn)
            let path = bench.folder.file("perjury-out/recordings/stubborn.perjury")
            let running = try bench.start(["run", "./stubborn"])
            #expect(eventually(within: 20) { (try? RecordedRun(path: path)) != nil })

            let namespaces = bench.namespaces
            // Two of the same would be one, as long as the first is not taken.
            running.send(SIGINT)
            running.send(SIGTERM)
            running.send(SIGINT)
            let result = try running.end(withinSeconds: 5)

            bench.expectNothingLeft(in: namespaces)
            let ends: [Int32] = [ExitStatus.interrupted.rawValue, 128 + SIGTERM]
            #expect(ends.contains(result.status), "\(result.text)")
        }

        @Test("a signal during the recorded life ends it", arguments: ["run", "record"])
        func whileRecording(command: String) throws {
            let bench = try Bench()
            try bench.workload("stubborn", Self.yaml(5000), Self.stubborn)
            let running = try bench.start([command, "./stubborn"])
            let path = bench.folder.file("perjury-out/recordings/stubborn.perjury")
            #expect(eventually(within: 20) { (try? RecordedRun(path: path)) != nil })

            let namespaces = bench.namespaces
            running.send(SIGINT)
            let result = try running.end(withinSeconds: 5)

            bench.expectNothingLeft(in: namespaces)
            #expect(result.status == ExitStatus.interrupted.rawValue, "\(result.text)")
            #expect(result.output.contains("interrupted"), "\(result.text)")
        }
    }
}
