// The rules of the persistence models, once. What files and findings write, what `perjury show model` prints and the
// tables of `docs/models.md` are all made from `PersistenceModel.table`; `RuleTableTests` compares it with the fields of
// `Rules`. A test that is about a rule names the rule's key.

extension PersistenceModel {
    /// A rule that each model answers in its own way.
    package struct Rule: Sendable {
        /// `R1`; `sync` for what a sync covers; empty for the rules that only models without a filesystem keep.
        package let number: String
        /// Its name in files, findings and tests.
        package let key: String
        /// What it says. The answer completes the sentence where it is none of guaranteed, may and never.
        package let sentence: String
        /// In a few words; `docs/models.md` has all of it.
        package let source: String
        /// The answers there are, as files write them.
        package let values: [String]
        /// Whether it is answered with guaranteed, may or never.
        let isGuarantee: Bool
        private let answer: @Sendable (Rules) -> any RuleAnswer
        private let assign: @Sendable (RuleFields.Field, inout Rules) throws(RuleFieldError) -> Void

        fileprivate init<Answer: RuleAnswer>(
            _ number: String, _ key: String, _ path: WritableKeyPath<Rules, Answer> & Sendable,
            _ sentence: String, _ source: String
        ) {
            self.number = number
            self.key = key
            self.sentence = sentence
            self.source = source
            values = Answer.allCases.map(\.rawValue.hyphenated)
            isGuarantee = Answer.self == Guarantee.self
            answer = { $0[keyPath: path] }
            assign = { (field, rules) throws(RuleFieldError) in
                rules[keyPath: path] = try field.choice(of: Answer.self)
            }
        }

        /// The answer, as files write it.
        package func value(in rules: Rules) -> String { answer(rules).rawValue.hyphenated }

        /// The answer, for a person.
        package func words(in rules: Rules) -> String { answer(rules).words }

        package func set(_ value: String, in rules: inout Rules) throws(RuleFieldError) {
            try assign(RuleFields.Field(key, value), &rules)
        }
    }

    package static let table = ordering + content + withoutFilesystem + syncs

    private static let ordering = [
        Rule(
            "R1", "metadata-in-order", \.metadataInOrder,
            "names, sizes set, attributes and holes arrive in the order made",
            "journal or transaction; ALICE; measured"),
        Rule(
            "R2", "rename-is-atomic", \.renameIsAtomic, "a rename is one change, not two",
            "ALICE; measured"),
        Rule(
            "R3", "data-in-order", \.dataInOrder, "data and growth join the order of R1",
            "delayed allocation: ext4.rst, ALICE"),
        Rule(
            "R3", "data-brings-metadata", \.dataBringsMetadata,
            "data does not arrive before metadata made earlier",
            "copy on write: one transaction stores both"),
    ]

    private static let content = [
        Rule(
            "R4", "growth-needs-data", \.growthNeedsData,
            "a file never grows over data that is not there", "XFS commit ba87ea699ebd; measured"),
        Rule(
            "R4", "growth-needs-new-blocks", \.growthNeedsNewBlocks,
            "nor over a new block that is not there", "ext4.rst: nodelalloc; measured"),
        Rule(
            "R5", "tail-zeroing", \.tailZeroing,
            "when a file shrinks, the rest of its last block is zeroed", "measured"),
        Rule(
            "R6", "tearing", \.tearing, "an overwrite in place tears at",
            "ALICE; btrfs(5); measured"),
        Rule(
            "R7", "new-blocks-are-whole", \.newBlocksAreWhole,
            "the first write to a new block is whole", "unwritten extents: ext4.rst; measured"),
        Rule(
            "R8", "replacement-needs", \.replacementNeeds,
            "a rename over an existing name waits for the new file's",
            "ext4.rst, ext4 commit 0e20270454e4; measured"),
        Rule(
            "R9", "lost-blocks-read", \.lostBlocksRead, "lost bytes inside the size read",
            "unwritten extents; ext4.rst: data=writeback; measured"),
        Rule(
            "", "data-needs-zeroed-range", \.dataNeedsZeroedRange,
            "data needs the zeroing of its range before it", "measured"),
    ]

    private static let withoutFilesystem = [
        Rule(
            "", "names-are-durable-at-once", \.namesAreDurableAtOnce,
            "names and attributes are durable at once", "fsync(2); measured"),
        Rule(
            "", "everything-in-order", \.everythingInOrder, "everything arrives in one order",
            "ALICE; measured"),
    ]

    private static let syncs = [
        Rule(
            "sync", "fsync-covers-names", \.sync.fileNames, "fsync of a file covers names",
            "ALICE: safe file flush; xfstests 322, 376; measured"),
        Rule(
            "sync", "failed-sync", \.failedSync, "when the data cannot be written, a sync",
            "Rebello et al., ATC '20: CuttleFS, fsyncs.py"),
        Rule(
            "sync", "o-sync-covers-allocation", \.sync.synchronousAllocation,
            "fallocate on an O_SYNC or O_DSYNC descriptor covers", "measured"),
        Rule(
            "sync", "fdatasync-covers-attributes", \.sync.dataSyncCoversAttributes,
            "fdatasync covers attributes, too", "measured"),
        Rule(
            "sync", "fdatasync-covers-names", \.sync.dataSyncCoversNames,
            "fdatasync covers later names of the file, too", "measured"),
        Rule(
            "sync", "directory-sync-covers-all", \.sync.anyDirectoryCoversAll,
            "fsync of any directory covers everything before it", "ext4_sync_file; measured"),
        Rule(
            "sync", "sync-closes-order", \.sync.closesOrder,
            "what a sync covers pulls what R1 puts before it",
            "one journal, or a log tree for each sync; measured"),
        Rule(
            "sync", "sync-covers-all", \.sync.coversAll,
            "a sync of anything covers everything before it", "measured"),
    ]

    /// Where all of the rules are from, for a model that is no filesystem.
    package var origin: String? {
        switch name {
        case Self.posix.name, Self.posixStale.name:
            "POSIX.1: what fsync, fdatasync and rename leave open"
        case Self.inOrder.name: "by definition"
        case Self.dataOnly.name: "what LazyFS can show"
        default: nil
        }
    }
}

/// What holds under every model: without it a state would be no tree, or a sector would hold what nobody wrote.
package struct UniversalRule: Sendable {
    package let number: String
    package let sentence: String
    package let source: String

    private init(_ number: String, _ sentence: String, _ source: String) {
        self.number = number
        self.sentence = sentence
        self.source = source
    }

    package static let table = [
        UniversalRule(
            "U1", "part of a block needs what was written there before", "page cache; measured"),
        UniversalRule(
            "U2", "a change of a name needs the one before", "a directory block is one object"),
        UniversalRule("U3", "a change of size needs the one before", "one field of one inode"),
        UniversalRule(
            "U4", "an old name goes only when the new one is there",
            "rename(2); xfstests 335, 341, 342, 376; measured"),
        UniversalRule("U5", "data in a freed block needs what freed it", "measured"),
        UniversalRule(
            "U6", "directories form no ring; none ends before its names", "xfstests 341, 785"),
        UniversalRule(
            "U7", "a change of an attribute needs the one before", "one field of one inode"),
        UniversalRule(
            "U8", "data that a durable truncation or hole took away stays away", "follows from U5"),
        UniversalRule(
            "U9", "a block that was freed is new again", "its next write is an allocation"),
    ]
}

// MARK: Answers

/// How a rule is answered: `rawValue` with hyphens in files, `words` for a person.
protocol RuleAnswer: RawRepresentable<String>, CaseIterable, Sendable {
    var words: String { get }
}

extension RuleAnswer {
    var words: String { rawValue }
}

extension PersistenceModel.Guarantee: RuleAnswer {}
extension PersistenceModel.TailZeroing: RuleAnswer {}
extension PersistenceModel.ReplacementNeeds: RuleAnswer {}
extension PersistenceModel.LostBlocks: RuleAnswer {}

extension PersistenceModel.Tearing: RuleAnswer {
    var words: String {
        switch self {
        case .deviceUnit: "the device's unit"
        case .block: "4096 bytes"
        }
    }
}

extension PersistenceModel.SynchronousAllocation: RuleAnswer {
    var words: String {
        switch self {
        case .nothing: "nothing"
        case .growth: "the size that mode 0 sets"
        case .metadata: "size, holes and zeroed blocks"
        }
    }
}

extension PersistenceModel.FailedSync: RuleAnswer {
    var words: String {
        switch self {
        case .marksClean: "fails, and its pages count as clean: no later one writes them"
        case .reportsLate: "succeeds, and the next one fails; the pages count as clean"
        case .reverts: "fails, and the file goes back to its last sync"
        }
    }
}

extension PersistenceModel.FileNames: RuleAnswer {
    var words: String {
        switch self {
        case .none: "none"
        case .own: "of the file, and of the new directories above it"
        case .order: "all that were made before the file's last change"
        }
    }
}
