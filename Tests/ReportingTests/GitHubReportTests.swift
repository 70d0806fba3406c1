import Campaign
import Reporting
import Testing

@Suite("Annotations for GitHub")
struct GitHubReportTests {
    private func annotations(_ workloads: WorkloadReport...) -> String {
        GitHubReport(Samples.campaign(workloads)).annotations
    }

    @Test("each cause that was not expected is an error, on one line")
    func unexpected() {
        #expect(
            annotations(Samples.unexpected) == """
                ::error title=perjury%3A tiny-queue%3A lost-commit under ext4-ordered::\
                c3 was acknowledged at #410, but it was not seen%0A\
                #409 rename meta.json.tmp -> meta.json: lost the name%0A\
                missing: fsync the directory index/ after #409 and before acknowledging c3%0A\
                perjury replay perjury-out/findings/tiny-queue-ext4-ordered-1.json

                """)
    }

    @Test("what is expected is none")
    func expected() {
        #expect(annotations(Samples.expected, Samples.holding) == "")
    }

    @Test(
        "an expected violation that was not found is an error, what could not be found out a warning"
    )
    func others() {
        let missing = Samples.workload(models: [
            Samples.model("xfs", .holds, expects: .violates([.lostCommit]))
        ])
        #expect(annotations(missing).hasPrefix("::error title=perjury%3A tiny-queue under xfs::"))
        var unknown = Samples.workload("q", models: [])
        unknown.inconclusive = "no mount: 50%\nof it"
        #expect(
            annotations(unknown)
                == "::warning title=perjury%3A q%3A inconclusive::no mount: 50%25\\nof it\n")
        let short = Samples.workload(models: [Samples.model("xfs", .inconclusive("too short"))])
        #expect(annotations(short).hasPrefix("::warning title=perjury%3A tiny-queue under xfs"))
    }

    @Test("a comma with an accent ends no property")
    func combined() {
        var odd = Samples.workload("a,\u{301}b", models: [])
        odd.inconclusive = "50%\u{301}"
        #expect(
            annotations(odd)
                == "::warning title=perjury%3A a%2C\u{301}b%3A inconclusive::50%25\u{301}\n")
    }

    @Test("the summary is one block that nothing in the report ends")
    func summary() {
        var report = Samples.holding
        report.notes = [.text("```` a note")]
        let text = GitHubReport(Samples.campaign([report])).summary
        #expect(text.hasPrefix("### perjury\n\n`````\n"))
        #expect(text.hasSuffix("\n`````\n"))
    }
}
