import PowerLoss

/// What would mend a finding.
package enum Advice: Hashable, Sendable {
    // MARK: A sync of the program's

    /// Each of them, as was tried.
    case syncs([MissingSync])
    /// What was acknowledged had not left the program, or was in a mapping of this path alone.
    case write(mapped: String?)
    /// A sync had failed at this record, and nothing can be told of what it should have stored.
    case afterFailedSync(Int)

    // MARK: No sync helps

    /// The sync at a record covered a step, and the stack did not do it.
    case ignoredSync(Int, Step, stack: String)
    /// Syncs were tried, and none mends the loss of this.
    case noSync(Step)
    /// No sync can be in time for this.
    case tooLate(Step)
    /// The write at a record shares a sector of this path with what was there.
    case sharedSector(record: Int, path: String)
    /// It adds to the end of a log.
    case endOfLog(record: Int, path: String)
    /// It writes where nothing was.
    case newPart(record: Int, path: String)
    case inPlace(record: Int, path: String)

    // MARK: Nothing need be lost

    /// Recovery changes what it finds, so that the next one does not find the same.
    case recovery(findsLess: Bool, unlessWhole: Step?)
    /// Recovery misreads a complete tree.
    case misread
    /// The kernel may write a dirty page without what comes next.
    case dirtyPage(Step, without: Step)
    /// The end of the program between two steps is enough.
    case order(after: Step, before: Step)

    // MARK: An injected fault is enough

    /// What was acknowledged later is gone.
    case stepHadFailed
    /// What was acknowledged before is gone.
    case replaceWhenWhole
}

/// A sync that mends a finding, and when it is to be done.
package struct MissingSync: Hashable, Sendable {
    package let of: What
    /// The record after which it is done.
    package let after: Int
    package let before: Moment

    package init(of: What, after: Int, before: Moment) {
        self.of = of
        self.after = after
        self.before = before
    }

    package enum What: Hashable, Sendable {
        case file(String)
        /// Its path; empty for the root of the data.
        case directory(String)
    }

    package enum Moment: Hashable, Sendable {
        case acknowledging(String)
        /// What a program printed, at this record.
        case output(Int)
        case step(Step)
    }
}
