import Campaign
import Oracles
import PowerLoss
import Synchronization
import Testing

/// What a campaign does in its time.
@Suite("Planning in time")
struct PlanningTests {
    /// A clock that goes on when it is told to.
    final class ToyClock: Sendable {
        private let seconds = Mutex(0.0)
        var now: Double { seconds.withLock { $0 } }
        func pass(_ more: Double) { seconds.withLock { $0 += more } }
    }

    /// Files that come to be in one directory, and one sync at the end.
    private static func manyFiles(_ count: Int, syncsEach: Bool) -> ToySubject {
        ToySubject(
            life: { disk in
                try disk.say("@begin t1")
                for number in 1...count {
                    try disk.create("f\(number)")
                    try disk.write("f\(number)", "x")
                    if syncsEach { try disk.sync("f\(number)") }
                }
                try disk.syncDirectory()
                try disk.say("@ack t1")
            }, recovery: { disk in if disk.exists("f\(count)") { try disk.say("@saw t1") } })
    }

    @Test(
        "nothing before the first state costs more than the log is long",
        .timeLimit(.minutes(1)), arguments: [false, true])
    func many(syncsEach: Bool) {
        let toy = Self.manyFiles(60_000, syncsEach: syncsEach)

        let report = explore(toy, ["posix", "ext4-ordered", "posix/lying-flush"]) {
            $0.budget = .states(3)
        }

        #expect(report.models.map(\.statesPlanned) == [1, 1, 1], "\(report.inconclusive ?? "")")
    }

    @Test("no observation begins when the time is up, though more states were planned")
    func slowObserver() {
        var toy = Toys.log(30)
        let clock = ToyClock()
        let read = toy.recovery
        toy.recovery = { disk in
            clock.pass(7)
            try read(disk)
        }
        var options = CampaignOptions(targets: [Target("posix")])
        options.budget = .seconds(20)

        let report = Campaign(toy, options: options, clock: { clock.now }).run()

        let model = report.models[0]
        // Of the two that the control takes, none counts.
        #expect(clock.now == 14 + 21)
        #expect(model.statesObserved == 3)
        // With the two trees of the control.
        #expect(model.statesDistinct <= 5)
        #expect(!model.exhaustive)
    }

    @Test("a campaign that is cancelled begins no more observations")
    func cancelled() {
        var toy = Toys.log(30)
        let read = toy.recovery
        let count = Counter()
        toy.recovery = { disk in
            count.add()
            try read(disk)
        }
        var campaign = campaign(toy, ["posix"])
        campaign.isCancelled = { count.value >= 5 }

        let report = campaign.run()

        #expect(count.value == 5)
        #expect(report.models[0].statesObserved == 3)
    }

    final class Counter: Sendable {
        private let count = Atomic(0)
        var value: Int { count.load(ordering: .relaxed) }
        func add() { count.wrappingAdd(1, ordering: .relaxed) }
    }
}
