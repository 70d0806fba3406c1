import Campaign
import FileTree
import Glibc
import Recording
import Reporting
import TestSupport
import Testing
import Workloads

extension TheCommand {
    /// What programs get from outside, and what they leave behind.
    @Suite("Surroundings of programs")
    struct SurroundingsOfPrograms {
        /// The recording of one life, made through the command.
        private func record(
            _ bench: Bench, _ yaml: String, _ scripts: [String: String], status: Int32 = 0
        ) throws -> RecordedRun {
            try bench.workload("w", yaml, scripts)
            let result = try bench.run(["record", "./w"])
            #expect(result.status == status, "\(result.text)")
            return try RecordedRun(
                path: bench.folder.file("perjury-out/recordings/w.perjury"))
        }

        /// The lines of a run that are no marks.
        private func lines(_ run: RecordedRun) -> [String] {
            String(decoding: run.history.log, as: UTF8.self).split(separator: "\n").map(String.init)
        }

        @Test("variables, working directory, no shell, a closed standard input")
        func environment() throws {
            let bench = try Bench()

            let run = try record(
                bench,
                """
                observe: ./run.sh
                run: ["./run.sh", "$PERJURY_DIR/x", "$PERJURY_DIRX", "a b", "$(id)", "*", "$HOME", ";"]
                """,
                [
                    "run.sh": """
                    for word in "$@"; do echo "arg $word"; done
                    echo "pwd $(pwd)"
                    echo "workload $PERJURY_WORKLOAD"
                    echo "seed $PERJURY_SEED"
                    echo "run $(ls -A "$PERJURY_RUN" | wc -l) files"
                    touch "$PERJURY_RUN/scratch" && echo scratch
                    echo "input $(wc -c)"
                    echo "hidden $(ls -A "$PERJURY_DIR" | wc -l)"
                    """
                ])

            let folder = bench.folder.file("w")
            #expect(
                lines(run) == [
                    "arg /mnt/data/x", "arg $PERJURY_DIRX", "arg a b", "arg $(id)", "arg *",
                    "arg $HOME", "arg ;", "pwd \(folder)", "workload \(folder)", "seed 1",
                    "run 0 files", "scratch", "input 0", "hidden 0",
                ])
        }

        @Test("a store that wrote its pid namespace's number finds it again after a power loss")
        func namespaceNumber() throws {
            let bench = try Bench()
            try bench.workload(
                "w", "run: ./run.sh\nobserve: ./observe.sh\npromise: durable\n",
                [
                    "run.sh": """
                    cd "$PERJURY_DIR"
                    # As Mercurial: host, number of the pid namespace, pid.
                    ln -s "host/$(printf %x $(stat -L -c %i /proc/self/ns/pid)):$$" lock; sync .
                    for i in 1 2 3; do
                        echo "@begin t$i k$i=v"; echo v >k$i; sync k$i .; echo "@ack t$i"
                    done
                    rm lock
                    """,
                    "observe.sh": """
                    cd "$PERJURY_DIR"
                    if [ -L lock ]; then
                        lock=$(readlink lock); machine=${lock%:*}; pid=${lock##*:}
                        # Another machine's lock is waited for; this one's goes with its process.
                        [ "$machine" = "host/$(printf %x $(stat -L -c %i /proc/self/ns/pid))" ] || exit 9
                        kill -0 "$pid" 2>/dev/null && exit 8
                        rm lock
                    fi
                    for k in k*; do [ -s $k ] && echo "@saw $k=$(cat $k)"; done
                    echo "@end"
                    """,
                ])

            let result = try bench.run(["run", "./w", "--budget", "60", "--jobs", "2"])

            #expect(result.status == 0, "\(result.text)")
        }

        @Test("a user of its own: its files, its data directory, no way to those of others")
        func user() throws {
            let bench = try Bench()

            let run = try record(
                bench, "user: nobody\nsetup: ./run.sh a\nrun: ./run.sh b\nobserve: ./run.sh c\n",
                [
                    "run.sh": """
                    cd "$PERJURY_DIR" || exit 1
                    echo "uid $(id -u) gid $(id -g) groups $(id -G)"
                    echo x >"$1" || exit 2
                    stat -c '%n %u %a' . "$1"
                    touch "$PERJURY_RUN/scratch" && echo scratch
                    echo error >&2 || exit 3
                    echo "@ack $1"
                    """
                ])

            #expect(
                lines(run).suffix(4) == [
                    "uid 65534 gid 65534 groups 65534", ". 65534 700", "b 65534 644", "scratch",
                ])
            #expect(run.history.acknowledgedCount(at: .max) == 2)
            let tree = try run.recording.tree(after: run.recording.count)
            var names: [String] = []
            tree.visit { names.append($0.path.map(\.description).joined(separator: "/")) }
            #expect(names.filter { !$0.isEmpty }.sorted() == ["a", "b"])
        }

        @Test(
            "a user may be a number, known to the machine or not",
            arguments: [("65534", "65534"), ("54321", "54321")])
        func userNumber(user: String, group: String) throws {
            let bench = try Bench()

            let run = try record(
                bench, "user: '\(user)'\nrun: ./run.sh\nobserve: ./run.sh\n",
                ["run.sh": "echo \"$(id -u) $(id -g)\"; touch \"$PERJURY_DIR/file\" && echo done"])

            #expect(lines(run) == ["\(user) \(group)", "done"])
        }

        @Test("what a run leaves running is killed, and writes no more")
        func background() throws {
            let bench = try Bench()

            let run = try record(
                bench, "run: ./run.sh\nobserve: ./run.sh\n",
                [
                    "run.sh": """
                    cd "$PERJURY_DIR" || exit 1
                    (setsid sh -c 'trap "" TERM; while :; do echo x >>late; done' &)
                    while [ ! -e late ]; do :; done
                    echo "@ack t1"
                    """
                ], status: ExitStatus.inconclusive.rawValue)

            #expect(run.endedNormally)
            #expect(run.history.acknowledgedCount(at: .max) == 1)
        }

        @Test("a flood of lines that are no marks costs neither memory nor time")
        func flood() throws {
            let bench = try Bench()
            let clock = ContinuousClock()

            let time = try clock.measure {
                let run = try record(
                    bench, "run: ./run.sh\nobserve: ./see.sh\n",
                    [
                        "run.sh": """
                        cd "$PERJURY_DIR" || exit 1
                        echo x >log; sync log; sync .
                        yes 'a line that nobody needs, of some sixty bytes or so, again' | head -c 100000000
                        echo; echo "@ack t1"
                        """,
                        "see.sh": "if [ -e $PERJURY_DIR/log ]; then echo @saw t1; fi; echo @end",
                    ])
                #expect(run.history.acknowledgedCount(at: .max) == 1)
            }
            let before = peakKilobytes(of: RUSAGE_CHILDREN.rawValue)
            let result = try bench.run([
                "explore", "perjury-out/recordings/w.perjury", "--budget", "50",
            ])

            #expect(result.status == 0, "\(result.text)")
            // Far above what it should take, far below what a mistake does.
            #expect(time < .seconds(40))
            let children = max(before, peakKilobytes(of: RUSAGE_CHILDREN.rawValue))
            // A child begins as this process is, of which other tests may have taken more.
            #expect(children < max(1_500_000, peakKilobytes(of: RUSAGE_SELF.rawValue) + 100_000))
        }

        /// The largest resident set so far, of this process or of all children that have ended.
        private func peakKilobytes(of who: Int32) -> Int {
            var usage = rusage()
            getrusage(__rusage_who_t(who), &usage)
            return usage.ru_maxrss
        }

        @Test("an error output without end takes no memory, and its end is kept")
        func errorFlood() throws {
            let bench = try Bench()
            try bench.workload(
                "w", "run: ./run.sh\nobserve: ./run.sh\n",
                [
                    "run.sh": """
                    yes 'an error that nobody reads' | head -c 2000000000 >&2
                    echo the end >&2
                    exit 3
                    """
                ])
            let running = try bench.start(["record", "./w"])
            var size = 0
            var memory = Int.max

            let hasWritten = eventually(within: 30) {
                guard let status = errorOutput(of: running.processID) else { return false }
                size = Int(status.st_size)
                // At most what is written between two looks of the harness.
                memory = Int(status.st_blocks) * 512
                return size > 1_500_000_000
            }
            let result = try running.end(withinSeconds: 30)

            bench.expectNothingLeft()
            #expect(hasWritten)
            #expect(result.status == ExitStatus.inconclusive.rawValue, "\(result.text)")
            #expect(result.output.contains("the end"), "\(result.text)")
            #expect(memory < 1_000_000_000, "\(memory) bytes")
        }

        /// What the programs of a running command write their errors to.
        private func errorOutput(of process: pid_t) -> stat? {
            for number in 3..<64 {
                let path = "/proc/\(process)/fd/\(number)"
                var name = [CChar](repeating: 0, count: 256)
                guard readlink(path, &name, 255) > 0 else { continue }
                var status = stat()
                if strstr(name, "memfd:perjury-stderr") != nil, stat(path, &status) == 0 {
                    return status
                }
            }
            return nil
        }

        @Test("names that are not UTF-8, and deep directories")
        func names() throws {
            let bench = try Bench()
            try bench.workload(
                "w", "run: ./run.sh\nobserve: ./see.sh\nexpect: violates lost-commit\n",
                [
                    "run.sh": """
                    cd "$PERJURY_DIR" || exit 1
                    bad=$(printf 'a\\377\\033[31m\\nb')
                    deep=$(printf 'd/%.0s' $(seq 60))
                    mkdir -p "$deep" && echo x >"$deep/$bad" || exit 2
                    echo "@ack t1"
                    """,
                    "see.sh": """
                    cd "$PERJURY_DIR" || exit 1
                    bad=$(printf 'a\\377\\033[31m\\nb')
                    deep=$(printf 'd/%.0s' $(seq 60))
                    if [ "$(cat "$deep/$bad" 2>/dev/null)" = x ]; then echo "@saw t1"; fi
                    echo @end
                    """,
                ])

            let (result, workload) = try bench.report("./w")

            #expect(result.status == 0, "\(result.text)")
            #expect(workload["verdict"]?.text == "violated")
            #expect(!result.output.utf8.contains(0x1B), "\(result.text)")
            let path = try #require(workload["findings"]?.items.first?["plan"]?.text)
            let replay = try bench.run(["replay", "perjury-out/\(path)"])
            #expect(replay.status == 0, "\(replay.text)")
            #expect(!replay.output.utf8.contains(0x1B))
        }

        @Test("sync(2) of a run stands between its marks and covers what came before")
        func syncCovers() throws {
            let bench = try Bench()
            try bench.workload(
                "w", "run: ./run.sh\nobserve: ./see.sh\n",
                [
                    "run.sh": """
                    cd "$PERJURY_DIR" || exit 1
                    for n in 1 2 3; do
                        echo "@begin t$n"; echo "t$n" >"f$n"; sync; echo "@ack t$n"
                    done
                    """,
                    "see.sh": """
                    cd "$PERJURY_DIR" || exit 1
                    for n in 1 2 3; do
                        if [ "$(cat f$n 2>/dev/null)" = "t$n" ]; then echo "@saw t$n"; fi
                    done
                    echo @end
                    """,
                ])

            let (result, workload) = try bench.report("./w", ["--model", "posix"])

            #expect(result.status == 0, "\(result.text)")
            #expect(workload["verdict"]?.text == "holds")
            #expect(workload["notes"]?.items.isEmpty == true, "\(result.text)")
            let run = try RecordedRun(
                path: bench.folder.file("perjury-out/recordings/w.perjury"))
            var order = ""
            for sequence in 0..<run.recording.count {
                switch run.recording[sequence].event {
                case .mark: order += "m"
                case .operation(.sync(.everything)): order += "s"
                case .operation: if order.last != "w" { order += "w" }
                case .fault: order += "f"
                }
            }
            #expect(order == "mwsmmwsmmwsm")
        }

        @Test(
            "recovery's clock is ahead by `after`, and that of the run is not",
            arguments: [true, false])
        func laterClock(isLater: Bool) throws {
            let bench = try Bench()
            try bench.workload(
                "w",
                """
                run: ./run.sh
                observe: ./see.sh
                \(isLater ? "after: 1h" : "")
                """,
                [
                    "run.sh": """
                    cd "$PERJURY_DIR" || exit 1
                    echo "@begin t1"
                    date +%s >lock; sync lock; sync .
                    echo "@ack t1"
                    """,
                    // Waits for an hour after whoever had the lock.
                    "see.sh": """
                    cd "$PERJURY_DIR" || exit 1
                    if grep -qs '^[0-9]' lock; then
                        [ $(($(date +%s) - $(cat lock))) -ge 3600 ] || exit 9
                        sleep 0.01
                        echo "@saw t1"
                    fi
                    echo @end
                    """,
                ])

            let (result, workload) = try bench.report("./w", ["--model", "posix"])

            let verdict = isLater ? "holds" : "inconclusive"
            #expect(workload["verdict"]?.text == verdict, "\(result.text)")
            #expect(
                workload["notes"]?.items.contains { $0.text?.contains("clock") ?? false } != true)
        }
    }
}
