import Glibc
import TestSupport
import Testing

extension TheCommand {
    @Suite("A first workload", .serialized)
    struct Init {
        @Test(
            "holds in each language that is there; without its sync it does not",
            arguments: [
                ("python", "python3", "store.py", "os.fsync(log", "#"),
                ("node", "node", "store.js", "fs.fsyncSync(log", "//"),
                ("shell", "sh", "store.sh", "mv new.tmp", "sync . ||"),
                ("c", "cc", "store.c", "if (fsync(log)", "//"),
            ])
        func languages(
            _ language: String, _ tool: String, _ source: String, _ sync: String, _ mark: String
        ) throws {
            let bench = try Bench()
            let written = try bench.run(["init", "first", "--language", language])
            try #require(written.status == 0, "\(written.text)")
            guard shell("command -v \(tool) >/dev/null", bench) == 0 else { return }
            let path = bench.folder.file("first/\(source)")

            try #require(build(written.output, bench) == 0)
            let holds = try bench.run(["run", "./first", "--model", "posix"])
            #expect(holds.status == 0, "\(holds.text)")

            let lines = String(decoding: try FileBytes.read(path), as: UTF8.self)
                .split(separator: "\n", omittingEmptySubsequences: false)
            try #require(lines.count { $0.contains(sync) } == 1)
            let without = lines.map { (line) -> String in
                guard line.contains(sync) else { return String(line) }
                return language == "shell"
                    ? String(line.replacing(" && sync . || exit 1", with: "")) : "\(mark) \(line)"
            }
            try FileBytes.write(Array(without.joined(separator: "\n").utf8), to: path)
            try #require(build(written.output, bench) == 0)
            let lost = try bench.run(["run", "./first", "--model", "posix"])
            #expect(lost.status == 1, "\(lost.text)")
            #expect(lost.output.contains("lost-commit"), "\(lost.text)")
        }

        /// The line that `init` gives for it, where there is one.
        private func build(_ output: String, _ bench: Bench) -> Int32 {
            guard let line = output.split(separator: "\n").first(where: { $0.contains("(cd ") })
            else { return 0 }
            return shell(String(line), bench)
        }

        private func shell(_ command: String, _ bench: Bench) -> Int32 {
            Glibc.system("cd '\(bench.folder.path)' && \(command)")
        }

        @Test("is made of two commands, and acknowledges by exit status")
        func loop() throws {
            let bench = try Bench()
            try bench.script(
                "db",
                #"""
                cd "$PERJURY_DIR" || exit 1
                case $1 in
                set) echo "$3" >"$2" && sync "$2" . ;;
                dump) for file in *; do [ ! -e "$file" ] || echo "$file $(cat "$file")"; done ;;
                esac
                """#)
            let written = try bench.run([
                "init", "looped", "--put", "./db set {key} {value}", "--list", "./db dump",
            ])
            try #require(written.status == 0, "\(written.text)")
            let result = try bench.run(["run", "./looped", "--model", "posix"])
            // It overwrites in place: a value in flight may be torn or empty.
            #expect(result.status == 1, "\(result.text)")
            #expect(!result.text.contains("INCONCLUSIVE"), "\(result.text)")
            #expect(result.output.contains("was acknowledged"), "\(result.text)")
        }

        @Test("replaces nothing, and needs both commands")
        func refusals() throws {
            let bench = try Bench()
            #expect(try bench.run(["init", "first"]).status == 0)
            let again = try bench.run(["init", "first"])
            #expect(again.status == 64)
            #expect(again.errors.contains("is there already"))
            let half = try bench.run(["init", "other", "--put", "./db"])
            #expect(half.status == 64)
            #expect(half.errors.contains("--put and --list together"))
        }
    }
}
