import Campaign

extension Advice {
    /// One sentence or two, without a full stop.
    package var words: String {
        switch self {
        case .syncs(let syncs): syncs.map(\.words).joined(separator: "; ")
        case .write(nil):
            "write it before acknowledging it: until then it had not left the program"
        case .write(let mapped?):
            "write it, or msync the mapping of \(mapped), before acknowledging it"
        case .afterFailedSync(let record):
            "the sync at #\(record) failed, and a later one that succeeds says nothing of what it should have written: stop there, "
                + "or write it anew before acknowledging, and let recovery trust no page that may be in the cache alone"
        case .ignoredSync(let sync, let step, let stack):
            "sync #\(sync) covered \(step.inPassing), and \(stack) did not do it: "
                + "no sync helps, recovery must be able to tell that it is missing \(Self.ways)"
        case .noSync(let step):
            "no sync was found that mends it: recovery must be able to tell that \(step.inPassing) "
                + "is missing \(Self.ways)"
        case .tooLate(let step):
            "no sync is in time for \(step.inPassing): "
                + "recovery must be able to tell that it is missing \(Self.ways)"
        case .sharedSector(let record, let path):
            "#\(record) shares a sector of \(path) with what was there before, and a power loss can damage all of it: "
                + "write to a sector of its own what must not harm what is there"
        case .endOfLog(let record, let path):
            "#\(record) adds to the end of \(path), and no sync is in time for it: "
                + "recovery must take an invalid last record for the end of the log"
        case .newPart(let record, let path):
            "#\(record) writes to a new part of \(path), and no sync is in time for it: "
                + "write what refers to it after a sync of it, or let recovery tell that it is missing \(Self.ways)"
        case .inPlace(let record, let path):
            "#\(record) overwrites \(path) in place, and a power loss can leave it half done: "
                + "write it elsewhere first (a journal or a copy, synced)"
        case .recovery(let findsLess, let step):
            (step == nil ? "nothing need be lost: " : "")
                + "recovery itself changes what it finds, and the next one "
                + (findsLess ? "finds less" : "misreads it")
                + (step.map { "; it does so when \($0.inPassing) is not wholly there" } ?? "")
        case .misread: "nothing need be lost: recovery misreads a complete tree"
        case .dirtyPage(let page, let next):
            "the kernel may write the page of \(page.inPassing) at any time, so without \(next.inPassing), too: "
                + "store into it only when that is durable"
        case .order(let last, let next):
            "nothing need be lost: the program's end after \(last.inPassing) and before "
                + "\(next.inPassing) is enough; the order of these steps, or recovery from between them, is at fault"
        case .stepHadFailed: "acknowledge nothing of which a step has failed"
        case .replaceWhenWhole:
            "keep what was acknowledged until what is to replace it is there wholly: write that elsewhere, and put it "
                + "in place when every step has succeeded"
        }
    }

    /// How recovery can tell that something is missing.
    private static let ways = "(a journal, a checksum, a copy)"
}

extension MissingSync {
    /// `fsync log after #3 and before acknowledging t1`
    fileprivate var words: String {
        let what =
            switch of {
            case .file(let path): path
            case .directory(""): "the directory of the data (.)"
            case .directory(let path): "the directory \(path)/"
            }
        let moment =
            switch before {
            case .acknowledging(let name): "acknowledging \(name)"
            case .output(let record): "the output at #\(record)"
            case .step(let step): step.inPassing
            }
        return "fsync \(what) after #\(after) and before \(moment)"
    }
}
