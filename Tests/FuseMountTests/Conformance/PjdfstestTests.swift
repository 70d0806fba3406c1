import FileTree
import FuseMount
import Glibc
import TestSupport
import Testing

/// Runs a pjdfstest that the person has, on a mount: `make posix PJDFSTEST=DIR`.
@Suite(
    "pjdfstest", .serialized,
    .enabled(
        if: getenv("PJDFSTEST") != nil && MountServer.isAvailable && geteuid() == 0,
        "PJDFSTEST names no built checkout, or there is no /dev/fuse, or this is not root"),
    .timeLimit(.minutes(60)))
struct PjdfstestTests {
    @Test("at least 99 % of pjdfstest passes")
    func passes() throws {
        let checkout = String(cString: getenv("PJDFSTEST")!)
        try #require(access(checkout + "/pjdfstest", X_OK) == 0, "build it first: make pjdfstest")
        let folder = try TemporaryFolder()
        let output = folder.file("output")

        try withMount(FileTree(rootMode: 0o755)) { (mount) throws in
            _ = try shell("prove -rf '\(checkout)/tests' 2>&1", in: mount.path, output: output)
        }

        let said = try text(output)
        let figures = Figures(said)
        print(figures.text)
        if let document = getenv("PERJURY_CONFORMANCE_NOTE") {
            try figures.write(to: String(cString: document))
        }
        try #require(figures.tests > 0, "prove ran nothing: \(said.suffix(2000))")
        #expect(figures.failed.count * 100 <= figures.tests)
        #expect(figures.broken.isEmpty, "files that stopped half-way")
    }

    /// What prove(1) said: `FILE (Wstat: … Tests: 20 Failed: 2)`, then `Failed tests:  3, 7-9`; at the end
    /// `Files=N, Tests=M, …`.
    struct Figures {
        var files = 0
        var tests = 0
        /// `tests/chmod/00.t 17`
        var failed: [String] = []
        /// Files whose plan does not fit the tests they ran.
        var broken: [String] = []

        init(_ output: String) {
            var file = ""
            var readsNumbers = false
            for line in output.split(separator: "\n") {
                let words = line.split { $0 == " " || $0 == "," || $0 == "=" }
                if line.contains("(Wstat:"), let name = words.first {
                    file = name.split(separator: "/").suffix(2).joined(separator: "/")
                }
                if line.contains("Parse errors:") { broken.append(file) }
                if line.hasPrefix("Files="), words.count >= 4 {
                    (files, tests) = (Int(words[1]) ?? 0, Int(words[3]) ?? 0)
                }
                var numbers = words[...]
                if line.hasPrefix("  Failed test") {
                    readsNumbers = true
                    numbers = numbers.drop { $0.first?.isNumber != true }
                } else if !(line.hasPrefix("   ") && line.contains { $0.isNumber }) {
                    readsNumbers = false
                }
                if readsNumbers { failed += Self.expanded(numbers).map { "\(file) \($0)" } }
            }
        }

        private static func expanded(_ words: ArraySlice<Substring>) -> [Int] {
            words.flatMap { word -> [Int] in
                let ends = word.split(separator: "-").compactMap { Int($0) }
                return ends.count == 2 ? Array(ends[0]...ends[1]) : ends
            }
        }

        var text: String {
            let passed = tests - failed.count
            let hundredths = tests == 0 ? 0 : passed * 10_000 / tests
            let share = "\(hundredths / 100).\(hundredths % 100 / 10)\(hundredths % 10) %"
            var lines = ["\(passed) of \(tests) tests in \(files) files pass: \(share)."]
            if !failed.isEmpty { lines.append("") }
            lines += failed.map { "- `\($0)`" }
            return lines.joined(separator: "\n")
        }

        /// Puts the figures between the note's two marks.
        func write(to path: String) throws {
            let (begin, end) = ("<!-- pjdfstest: begin -->", "<!-- pjdfstest: end -->")
            let lines = try FuseMountTests.text(path)
                .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
            guard let first = lines.firstIndex(of: begin), let last = lines.firstIndex(of: end),
                first < last
            else { return }
            let new = lines[...first] + [text] + lines[last...]
            try put(path, new.joined(separator: "\n"))
        }
    }
}
