import Recording

/// Which effects may be lost, reordered or torn when the power goes: the rules of one filesystem, as data.
///
/// Every rule is a promise that the filesystem makes (`guaranteed`), may make (`may`: treated as not made when looking for
/// bugs), or does not make (`never`). Where a model is wrong it must be wrong towards more
/// states: it has to allow every state that a real kernel was seen to leave. `docs/models.md` has the sources.
package struct PersistenceModel: Equatable, Sendable {
    package let name: String
    package let about: String
    package let rules: Rules
    /// The built-in model whose rules it changes, for one that was read from a file.
    package var base: String?

    package init(name: String, about: String, rules: Rules, base: String? = nil) {
        self.name = name
        self.about = about
        self.rules = rules
        self.base = base
    }

    /// Its properties are the rules: one for each row of the table.
    package struct Rules: Equatable, Sendable {
        /// R1: names, sizes set, attributes and whole-block punches reach the storage in the order they were made.
        var metadataInOrder = Guarantee.never
        /// R2: a rename's new name and the end of its old one are one change.
        var renameIsAtomic = Guarantee.never
        /// R3: data and growth join the order of metadata.
        var dataInOrder = Guarantee.never
        /// R3, one way: the commit that stores data stores the metadata made before it.
        var dataBringsMetadata = Guarantee.never
        /// R4: the size never grows over a block whose data has not arrived.
        var growthNeedsData = Guarantee.never
        /// R4, for blocks that had no place yet: the size never grows over a new block whose data has not arrived.
        var growthNeedsNewBlocks = Guarantee.never
        /// R5: when a file shrinks inside a block, the end of that block is zeroed ...
        var tailZeroing = TailZeroing.independent
        /// R6: the smallest part of an overwrite that is whole or absent.
        var tearing = Tearing.deviceUnit
        /// R7: the first write to a new block arrives whole or not at all.
        var newBlocksAreWhole = Guarantee.never
        /// R8: a rename over an existing name waits for this much of the renamed file.
        var replacementNeeds = ReplacementNeeds.nothing
        /// R9: what a lost part of a new block inside the size reads.
        var lostBlocksRead = LostBlocks.zero
        /// Data written over a zeroed range needs the zeroing, as it needs a punched hole (U5).
        var dataNeedsZeroedRange = Guarantee.guaranteed
        /// Names and attributes are durable as soon as they are made.
        var namesAreDurableAtOnce = Guarantee.never
        /// Everything reaches the storage in one order.
        var everythingInOrder = Guarantee.never
        var sync = SyncReach()
        /// When the data that a sync should write cannot be written, ...
        var failedSync = FailedSync.marksClean
    }

    /// What a sync covers besides the data, growth and sizes of the file it names.
    package struct SyncReach: Equatable, Sendable {
        /// The names of the file.
        var fileNames = FileNames.none
        /// fdatasync, too, covers modes, owners, times and extended attributes.
        var dataSyncCoversAttributes = Guarantee.never
        /// fdatasync, too, covers names of the file besides the one it was born with.
        var dataSyncCoversNames = Guarantee.never
        /// A sync of a directory, whichever it is, covers everything before it.
        var anyDirectoryCoversAll = Guarantee.never
        /// What is covered pulls what the order of metadata (R1) puts before it.
        var closesOrder = Guarantee.never
        /// A sync of anything covers everything before it.
        var coversAll = Guarantee.never
        /// fallocate on an O_SYNC or O_DSYNC descriptor stores ...
        var synchronousAllocation = SynchronousAllocation.nothing
    }

    package enum Guarantee: String, Sendable, CaseIterable {
        case guaranteed, may, never

        var holds: Bool { self == .guaranteed }
    }

    package enum TailZeroing: String, Sendable, CaseIterable {
        /// ... independently of the new size.
        case independent
        /// ... never before the size has changed.
        case afterSize = "after the size"
        /// ... together with the change of size.
        case atomic
    }

    package enum Tearing: String, Sendable, CaseIterable {
        /// Overwrites go in place: the device decides.
        case deviceUnit = "device unit"
        /// Blocks are copied or journalled: a block of 4096 bytes is whole.
        case block
    }

    package enum ReplacementNeeds: String, Sendable, CaseIterable {
        case nothing
        /// Its size, not its bytes: a full-length file of zeros may replace the old one, an empty one never.
        case growth
        case data
    }

    package enum SynchronousAllocation: String, Sendable, CaseIterable {
        case nothing
        /// ... the size, where it does no more than allocate.
        case growth
        /// ... its holes and zeroed blocks, too; not zeros inside a block, which are data.
        case metadata
    }

    package enum LostBlocks: String, Sendable, CaseIterable {
        case zero
        /// What the blocks held before, of whatever file.
        case zeroOrStale = "zero or stale"
    }

    package enum FailedSync: String, Sendable, CaseIterable {
        /// ... the sync fails, and the pages count as clean with what they hold: no later sync writes them.
        case marksClean = "marks clean"
        /// ... the same, but it is the next sync that fails: the journal had taken the data.
        case reportsLate = "reports late"
        /// ... the sync fails, and the file goes back to what its last sync stored.
        case reverts
    }

    /// What programs may meet when a sync fails: each is a life of its own.
    package var syncFailures: [SyncFailure] {
        switch rules.failedSync {
        // Where a sync of one file covers another, what is synced of a file is not known by its own syncs alone.
        case .marksClean: rules.sync.coversAll.holds ? [.markedClean] : [.markedClean, .evicted]
        case .reportsLate: [.reportedLate]
        case .reverts: [.reverted]
        }
    }

    package enum FileNames: String, Sendable, CaseIterable {
        case none
        /// Those of the file itself, and of the directories above it made in this life.
        case own
        /// All metadata up to the last change of the file that no commit has stored yet. (A commit that the sync has to make
        /// stores what came later, too; but an earlier one may have left it nothing to do.)
        case order
    }
}
