import Campaign

extension LiveCampaign {
    package struct Options: Sendable {
        package var cuts: Int
        package var target: CampaignOptions.Target
        package var seed: UInt64
        /// Folder for the recordings of lives that ended with a violation; made when missing.
        package var out: String
        /// Findings that are looked for, per kind of violation.
        package var findingsPerKind = 2
        /// How many machines may lose their power at once; nil: as many as the workload says.
        package var mountsAtOnce: Int?

        package init(cuts: Int, target: CampaignOptions.Target, seed: UInt64, out: String) {
            self.cuts = cuts
            self.target = target
            self.seed = seed
            self.out = out
        }
    }
}
