// Models and stacks told to a person: what `perjury show` prints.

extension PersistenceModel {
    /// One rule in words, and whether the filesystem makes this promise.
    package struct Sentence: Equatable, Sendable {
        /// Its number in `docs/models.md`, where it has one.
        package let rule: String
        package let text: String
        /// `guaranteed`, `may`, `never`, or the variant that holds.
        package let answer: String
    }

    /// All rules, in the order of `docs/models.md`.
    package var sentences: [Sentence] {
        let sync = rules.sync
        return [
            Sentence(
                "R1", "names, sizes, attributes arrive in the order made", rules.metadataInOrder),
            Sentence("R2", "a rename is one change, not two", rules.renameIsAtomic),
            Sentence("R3", "data and growth join the order of R1", rules.dataInOrder),
            Sentence("R4", "a file never grows over data that is not there", rules.growthNeedsData),
            Sentence(
                "R5", "when a file shrinks, the rest of its last block is zeroed",
                rules.tailZeroing.rawValue),
            Sentence("R6", "an overwrite in place tears at", rules.tearing.rawValue),
            Sentence("R7", "the first write to a new block is whole", rules.newBlocksAreWhole),
            Sentence(
                "R8", "a rename over an existing name waits for the new file's",
                rules.replacementNeeds.rawValue),
            Sentence(
                "", "data needs the zeroing of its range before it", rules.dataNeedsZeroedRange),
            Sentence("", "names and attributes are durable at once", rules.namesAreDurableAtOnce),
            Sentence("", "everything arrives in one order", rules.everythingInOrder),
            Sentence("sync", "fsync of a file covers names", sync.fileNames.words),
            Sentence("sync", "fdatasync covers attributes, too", sync.dataSyncCoversAttributes),
            Sentence(
                "sync", "fdatasync covers names of earlier lives, too", sync.dataSyncCoversNames),
            Sentence(
                "sync", "fsync of any directory covers everything before it",
                sync.anyDirectoryCoversAll),
            Sentence("sync", "what a sync covers pulls what R1 puts before it", sync.closesOrder),
            Sentence("sync", "a sync of anything covers everything before it", sync.coversAll),
        ]
    }
}

extension PersistenceModel.Sentence {
    init(_ rule: String, _ text: String, _ answer: String) {
        self.init(rule: rule, text: text, answer: answer)
    }

    init(_ rule: String, _ text: String, _ guarantee: PersistenceModel.Guarantee) {
        self.init(rule: rule, text: text, answer: guarantee.rawValue)
    }
}

extension PersistenceModel.FileNames {
    var words: String {
        switch self {
        case .none: "none"
        case .own: "of the file, and of the new directories above it"
        case .order: "all that were made before the file's last change"
        }
    }
}

extension Stack {
    /// The five levels between `write()` and a magnetised bit, each with what it does here.
    package var levels: [(level: String, text: String)] {
        let flushes =
            ignoredFlushes == 0
            ? "honest: a flush empties the cache"
            : "lies: the last \(ignoredFlushes) flushes before the power loss were answered and not done"
        return [
            ("1 application buffer", "the program's own; lost when the process dies"),
            ("2 page cache", "lost with the power; a sync moves bytes down"),
            ("3 filesystem", "the persistence model says what a sync covers"),
            ("4 virtualisation, RAID", "passes flushes on"),
            (
                "5 drive cache and media",
                "\(flushes); \(atomicUnit) bytes are written whole or not at all"
            ),
        ]
    }
}
