import Campaign
import PowerLoss

extension WorkloadFile {
    /// Models that are explored where a workload names none.
    private static let defaultModels = ["ext4-ordered", "xfs", "btrfs"]

    /// Under which it is explored where nobody asks for others: those that it names, and those of which `expect` says
    /// something.
    package var exploredModels: [PersistenceModel] {
        let names = (models ?? Self.defaultModels) + expect.models
        return PersistenceModel.all.filter { names.contains($0.name) }
    }

    /// What the workload is explored under: each model on the honest stack and on those of which its `expect` says
    /// something under that model, unless something else was asked for.
    ///
    /// - Parameters:
    ///   - models: asked for; empty: those of the workload.
    ///   - stacks: asked for; empty: those of the workload.
    ///   - others: stacks that come to those of the workload.
    package func targets(
        models: [PersistenceModel] = [], stacks: [Stack] = [], alsoOn others: [Stack] = []
    ) -> [CampaignOptions.Target] {
        (models.isEmpty ? exploredModels : models).flatMap { model in
            let own = (Stack.all + Stack.aliases).filter {
                $0 == .honest || others.contains($0)
                    || expect.specific["\(model.name)/\($0.name)"] != nil
            }
            return (stacks.isEmpty ? own : stacks).map {
                CampaignOptions.Target(model: model, stack: $0)
            }
        }
    }
}
