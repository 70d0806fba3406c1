import Glibc
import Reporting
import TestSupport
import Testing

extension TheCommand {
    @Suite("Known causes")
    struct KnownCauses {
        private static let observe = """
            cd "$PERJURY_DIR" || exit 1
            for log in log other; do
                if [ -e $log ]; then while read -r line; do echo "@saw $line"; done <$log; fi
            done
            echo @end
            """

        /// Appends to a log that it never syncs; with `second`, to another one.
        private static func run(second: Bool) -> String {
            """
            cd "$PERJURY_DIR" || exit 1
            for n in 1 2; do
                echo "@begin t$n"; echo t$n >>log; sync .; echo "@ack t$n"
                \(second ? "echo \"@begin u$n\"; echo u$n >>other; sync .; echo \"@ack u$n\"" : "")
            done
            """
        }

        @Test("what is new beside the baseline is not as expected; --update-baseline takes it in")
        func baseline() throws {
            let bench = try Bench()
            func write(second: Bool) throws {
                try bench.workload(
                    "w", "run: ./run.sh\nobserve: ./see.sh\nexpect: violates lost-commit\n",
                    ["run.sh": Self.run(second: second), "see.sh": Self.observe])
            }
            let options = ["--baseline", "known.yaml"]
            try write(second: false)
            let missing = try bench.run(["run", "./w"] + options)
            #expect(missing.status == ExitStatus.usage.rawValue, "\(missing.text)")
            let (first, _) = try bench.report("./w", options + ["--update-baseline"])
            #expect(first.status == 0, "\(first.text)")
            let (again, _) = try bench.report("./w", options)
            #expect(again.status == 0, "\(again.text)")

            try write(second: true)
            let (second, workload) = try bench.report("./w", options)
            #expect(second.status == ExitStatus.unexpected.rawValue, "\(second.text)")
            let new = workload["findings"]?.items.filter { $0["asExpected"] == .bool(false) } ?? []
            #expect(!new.isEmpty, "\(second.text)")
            for finding in new {
                let fingerprint = try #require(finding["fingerprint"]?.text)
                #expect(second.output.contains("NOT EXPECTED: w: \(fingerprint)"))
                #expect(finding["cause"]?.items.compactMap(\.text) == ["content other"])
            }
            // By its kind alone it would have gone by; the summary names it.
            let (byKind, _) = try bench.report("./w")
            #expect(byKind.status == 0, "\(byKind.text)")
            #expect(byKind.output.contains("1 more cause than one"), "\(byKind.text)")

            let (updated, _) = try bench.report("./w", options + ["--update-baseline"])
            #expect(updated.status == 0, "\(updated.text)")
            #expect(try bench.report("./w", options).result.status == 0)
        }

        @Test("--update-baseline without a file is refused")
        func noFile() throws {
            let bench = try Bench()
            let result = try bench.run(["run", "--update-baseline"])
            #expect(result.status == ExitStatus.usage.rawValue)
            #expect(result.errors.contains("--update-baseline needs --baseline FILE"))
        }
    }
}
