import Campaign
import Oracles
import PowerLoss
import Reporting

typealias Target = CampaignOptions.Target

extension CampaignOptions.Target {
    /// Reads `model` or `model/stack`.
    init(_ text: String) {
        let parts = text.split(separator: "/").map(String.init)
        self.init(
            model: .named(parts[0])!, stack: parts.count > 1 ? .named(parts[1])! : .honest)
    }
}

/// The report on a toy whose run is recorded and explored to the end, whatever time that takes.
func explore(
    _ toy: ToySubject, _ targets: [String], _ configure: (inout CampaignOptions) -> Void = { _ in }
) -> WorkloadReport {
    campaign(toy, targets, configure).run()
}

func campaign(
    _ toy: ToySubject, _ targets: [String], _ configure: (inout CampaignOptions) -> Void = { _ in }
) -> Campaign {
    var options = CampaignOptions(targets: targets.map { Target($0) })
    options.budget = .unlimited
    configure(&options)
    return Campaign(toy, options: options, clock: { 0 })
}

/// What a program would read of it, times left out.
func json(_ reports: WorkloadReport...) -> String {
    var campaign = CampaignReport(
        seed: 1, ending: "power-loss", budget: "none", models: [], stacks: [], outputFolder: "")
    campaign.workloads = reports
    return JSONReport(campaign, hasTimes: false).text
}

extension WorkloadReport {
    /// `posix: lost-commit` for each model that is violated, `posix/lying-flush: …` where the stack is another.
    var violated: [String] {
        models.filter { $0.verdict == .violated }.map { model in
            let stack = model.stack == "honest" ? "" : "/\(model.stack)"
            return "\(model.model)\(stack): "
                + model.kinds.map(\.rawValue).joined(separator: " ")
        }
    }
}
