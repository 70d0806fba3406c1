import Glibc
import Reporting
import TestSupport
import Testing

extension TheCommand {
    /// What the machine or the input does not allow: one clear sentence and its exit status.
    @Suite("Refusals")
    struct Refusals {
        private static let scripts = [
            "run.sh": """
            cd "$PERJURY_DIR" || exit 1
            for n in 1 2 3; do echo "t$n" >>log; echo "@ack t$n"; done
            """,
            "see.sh": """
            if [ -e "$PERJURY_DIR/log" ]; then sed 's/^t/@saw t/' "$PERJURY_DIR/log"; fi
            echo @end
            """,
        ]

        private func workload(_ bench: Bench) throws {
            try bench.workload("w", "run: ./run.sh\nobserve: ./see.sh\n", Self.scripts)
        }

        @Test("a full disk: one sentence, and nothing stays", arguments: ["run", "record"])
        func fullDisk(command: String) throws {
            let bench = try Bench()
            try workload(bench)
            try bench.mountDisk("small", size: "1m")

            let result = try bench.run([command, "./w", "--out", "small/out"])

            #expect(result.status == ExitStatus.inconclusive.rawValue, "\(result.text)")
            #expect(result.output.contains("No space left on device"), "\(result.text)")
            let used = bench.usedBytes("small")
            #expect(used < 64 << 10, "\(used) bytes are left there")
        }

        @Test("a disk that becomes full while recording ends the run, its record kept")
        func fillingDisk() throws {
            let bench = try Bench()
            try bench.workload(
                "w", "run: ./run.sh\nobserve: ./see.sh\ntimeout: 10s\n",
                [
                    "run.sh": """
                    cd "$PERJURY_DIR" || exit 1
                    echo t1 >>log; echo "@ack t1"
                    dd if=/dev/zero of=large bs=1M count=100 || exit 5
                    """, "see.sh": Self.scripts["see.sh"]!,
                ])
            try bench.mountDisk("small", size: "40m")

            let result = try bench.run(["run", "./w", "--out", "small/out"])

            #expect(result.status == ExitStatus.inconclusive.rawValue, "\(result.text)")
            #expect(result.output.contains("the recording cannot grow"), "\(result.text)")

            let explored = try bench.run(
                ["explore", "small/out/recordings/w.perjury", "--budget", "100"])
            #expect(explored.status == ExitStatus.unexpected.rawValue, "\(explored.text)")
        }

        @Test("findings that cannot be written are printed all the same")
        func noPlaceForFindings() throws {
            let bench = try Bench()
            try workload(bench)
            mkdir(bench.folder.file("out"), 0o700)
            // A file where the folder of findings belongs.
            try FileBytes.write([], to: bench.folder.file("out/findings"))

            let result = try bench.run([
                "run", "./w", "--out", "out", "--model", "posix", "--budget", "200",
            ])

            #expect(result.output.contains("lost-commit"), "\(result.text)")
            #expect(result.errors.contains("out/findings"), "\(result.text)")
            // What was found outranks.
            #expect(result.status == ExitStatus.unexpected.rawValue, "\(result.text)")

            let live = try bench.run(["live", "./w", "--out", "out", "--cuts", "20"])
            #expect(live.output.contains("lost-commit"), "\(live.text)")
            #expect(live.errors.contains("out/findings"), "\(live.text)")
            #expect(live.status == ExitStatus.unexpected.rawValue, "\(live.text)")
        }

        @Test(
            "an output folder that cannot be",
            arguments: ["/proc/nowhere", "file", "/sys/kernel/nowhere"])
        func noOutput(out: String) throws {
            let bench = try Bench()
            try workload(bench)
            try FileBytes.write([], to: bench.folder.file("file"))

            let result = try bench.run(["run", "./w", "--out", out])

            #expect(result.status == ExitStatus.unavailable.rawValue, "\(result.text)")
            #expect(result.errors.contains("--out"), "\(result.text)")
            #expect(result.output.isEmpty, "\(result.text)")
        }

        @Test(
            "a report that cannot be written is refused before anything is run",
            arguments: ["/proc/no/report", "/proc/report", "no/report", "w", ""],
            [["run", "--json"], ["run", "--junit"], ["live", "--json"]])
        func noReport(path: String, words: [String]) throws {
            let bench = try Bench()
            try workload(bench)

            let result = try bench.run([words[0], "./w", words[1], path])

            #expect(result.status == ExitStatus.usage.rawValue, "\(result.text)")
            #expect(result.errors.contains("\(words[1]) \(path)"), "\(result.text)")
            #expect(result.output.isEmpty, "\(result.text)")
            #expect(access(bench.folder.file("perjury-out"), F_OK) != 0)
        }

        @Test("a report that can no more be written does not take the findings along")
        func lostReport() throws {
            let bench = try Bench()
            try bench.workload(
                "w", "run: ./run.sh\nobserve: ./see.sh\n",
                Self.scripts)

            let result = try bench.run([
                "run", "./w", "--model", "posix", "--budget", "200", "--json", "/dev/full",
            ])

            #expect(result.status == ExitStatus.unexpected.rawValue, "\(result.text)")
            #expect(result.output.contains("lost-commit"), "\(result.text)")
            #expect(result.errors.contains("/dev/full"), "\(result.text)")
        }

        @Test("files that are no recordings, or damaged ones, exit 64")
        func recordings() throws {
            let bench = try Bench()
            try workload(bench)
            let recorded = try bench.run(["record", "./w"])
            #expect(recorded.status == 0, "\(recorded.text)")
            let path = bench.folder.file("perjury-out/recordings/w.perjury")
            let bytes = try FileBytes.read(path)
            var damaged = bytes
            // Between records there are bytes that mean nothing: the damage is to be in one.
            let mark = Array("@ack t2".utf8)
            let place = try #require(
                bytes.indices.first { bytes[$0...].starts(with: mark) }, "no mark was recorded")
            damaged[place] ^= 0x10
            let files: [(String, [UInt8])] = [
                ("empty", []), ("text", Array("hello\n".utf8)), ("damaged", damaged),
                ("header", Array(bytes.prefix(40))),
                ("zeros", [UInt8](repeating: 0, count: 4096)),
            ]
            for (name, content) in files {
                try FileBytes.write(content, to: bench.folder.file(name))
                let result = try bench.run(["explore", name])
                #expect(result.status == ExitStatus.usage.rawValue, "\(name): \(result.text)")
                #expect(result.errors.contains(name), "\(name): \(result.text)")
                #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
            }
            let folder = try bench.run(["explore", "."])
            #expect(folder.status == ExitStatus.usage.rawValue, "\(folder.text)")

            // Cut off, it is one whose harness was killed.
            try FileBytes.write(Array(bytes.dropLast(100)), to: bench.folder.file("short"))
            let short = try bench.run(["explore", "short", "--model", "posix", "--budget", "50"])
            #expect(short.status == ExitStatus.unexpected.rawValue, "\(short.text)")
        }

        @Test("a workload file with a mistake is named with its line")
        func badWorkload() throws {
            let bench = try Bench()
            try bench.workload("w", "run: ./run.sh\nobserv: ./see.sh\n", Self.scripts)

            let result = try bench.run(["run", "./w"])

            #expect(result.status == ExitStatus.usage.rawValue, "\(result.text)")
            #expect(
                result.errors.contains(
                    "workload.yaml:2: unknown key `observ`; did you mean `observe`?"),
                "\(result.text)")
        }

        @Test("one workload that cannot be run does not keep the others from it")
        func others() throws {
            let bench = try Bench()
            try workload(bench)
            try bench.workload("x", "run: ./gone.sh\nobserve: ./see.sh\n", [:])

            let result = try bench.run([
                "run", "./x", "./w", "--model", "posix", "--budget", "200",
            ])

            #expect(result.status == ExitStatus.unexpected.rawValue, "\(result.text)")
            #expect(result.output.contains("gone.sh"), "\(result.text)")
            #expect(result.output.contains("lost-commit"), "\(result.text)")
        }
    }
}
