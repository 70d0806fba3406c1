/// Which effects may be lost, reordered or torn when the power goes: the rules of one filesystem, as data.
///
/// Every rule is a promise that the filesystem makes (`guaranteed`), may make (`may`: treated as not made when looking for
/// bugs, and named in a finding), or does not make (`never`). Where a model is wrong it must be wrong towards more
/// states: it has to allow every state that a real kernel was seen to leave. `docs/models.md` has the sources.
package struct PersistenceModel: Equatable, Sendable {
    package let name: String
    package let about: String
    package let rules: Rules

    package struct Rules: Equatable, Sendable {
        /// R1: names, sizes set, attributes and whole-block punches reach the storage in the order they were made.
        var metadataInOrder = Guarantee.never
        /// R2: a rename's new name and the end of its old one are one change.
        var renameIsAtomic = Guarantee.never
        /// R3: data and growth join the order of metadata.
        var dataInOrder = Guarantee.never
        /// R4: the size never grows over a block whose data has not arrived.
        var growthNeedsData = Guarantee.never
        /// R5: when a file shrinks inside a block, the end of that block is zeroed ...
        var tailZeroing = TailZeroing.independent
        /// R6: the smallest part of an overwrite that is whole or absent.
        var tearing = Tearing.deviceUnit
        /// R7: the first write to a new block arrives whole or not at all.
        var newBlocksAreWhole = Guarantee.never
        /// R8: a rename over an existing name waits for this much of the renamed file.
        var replacementNeeds = ReplacementNeeds.nothing
        /// Data written over a zeroed range needs the zeroing, as it needs a punched hole (U5).
        var dataNeedsZeroedRange = Guarantee.guaranteed
        /// Names and attributes are durable as soon as they are made.
        var namesAreDurableAtOnce = Guarantee.never
        /// Everything reaches the storage in one order.
        var everythingInOrder = Guarantee.never
        var sync = SyncReach()
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
    }

    package enum Guarantee: String, Sendable {
        case guaranteed, may, never

        var holds: Bool { self == .guaranteed }
    }

    package enum TailZeroing: String, Sendable {
        /// ... independently of the new size.
        case independent
        /// ... never before the size has changed.
        case afterSize = "after the size"
        /// ... together with the change of size.
        case atomic
    }

    package enum Tearing: String, Sendable {
        /// Overwrites go in place: the device decides.
        case deviceUnit = "the device's unit"
        /// Blocks are copied or journalled: a block of 4096 bytes is whole.
        case block = "4096 bytes"
    }

    package enum ReplacementNeeds: String, Sendable {
        case nothing
        /// Its size, not its bytes: a full-length file of zeros may replace the old one, an empty one never.
        case growth
        case data
    }

    package enum FileNames: String, Sendable {
        case none
        /// Those of the file itself, and of the directories above it made in this life.
        case own
        /// All metadata up to the last change of the file that no commit has stored yet. (A commit that the sync has to make
        /// stores what came later, too; but an earlier one may have left it nothing to do.)
        case order
    }

    package static func named(_ name: String) -> PersistenceModel? {
        all.first { $0.name == name }
    }

    /// By name; the portable promise first.
    package static let all = [posix, ext4Ordered, xfs, btrfs, inOrder, dataOnly]

    package static let posix = PersistenceModel(
        name: "posix",
        about:
            "the least that POSIX promises: fsync covers one object, a name needs its directory's fsync",
        rules: Rules(dataNeedsZeroedRange: .never))

    package static let ext4Ordered = PersistenceModel(
        name: "ext4-ordered", about: "ext4 as mounted by default: data=ordered, delayed allocation",
        rules: Rules(
            metadataInOrder: .guaranteed, renameIsAtomic: .guaranteed,
            newBlocksAreWhole: .guaranteed, replacementNeeds: .growth, dataNeedsZeroedRange: .never,
            sync: SyncReach(
                fileNames: .order, anyDirectoryCoversAll: .guaranteed, closesOrder: .guaranteed)))

    package static let xfs = PersistenceModel(
        name: "xfs", about: "XFS with its default mount options",
        rules: Rules(
            metadataInOrder: .guaranteed, renameIsAtomic: .guaranteed, growthNeedsData: .guaranteed,
            newBlocksAreWhole: .guaranteed,
            sync: SyncReach(
                fileNames: .order, dataSyncCoversAttributes: .guaranteed,
                dataSyncCoversNames: .guaranteed, closesOrder: .guaranteed)))

    package static let btrfs = PersistenceModel(
        name: "btrfs", about: "Btrfs with its default mount options (copy on write, log tree)",
        rules: Rules(
            metadataInOrder: .guaranteed, growthNeedsData: .guaranteed, tailZeroing: .afterSize,
            tearing: .block, newBlocksAreWhole: .guaranteed,
            sync: SyncReach(
                fileNames: .own, dataSyncCoversAttributes: .guaranteed,
                dataSyncCoversNames: .guaranteed)))

    package static let inOrder = PersistenceModel(
        name: "in-order", about: "everything arrives in the order it was made; only a tail is lost",
        rules: Rules(
            metadataInOrder: .guaranteed, renameIsAtomic: .guaranteed, dataInOrder: .guaranteed,
            growthNeedsData: .guaranteed, tailZeroing: .atomic, newBlocksAreWhole: .guaranteed,
            everythingInOrder: .guaranteed, sync: SyncReach(coversAll: .guaranteed)))

    package static let dataOnly = PersistenceModel(
        name: "data-only",
        about: "names survive at once, data only by a sync: what LazyFS can show",
        rules: Rules(
            renameIsAtomic: .guaranteed, tailZeroing: .atomic, tearing: .block,
            newBlocksAreWhole: .guaranteed, namesAreDurableAtOnce: .guaranteed))
}
