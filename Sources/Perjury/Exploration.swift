import Campaign
import PowerLoss
import Stage
import Workloads

/// How a recording is explored, and how far.
public struct Exploration: Sendable {
    /// How much is explored.
    public enum Budget: Hashable, Sendable {
        case time(Duration)
        /// Crash states, 1 at least; with a seed, the same report each time.
        case states(Int)
        case unlimited
    }

    /// Empty: ext4, XFS and Btrfs, or what the store's `workload.yaml` says.
    public var models: [Model] = []
    /// Empty: honest, and what the store's `workload.yaml` says.
    public var stacks: [Stack] = []
    public var budget = Budget.time(.seconds(20))
    /// Source of every choice.
    public var seed: UInt64 = 1
    /// How often the power goes again while the store recovers: 0 to 3; nil: what the `workload.yaml` says, or 0.
    public var nested: Int?
    /// Workers, each with a mount and an observer; nil: one for each core.
    public var jobs: Int?

    public init(
        models: [Model] = [], stacks: [Stack] = [], budget: Budget = .time(.seconds(20)),
        seed: UInt64 = 1
    ) {
        self.models = models
        self.stacks = stacks
        self.budget = budget
        self.seed = seed
    }

    package func options(for file: WorkloadFile) throws -> CampaignOptions {
        guard (0...3).contains(nested ?? 0) else {
            throw PerjuryError("`nested` must be from 0 to 3, and not \(nested ?? 0)")
        }
        guard (1...256).contains(jobs ?? 1) else {
            throw PerjuryError("`jobs` must be from 1 to 256, and not \(jobs ?? 1)")
        }
        if case .states(let count) = budget, count < 1 {
            throw PerjuryError("a budget must be of 1 state at least, and not of \(count)")
        }
        var options = CampaignOptions(
            targets: file.targets(
                models: once(models).map(\.rules), stacks: once(stacks).map(\.rules)))
        options.seed = seed
        options.nested = nested ?? file.nested
        options.machinesAtOnce = file.mountsAtOnce
        options.batch = 128
        options.jobs = jobs ?? Processors.allowed.count
        options.budget =
            switch budget {
            case .time(let time): .seconds(Double(time.nanoseconds) / 1e9)
            case .states(let count): .states(count)
            case .unlimited: .unlimited
            }
        return options
    }

    /// What is named twice is explored once.
    private func once<Item: Hashable>(_ items: [Item]) -> [Item] {
        var known: Set<Item> = []
        return items.filter { known.insert($0).inserted }
    }

    var budgetWords: String {
        switch budget {
        case .time(let time): "\(Double(time.nanoseconds) / 1e9) s"
        case .states(let count): "\(count) states"
        case .unlimited: "unlimited"
        }
    }
}
