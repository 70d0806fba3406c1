import FileTree
import Recording

/// What a watched mount has besides: it outlives power losses, and is asked of each request.
final class Watch {
    /// The number of the life since the mount began.
    fileprivate(set) var life: UInt64 = 1
    /// How long the kernel may keep names.
    var entrySeconds = cacheSeconds
    /// Asked of each request.
    var interceptor: ((Interception) -> InterceptionVerdict)?
    /// What the interceptor's verdicts need of the loop: waiting for the release.
    var waitForRelease: () -> Void = {}
    /// What faults have left to do.
    var faults: FaultState
    let lateAnswers: LateAnswers
    /// What the kernel is to forget: known before the latest power loss.
    var staleNodes: [UInt64] = []
    /// By what names inodes are known.
    var knownNames = KnownNames()

    init(_ failure: SyncFailure, device: CInt) {
        faults = FaultState(failure)
        lateAnswers = LateAnswers(device: device)
    }

    /// Another life begins.
    ///
    /// - Parameters:
    ///   - known: what the kernel may know something of, by its numbers.
    ///   - isKept: whether an inode is there still, and called the same.
    func beginLife(forgetting known: [UInt64], keeping isKept: (InodeNumber) -> Bool) {
        staleNodes += known
        life += 1
        knownNames.keepOnly(isKept)
        faults.beginLife()
    }
}
