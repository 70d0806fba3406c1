import Stage

/// How workloads are run on this machine.
package struct RunnerOptions: Sendable {
    /// Folder for recordings; made when missing.
    package var out: String
    package var seed: UInt64
    /// How many lives the store has had before: `PERJURY_LIFE`.
    package var life = 0
    /// A descriptor that becomes readable when a person interrupts; programs that run then are ended.
    package var interrupt: CInt?
    /// What is made to fail while programs run, besides what the workload itself asks for.
    package var faults = FaultRequests()

    /// Where lives are lived; nil: the best stage that can be had here.
    package var stage: StageKind?

    /// Reports that the harness writes, beside what is in `out`.
    package var reports: [String] = []

    /// What in a workload's folder is not the workload's.
    var ownFiles: [String] { [out] + reports }

    package init(out: String, seed: UInt64 = 1, interrupt: CInt? = nil) {
        self.out = out
        self.seed = seed
        self.interrupt = interrupt
    }
}
