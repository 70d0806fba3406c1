import Campaign
import Glibc
import Reporting
import TestSupport
import Testing
import Workloads

extension TheCommand {
    /// Workloads with the storage of several machines.
    @Suite("Several mounts")
    struct SeveralMounts {
        /// Tries calls and prints what came of each.
        private static let borders = """
            import errno, os
            root = os.environ["PERJURY_DIR"]
            os.chdir(root)
            print("mounts", os.environ["PERJURY_MOUNTS"], sorted(os.listdir(".")))
            def attempt(what, call):
                try:
                    call()
                    print(what, "done")
                except OSError as error:
                    print(what, errno.errorcode[error.errno])
            open("a/file", "w").close()
            os.mkdir("b/folder")
            attempt("rename across", lambda: os.rename("a/file", "b/file"))
            attempt("link across", lambda: os.link("a/file", "b/file"))
            attempt("rename within", lambda: os.rename("a/file", "a/other"))
            attempt("link within", lambda: os.link("a/other", "a/third"))
            attempt("file beside", lambda: open("file", "w"))
            attempt("folder beside", lambda: os.mkdir("c"))
            attempt("unnamed beside", lambda: os.open(root, os.O_TMPFILE | os.O_RDWR))
            attempt("remove a mount", lambda: os.rmdir("a"))
            attempt("move a mount", lambda: os.rename("a", "c"))
            attempt("move a mount into another", lambda: os.rename("a", "b/a"))
            attempt("move out of a mount", lambda: os.rename("a/other", "other"))
            attempt("mode of the root", lambda: os.chmod(root, 0o700))
            attempt("mode of a mount", lambda: os.chmod("a", 0o700))
            # With a folder to start from Python's link follows the symbolic link.
            unnamed = os.open("b/folder", os.O_TMPFILE | os.O_RDWR)
            path = f"/proc/self/fd/{unnamed}"
            attempt("name across", lambda: os.link(path, "a/named", src_dir_fd=0))
            attempt("name within", lambda: os.link(path, "b/named", src_dir_fd=0))
            """

        @Test("each is a filesystem of its own to programs", arguments: ["root", "nobody"])
        func borders(user: String) throws {
            let bench = try Bench()
            try bench.workload(
                "w",
                "run: [\(Bench.python), -S, run.py]\nobserve: ./run.py\nmounts: [a, b]\nuser: \(user)\n",
                ["run.py": Self.borders])

            let result = try bench.run(["record", "./w"])

            #expect(result.status == 0, "\(result.text)")
            let run = try RecordedRun(
                path: bench.folder.file("perjury-out/recordings/w.perjury"))
            let lines = String(decoding: run.history.log, as: UTF8.self).split(separator: "\n")
                .map(String.init)
            #expect(
                lines == [
                    "mounts a b ['a', 'b']", "rename across EXDEV", "link across EXDEV",
                    "rename within done", "link within done", "file beside EROFS",
                    "folder beside EROFS", "unnamed beside EROFS", "remove a mount EBUSY",
                    "move a mount EBUSY", "move a mount into another EXDEV",
                    "move out of a mount EXDEV", "mode of the root EROFS", "mode of a mount done",
                    "name across EXDEV", "name within done",
                ])
        }

        @Test("more machines lose their power than the store can bear: found, told, replayed")
        func allAtOnce() throws {
            let bench = try Bench()
            let result = try bench.run([
                "run", "toy-copies-fixed", "--at-once", "3", "--model", "xfs", "--budget", "300",
                "--json", "report.json",
            ])
            #expect(result.status == ExitStatus.unexpected.rawValue, "\(result.text)")
            #expect(
                result.output.contains(", on n1, n2, n3"), "\(result.text)")
            let json = String(
                decoding: try FileBytes.read(bench.folder.file("report.json")), as: UTF8.self)
            #expect(json.contains(#""mountsAtOnce": 3"#), "\(json)")

            let finding = "perjury-out/findings/toy-copies-fixed/xfs-lost-commit-1.json"
            let replay = try bench.run(["replay", finding])
            #expect(replay.status == 0, "\(replay.text)")
            #expect(replay.output.contains("The finding shows again"), "\(replay.text)")
        }

        @Test("a recording of other mounts than the workload's is not judged")
        func otherMounts() throws {
            let bench = try Bench()
            let scripts = ["run.sh": "echo >$PERJURY_DIR/a/f; echo @ack t1", "see.sh": "echo @end"]
            let workload = "run: ./run.sh\nobserve: ./see.sh\n"
            try bench.workload("w", workload + "mounts: [a, b]\n", scripts)
            let recorded = try bench.run(["record", "./w"])
            #expect(recorded.status == 0, "\(recorded.text)")
            try bench.workload("w", workload + "mounts: [a, c]\n", scripts)

            let result = try bench.run(["explore", "perjury-out/recordings/w.perjury"])

            #expect(result.status == ExitStatus.inconclusive.rawValue, "\(result.text)")
            #expect(result.output.contains("recorded, [a, b]"), "\(result.text)")
        }

        @Test("--at-once is refused where nothing has several mounts", arguments: ["run", "live"])
        func nothingAtOnce(command: String) throws {
            let bench = try Bench()
            let result = try bench.run([command, "toy-page-torn", "--at-once", "1"])
            #expect(result.status == ExitStatus.usage.rawValue, "\(result.text)")
            #expect(result.errors.contains("several `mounts`"), "\(result.text)")
        }

        @Test("live, some of them lose their power at each cut")
        func live() throws {
            let bench = try Bench()
            let buggy = try bench.run(["live", "toy-copies", "--model", "xfs", "--cuts", "60"])
            #expect(buggy.status == ExitStatus.asExpected.rawValue, "\(buggy.text)")
            #expect(buggy.output.contains("violated lost-commit"), "\(buggy.text)")
            let fixed = try bench.run(["live", "toy-copies-fixed", "--cuts", "60"])
            #expect(fixed.status == ExitStatus.asExpected.rawValue, "\(fixed.text)")
            let all = try bench.run([
                "live", "toy-copies-fixed", "--cuts", "60", "--at-once", "3",
            ])
            #expect(all.status == ExitStatus.unexpected.rawValue, "\(all.text)")
        }

        @Test("where outcomes are only counted, an example of each loss replays")
        func examples() throws {
            let bench = try Bench()
            let result = try bench.run([
                "run", "toy-ack-before-sync-fixed", "--stack", "lying-flush", "--model", "xfs",
                "--budget", "200",
            ])
            #expect(result.status == ExitStatus.asExpected.rawValue, "\(result.text)")
            #expect(result.output.contains("silent loss: "), "\(result.text)")
            let example =
                "perjury-out/findings/toy-ack-before-sync-fixed/xfs-lying-flush-lost-commit-1.json"
            let replay = try bench.run(["replay", example])
            #expect(replay.status == 0, "\(replay.text)")
        }
    }
}
