/// Reports for other programs; each has an option of its name, `--json FILE`.
package enum ReportFormat: String, CaseIterable, Sendable {
    case json
    case junit

    package var option: String { "--\(rawValue)" }

    package func text(of campaign: CampaignReport) -> String {
        switch self {
        case .json: JSONReport(campaign).text
        case .junit: JUnitReport(campaign).text
        }
    }
}
