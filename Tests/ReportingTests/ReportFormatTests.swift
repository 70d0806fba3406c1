import Reporting
import TestSupport
import Testing

@Suite("Formats of reports")
struct ReportFormatTests {
    @Test("each is an option, and in docs/formats.md", arguments: ReportFormat.allCases)
    func documented(format: ReportFormat) throws {
        let path = MadeDocument("docs/formats.md").path
        let text = String(decoding: try FileBytes.read(path), as: UTF8.self)
        #expect(text.contains("\(format.option) FILE"))
        #expect(!format.text(of: Samples.campaign([Samples.unexpected])).isEmpty)
    }
}
