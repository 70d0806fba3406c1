// Models and stacks told to a person: what `perjury show` prints.

extension PersistenceModel {
    /// One rule in words, and whether the filesystem makes this promise.
    package struct Sentence: Equatable, Sendable {
        /// Its number in `docs/models.md`, where it has one.
        package let rule: String
        package let text: String
        /// `guaranteed`, `may`, `never`, or the variant that holds.
        package let answer: String
        /// Where it is from, in a few words; `docs/models.md` has all of it.
        package let source: String
        /// The suite and rows of `Tests/PowerLossTests` that check it.
        package let check: String
    }

    /// All rules, in the order of `docs/models.md`.
    package var sentences: [Sentence] {
        Self.universal
            + (ordering + content + syncs).map { sentence in
                guard let origin else { return sentence }
                return Sentence(
                    rule: sentence.rule, text: sentence.text, answer: sentence.answer,
                    source: origin,
                    check: Self.generalCheck[name] ?? sentence.check)
            }
    }

    /// Where all of the rules are from, for a model that is no filesystem.
    private var origin: String? {
        switch name {
        case Self.posix.name, Self.posixStale.name:
            "POSIX.1: what fsync, fdatasync and rename leave open"
        case Self.inOrder.name: "by definition"
        case Self.dataOnly.name: "what LazyFS can show"
        default: nil
        }
    }

    private static let generalCheck = [
        posix.name: "Litmus: posix allows what the filesystems allow; Reference",
        posixStale.name: "Stacks: stale",
        inOrder.name: "Litmus: in-order allows prefixes only",
        dataOnly.name: "Litmus: data-only: names are there at once",
    ]

    private static let universal = [
        Sentence(
            "U1", "part of a block needs what was written there before", .guaranteed,
            "page cache; measured", "Litmus durable 8K, N 6000 at 100; Reference"),
        Sentence(
            "U2", "a change of a name needs the one before", .guaranteed, "one entry",
            "Litmus P10, 764"),
        Sentence(
            "U3", "a change of size needs the one before", .guaranteed, "one field",
            "Litmus truncate 16K to 100 to 16K"),
        Sentence(
            "U4", "an old name goes only when the new one is there", .guaranteed,
            "rename(2); xfstests 335, 342; measured", "Litmus P10, P14b, 335, 342"),
        Sentence(
            "U5", "data in a freed block needs what freed it", .guaranteed, "measured",
            "Litmus truncate ..., pwrite 4K at 8K; punch ..., pwrite"),
        Sentence(
            "U6", "directories form no ring; none ends before its names", .guaranteed,
            "xfstests 341, 785", "Storage: no directory stands twice; Litmus 341, 785"),
        Sentence(
            "U7", "a change of an attribute needs the one before", .guaranteed, "one field",
            "Litmus chmod, setxattr, chown"),
    ]

    private var ordering: [Sentence] {
        [
            Sentence(
                "R1", "names, sizes, attributes arrive in the order made", rules.metadataInOrder,
                "journal or transaction; ALICE; measured", "Litmus P9, P13, chmod f, rename g to h"),
            Sentence(
                "R2", "a rename is one change, not two", rules.renameIsAtomic,
                "ALICE; measured", "Litmus P2b, P4b, P14"),
            Sentence(
                "R3", "data and growth join the order of R1", rules.dataInOrder,
                "delayed allocation: ext4.rst, ALICE", "Litmus P9b, P13"),
            Sentence(
                "R3", "data does not arrive before metadata made earlier",
                rules.dataBringsMetadata, "copy on write: one transaction stores both",
                "UniversalRules: Btrfs: an overwrite; Litmus P10, P13"),
            Sentence(
                "", "names and attributes are durable at once", rules.namesAreDurableAtOnce,
                "fsync(2); measured", "Litmus P6, P8, P13"),
            Sentence(
                "", "everything arrives in one order", rules.everythingInOrder, "ALICE; measured",
                "Litmus P7b, P13"),
        ]
    }

    private var content: [Sentence] {
        [
            Sentence(
                "R4", "a file never grows over data that is not there", rules.growthNeedsData,
                "XFS commit ba87ea699ebd; measured", "Litmus P1b, P3"),
            Sentence(
                "R4", "nor over a new block that is not there", rules.growthNeedsNewBlocks,
                "ext4.rst: nodelalloc; measured", "Litmus P1b, P3"),
            Sentence(
                "R9", "lost bytes inside the size read", rules.lostBlocksRead.rawValue,
                "unwritten extents; ext4.rst: data=writeback; measured", "Litmus P1b, P3, P9"),
            Sentence(
                "R5", "when a file shrinks, the rest of its last block is zeroed",
                rules.tailZeroing.rawValue, "measured", "Litmus P5c, truncate 16K to 100 to 16K"),
            Sentence(
                "R6", "an overwrite in place tears at", rules.tearing.words,
                "ALICE; btrfs(5); measured", "Litmus P7, P7b, durable 8K, N 6000 at 100"),
            Sentence(
                "R7", "the first write to a new block is whole", rules.newBlocksAreWhole,
                "unwritten extents: ext4.rst; measured",
                "Litmus a later write into any unit; P12 before"),
            Sentence(
                "R8", "a rename over an existing name waits for the new file's",
                rules.replacementNeeds.rawValue, "ext4.rst, ext4 commit 0e20270454e4; measured",
                "Litmus P2, P4, write a larger tmp"),
            Sentence(
                "", "data needs the zeroing of its range before it", rules.dataNeedsZeroedRange,
                "measured", "Litmus zero 4K..12K, pwrite 4K at 4K"),
        ]
    }

    private var syncs: [Sentence] {
        let sync = rules.sync
        return [
            Sentence(
                "sync", "fsync of a file covers names", sync.fileNames.words,
                "ALICE: safe file flush; xfstests 322, 376; measured",
                "Litmus P1, P6b, P11; SyncReach"),
            Sentence(
                "sync", "fdatasync covers attributes, too", sync.dataSyncCoversAttributes,
                "measured", "Litmus chmod, fdatasync; SyncReach"),
            Sentence(
                "sync", "fdatasync covers later names of the file, too", sync.dataSyncCoversNames,
                "measured", "Litmus rename f to g, fdatasync g; link f to g"),
            Sentence(
                "sync", "fsync of any directory covers everything before it",
                sync.anyDirectoryCoversAll, "ext4_sync_file; measured",
                "SyncReach fsync another clean directory"),
            Sentence(
                "sync", "what a sync covers pulls what R1 puts before it", sync.closesOrder,
                "one journal, or a log tree for each sync; measured",
                "SyncReach; Litmus P9, rename g to h, chmod f, fsync f"),
            Sentence(
                "sync", "a sync of anything covers everything before it", sync.coversAll,
                "measured", "SyncReach overwrite, fdatasync"),
            Sentence(
                "sync", "fallocate on an O_SYNC or O_DSYNC descriptor covers",
                sync.synchronousAllocation.words, "measured", "SyncReach fallocate"),
            Sentence(
                "sync", "when the data cannot be written, a sync", rules.failedSync.words,
                "Rebello et al., ATC '20: CuttleFS, fsyncs.py", "FailedSync"),
        ]
    }
}

extension PersistenceModel.Sentence {
    init(_ rule: String, _ text: String, _ answer: String, _ source: String, _ check: String) {
        self.init(rule: rule, text: text, answer: answer, source: source, check: check)
    }

    init(
        _ rule: String, _ text: String, _ guarantee: PersistenceModel.Guarantee, _ source: String,
        _ check: String
    ) {
        self.init(rule, text, guarantee.rawValue, source, check)
    }
}

extension PersistenceModel.Tearing {
    var words: String {
        switch self {
        case .deviceUnit: "the device's unit"
        case .block: "4096 bytes"
        }
    }
}

extension PersistenceModel.SynchronousAllocation {
    var words: String {
        switch self {
        case .nothing: "nothing"
        case .growth: "the size that mode 0 sets"
        case .metadata: "size, holes and zeroed blocks"
        }
    }
}

extension PersistenceModel.FailedSync {
    var words: String {
        switch self {
        case .marksClean: "fails, and its pages count as clean: no later one writes them"
        case .reportsLate: "succeeds, and the next one fails; the pages count as clean"
        case .reverts: "fails, and the file goes back to its last sync"
        }
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
        [
            ("1 application buffer", "the program's own (stdio); lost when the process dies"),
            ("2 page cache", "survives the process, lost with the kernel; a sync moves bytes down"),
            (
                "3 filesystem",
                "the persistence model says what a sync covers, what is ordered, what is whole"
            ),
            (
                "4 virtualisation, RAID",
                ignoredFlushes == 0
                    ? "honest: passes flushes on"
                    : "passes flushes on (one that swallows them looks the same as level 5's lie)"
            ),
            ("5 drive cache and media", "\(flushWords); \(tearWords)"),
        ]
    }

    private var flushWords: String {
        guard ignoredFlushes > 0 else { return "honest: a flush empties the cache" }
        let which =
            switch ignoredFlushes {
            case 1: "the last of the \(ignores.rawValue)"
            case .max: "all \(ignores.rawValue)"
            default: "the last \(ignoredFlushes) \(ignores.rawValue)"
            }
        return "lies: \(which) before the power loss, answered and not done, "
            + (losesInOrder ? "lost from the end" : "lost in any order")
    }

    private var tearWords: String {
        let unit =
            atomicWrite > 0
            ? "\(atomicWrite) bytes that cross no multiple of it are written whole or not at all, others tear at \(atomicUnit)"
            : "\(atomicUnit) bytes are written whole or not at all"
        switch tears {
        case .clean: return unit
        case .shorn: return unit + "; the rest of what a torn write covers may be zeros or garbage"
        case .neighbours:
            return unit + "; a torn write may turn the rest of its 4096-byte sector into garbage"
        }
    }

    /// What can be promised on it, in words.
    package var permitsWords: String {
        switch permits {
        case .durability: "A store can be durable on it."
        case .prefix:
            "No store can be durable on it, but none has to lose what came before what it keeps: `durable` is judged as `prefix`, and what is lost is counted."
        case .nothing:
            "No store can keep a promise on it: outcomes are counted, unless a workload promises something for it."
        }
    }
}
