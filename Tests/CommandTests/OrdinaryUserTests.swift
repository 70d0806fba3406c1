import Glibc
import Reporting
import Testing

extension TheCommand {
    /// By `nobody`, in a mount namespace whose /dev/fuse is open, in both stages of ordinary users.
    @Suite("Of an ordinary user")
    struct OrdinaryUser {
        static let stages = ["user-namespace", "fusermount"]

        private static func targets(_ report: JSON) -> [String] {
            (report["models"]?.items ?? []).map {
                "\($0["model"]?.text ?? "")/\($0["stack"]?.text ?? ""): \($0["verdict"]?.text ?? "")"
            }
        }

        private static func causes(_ report: JSON) -> Set<String> {
            Set((report["findings"]?.items ?? []).compactMap { $0["fingerprint"]?.text })
        }

        @Test(
            "verdicts and causes are those of root",
            arguments: ["toy-ack-before-sync", "toy-copies", "toy-rename-no-fsync"])
        func sameAsRoot(name: String) throws {
            let bench = try Bench()
            let workload = "\(try bench.enterRoom())/\(name)"

            bench.isOrdinaryUser = false
            let root = try bench.report(workload).workload
            bench.isOrdinaryUser = true

            #expect(Self.targets(root).contains { $0.hasSuffix("violated") })
            for stage in Self.stages {
                let (result, report) = try bench.report(
                    workload, ["--stage", stage, "--out", stage])
                #expect(Self.targets(report) == Self.targets(root), "\(stage): \(result.text)")
                #expect(Self.causes(report) == Self.causes(root), "\(stage): \(result.text)")
            }
        }

        @Test("programs have their user's number, sync(2) is seen", arguments: stages)
        func syncs(stage: String) throws {
            let bench = try Bench()
            _ = try bench.enterRoom()
            let workload = try bench.workload(
                "syncs", "run: ./run.sh\nobserve: ./see.sh\n",
                [
                    "run.sh": """
                    cd "$PERJURY_DIR" && [ "$(id -u)" = 65534 ] || exit 9
                    for n in 1 2 3 4; do echo "@begin t$n"; echo "t$n" >>log; sync; echo "@ack t$n"; done
                    [ "$(stat -c %u log)" = 65534 ]
                    """,
                    "see.sh":
                        "cd $PERJURY_DIR; sed -n 's/^\\(t[0-9]\\)$/@saw \\1/p' log 2>/dev/null; echo @end",
                ])

            let (result, report) = try bench.report(workload, ["--stage", stage])

            #expect(report["verdict"]?.text == "holds", "\(result.text)")
            #expect(report["acknowledged"]?.number == 4)
        }

        @Test(
            "a store that has kept the path of its directory finds itself there", arguments: stages)
        func keptPath(stage: String) throws {
            let bench = try Bench()
            _ = try bench.enterRoom()
            let workload = try bench.workload(
                "path", "run: ./run.sh\nobserve: ./see.sh\n",
                [
                    "run.sh": """
                    cd "$PERJURY_DIR" || exit 1
                    pwd >place; sync
                    for n in 1 2 3; do echo "@begin t$n"; echo "t$n" >>log; sync; echo "@ack t$n"; done
                    """,
                    "see.sh": """
                    cd "$PERJURY_DIR" || exit 1
                    if [ -s log ] && [ "$(cat place)" != "$PERJURY_DIR" ]; then echo "@failed moved"; exit; fi
                    sed -n 's/^\\(t[0-9]\\)$/@saw \\1/p' log 2>/dev/null; echo @end
                    """,
                ])

            let (result, report) = try bench.report(workload, ["--stage", stage, "--jobs", "2"])

            #expect(report["verdict"]?.text == "holds", "\(result.text)")
            guard stage == "fusermount" else { return }
            let explored = try bench.run([
                "explore", "perjury-out/recordings/path.perjury", "--stage", "user-namespace",
                "--budget", "300", "--model", "ext4-ordered",
            ])
            #expect(explored.status == ExitStatus.inconclusive.rawValue, "\(explored.text)")
            #expect(explored.text.contains("--stage"), "\(explored.text)")
        }

        @Test("what a program leaves running is ended, and told", arguments: stages)
        func leftRunning(stage: String) throws {
            let bench = try Bench()
            _ = try bench.enterRoom()
            let workload = try bench.workload(
                "leaves", "run: ./run.sh\nobserve: ./see.sh\n",
                [
                    "run.sh": """
                    (setsid sleep 1000 &)
                    cd "$PERJURY_DIR" && echo "@begin t1" && echo t1 >log && sync && echo "@ack t1"
                    """,
                    "see.sh":
                        "cd $PERJURY_DIR; sed -n 's/^\\(t[0-9]\\)$/@saw \\1/p' log 2>/dev/null; echo @end",
                ])

            let (result, report) = try bench.report(workload, ["--stage", stage])

            #expect(report["verdict"]?.text != "holds", "\(result.text)")
            #expect(result.text.contains("sleep"), "\(result.text)")
        }

        @Test("20 SIGKILLs of the command, a keeper or its guard leave nothing", arguments: stages)
        func killed(stage: String) throws {
            let bench = try Bench()
            let toy = "\(try bench.enterRoom())/toy-copies"
            var alive = 0

            for moment in 0..<20 {
                let running = try bench.start(
                    moment % 3 == 0
                        ? ["live", toy, "--stage", stage, "--cuts", "100000"]
                        : ["run", toy, "--stage", stage, "--budget", "60s", "--jobs", "2"])
                var keepers: [pid_t] = []
                // Every fourth moment is one at which nothing may be there yet.
                if moment % 4 > 0 {
                    #expect(
                        eventually(within: 20) {
                            keepers = Leftovers.numbers(
                                marker: bench.folder.path, program: "perjury-keeper")
                            return !keepers.isEmpty
                        })
                }
                usleep(UInt32(13 * moment) * 1000)
                if !keepers.isEmpty { alive += 1 }
                if moment % 2 == 1, let victim = keepers.randomElement() {
                    kill(victim, SIGKILL)
                    usleep(20_000)
                    // One signal may come before it is watched for.
                    running.send(SIGTERM)
                } else {
                    running.send(SIGKILL)
                }
                let result = try running.end(withinSeconds: 20)
                #expect(result.status > 0, "\(result.text)")
                bench.expectNothingLeft(in: [], "moment \(moment)")
            }

            #expect(alive == 15)
        }

        @Test("a mount by hand goes when its command is killed")
        func handMount() throws {
            let bench = try Bench()
            _ = try bench.enterRoom()
            mkdir(bench.folder.file("m"), 0o755)
            chown(bench.folder.file("m"), Bench.nobody, Bench.nobody)
            let running = try bench.start(["mount", "m"])
            #expect(
                eventually(within: 20) { running.output.contains("mounted at") },
                "\(running.errors)")
            #expect(!bench.roomMounts.isEmpty)

            running.send(SIGKILL)

            _ = try running.end(withinSeconds: 5)
            bench.expectNothingLeft()
        }

        @Test("`user` takes root, `user-for-root` does not")
        func user() throws {
            let bench = try Bench()
            _ = try bench.enterRoom()
            let scripts = [
                "run.sh":
                    "cd $PERJURY_DIR && echo '@begin t' && id -u >id && sync && echo '@ack t'",
                "see.sh": "[ -s $PERJURY_DIR/id ] && echo '@saw t'; echo @end",
            ]
            let steps = "run: ./run.sh\nobserve: ./see.sh\n"
            let refused = try bench.workload("other", "user: daemon\n" + steps, scripts)
            let own = try bench.workload("own", "user-for-root: daemon\n" + steps, scripts)

            let (result, report) = try bench.report(refused)
            #expect(
                report["inconclusive"]?.text?.contains("takes the stage `root`") == true,
                "\(result.text)")
            #expect(try bench.report(own).workload["verdict"]?.text == "holds")
        }
    }

    /// What `doctor` says to an ordinary user, and the sentences for machines on which something is closed.
    @Suite("Of an ordinary user, where something is closed")
    struct ClosedToOrdinaryUsers {
        @Test("the stage that is taken, why no better one, and what opens it")
        func doctor() throws {
            let bench = try Bench()
            let catalogue = try bench.enterRoom()

            let open = try bench.run(["doctor", "--workloads", catalogue])
            #expect(open.output.contains("by the stage user-namespace"), "\(open.text)")
            #expect(
                open.output.contains("the stage root: perjury is not run by root: sudo perjury"))
            #expect(open.status == 0)

            bench.hasUserNamespaces = false
            let closed = try bench.run(["doctor", "--workloads", catalogue])
            #expect(closed.output.contains("by the stage fusermount"), "\(closed.text)")
            #expect(
                closed.output.contains(
                    "user namespaces are closed (user.max_user_namespaces is 0): "
                        + "sudo sysctl -w user.max_user_namespaces=10000"), "\(closed.text)")
            #expect(closed.status == 0)
            let (result, report) = try bench.report("\(catalogue)/toy-rename-no-fsync")
            #expect(report["verdict"]?.text == "violated", "\(result.text)")
        }

        /// What is made of the room, by commands of root's, and what is said to `run --stage`.
        @Test(
            "one sentence, and the way out",
            arguments: [
                (
                    "chmod 600 /dev/fuse", "user-namespace",
                    "/dev/fuse may not be opened: sudo chmod 666 /dev/fuse"
                ),
                ("mount -t tmpfs none /dev", "fusermount", "there is no /dev/fuse"),
                (
                    "cp /usr/bin/fusermount3 /media/tool; mount --bind /media/tool /usr/bin/fusermount3",
                    "fusermount",
                    "it is not setuid root: sudo chown root /usr/bin/fusermount3 && sudo chmod u+s"
                ),
                (
                    "mount -t tmpfs -o size=64k none $XDG_RUNTIME_DIR; chmod 777 $XDG_RUNTIME_DIR",
                    "fusermount", "set XDG_RUNTIME_DIR to a folder of yours with room in it"
                ),
            ])
        func closed(change: String, stage: String, sentence: String) throws {
            let bench = try Bench()
            let catalogue = try bench.enterRoom(change)

            let result = try bench.run(["run", "\(catalogue)/toy-copies", "--stage", stage])

            #expect(result.status == ExitStatus.unavailable.rawValue, "\(result.text)")
            #expect(result.errors.contains(sentence), "\(result.text)")
        }

        @Test("a fusermount3 without its setuid bit does not hide the one behind it in PATH")
        func shadowed() throws {
            let bench = try Bench()
            let catalogue = try bench.enterRoom(
                "mkdir /media/p2; cp /usr/bin/fusermount3 /media/p2")
            bench.environment = ["PATH=/media/p2:/usr/bin:/bin"]

            let result = try bench.run(
                ["run", "\(catalogue)/toy-copies", "--stage", "fusermount", "--budget", "100"])

            #expect(result.status == ExitStatus.asExpected.rawValue, "\(result.text)")
        }

        @Test("a folder that cannot be written to: a sentence, and --out")
        func readOnly() throws {
            let bench = try Bench()
            let catalogue = try bench.enterRoom()
            bench.environment = ["HOME=/nonexistent"]
            let toy = "\(catalogue)/toy-copies"

            let refused = try bench.run(["run", toy, "--out", "/perjury-out"])
            #expect(refused.errors.contains("--out"), "\(refused.text)")

            let result = try bench.run([
                "run", toy, "--budget", "100", "--out", bench.folder.file("o"),
            ])
            #expect(result.status == ExitStatus.asExpected.rawValue, "\(result.text)")
        }
    }
}
