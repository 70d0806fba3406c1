// The models that are built in. `docs/models.md` has the source of each rule.

extension PersistenceModel {
    package static func named(_ name: String) -> PersistenceModel? {
        all.first { $0.name == name }
    }

    /// By name; the portable promise first.
    package static let all = [
        posix, posixStale, ext4Ordered, ext4NoAutoDaAlloc, ext4NoDelayedAllocation, ext4Writeback,
        ext4Journal, xfs, btrfs, inOrder, dataOnly,
    ]

    package static let posix = PersistenceModel(
        name: "posix",
        about:
            "the least that POSIX promises: fsync covers one object, a name needs its directory's fsync",
        rules: Rules(dataNeedsZeroedRange: .never))

    package static let posixStale = posix.changed(
        "posix-stale", "as posix, and new blocks may show what they held before"
    ) { $0.lostBlocksRead = .zeroOrStale }

    package static let ext4Ordered = PersistenceModel(
        name: "ext4-ordered", about: "ext4 as mounted by default: data=ordered, delayed allocation",
        rules: Rules(
            metadataInOrder: .guaranteed, renameIsAtomic: .guaranteed,
            newBlocksAreWhole: .guaranteed, replacementNeeds: .growth, dataNeedsZeroedRange: .never,
            sync: SyncReach(
                fileNames: .order, anyDirectoryCoversAll: .guaranteed, closesOrder: .guaranteed,
                synchronousAllocation: .growth)))

    package static let ext4NoAutoDaAlloc = ext4Ordered.changed(
        "ext4-noauto-da-alloc", "ext4 with noauto_da_alloc: a replacing rename waits for nothing"
    ) { $0.replacementNeeds = .nothing }

    package static let ext4NoDelayedAllocation = ext4Ordered.changed(
        "ext4-nodelalloc", "ext4 with nodelalloc: blocks get their place when they are written"
    ) {
        $0.growthNeedsNewBlocks = .guaranteed
        $0.replacementNeeds = .data
    }

    package static let ext4Writeback = ext4Ordered.changed(
        "ext4-writeback", "ext4 with data=writeback: a commit waits for no data"
    ) {
        $0.newBlocksAreWhole = .never
        $0.lostBlocksRead = .zeroOrStale
    }

    package static let ext4Journal = ext4Ordered.changed(
        "ext4-journal", "ext4 with data=journal: data goes through the journal, too"
    ) {
        $0.dataInOrder = .guaranteed
        $0.growthNeedsData = .guaranteed
        $0.tearing = .block
        $0.replacementNeeds = .nothing
        $0.failedSync = .reportsLate
    }

    package static let xfs = PersistenceModel(
        name: "xfs", about: "XFS with its default mount options",
        rules: Rules(
            metadataInOrder: .guaranteed, renameIsAtomic: .guaranteed, growthNeedsData: .guaranteed,
            newBlocksAreWhole: .guaranteed,
            sync: SyncReach(
                fileNames: .order, dataSyncCoversAttributes: .guaranteed,
                dataSyncCoversNames: .guaranteed, closesOrder: .guaranteed,
                synchronousAllocation: .metadata)))

    package static let btrfs = PersistenceModel(
        name: "btrfs", about: "Btrfs with its default mount options (copy on write, log tree)",
        rules: Rules(
            metadataInOrder: .guaranteed, dataBringsMetadata: .guaranteed,
            growthNeedsData: .guaranteed, tailZeroing: .afterSize, tearing: .block,
            newBlocksAreWhole: .guaranteed,
            sync: SyncReach(
                fileNames: .own, dataSyncCoversAttributes: .guaranteed,
                dataSyncCoversNames: .guaranteed),
            failedSync: .reverts))

    package static let inOrder = PersistenceModel(
        name: "in-order", about: "everything arrives in the order it was made; only a tail is lost",
        rules: Rules(
            metadataInOrder: .guaranteed, renameIsAtomic: .guaranteed, dataInOrder: .guaranteed,
            growthNeedsData: .guaranteed, tailZeroing: .atomic, newBlocksAreWhole: .guaranteed,
            everythingInOrder: .guaranteed,
            sync: SyncReach(coversAll: .guaranteed, synchronousAllocation: .metadata)))

    package static let dataOnly = PersistenceModel(
        name: "data-only",
        about: "names survive at once, data only by a sync: what LazyFS can show",
        rules: Rules(
            renameIsAtomic: .guaranteed, tailZeroing: .atomic, tearing: .block,
            newBlocksAreWhole: .guaranteed, namesAreDurableAtOnce: .guaranteed))

    private func changed(
        _ name: String, _ about: String, _ change: (inout Rules) -> Void
    ) -> PersistenceModel {
        var rules = rules
        change(&rules)
        return PersistenceModel(name: name, about: about, rules: rules)
    }
}
