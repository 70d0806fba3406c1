import FileTree

/// Writes that asked for their own durability (O_SYNC, O_DSYNC, RWF_SYNC, RWF_DSYNC) and whose sync has not come yet.
///
/// The kernel sends such a write(2) as one or more WRITE requests and then one FSYNC, all from the calling thread. Only
/// that FSYNC is bound to the write's range; the thread's next one is a call of the program and covers the file. An
/// entry whose FSYNC got lost (the thread was killed in between) must not meet a later thread of the same number: any
/// other request of the thread drops it.
struct ImpliedSyncs {
    private var pending: [UInt32: (inode: InodeNumber, range: Range<UInt64>)] = [:]

    mutating func note(_ range: Range<UInt64>, of number: InodeNumber, by thread: UInt32) {
        var whole = range
        if let earlier = pending[thread], earlier.inode == number,
            earlier.range.upperBound == range.lowerBound
        {
            // A large write(2) comes in contiguous parts.
            whole = earlier.range.lowerBound..<range.upperBound
        }
        pending[thread] = (number, whole)
    }

    /// The range, in whole pages, that an FSYNC of the thread is bound to; nil when it is a call of the program.
    mutating func take(of number: InodeNumber, by thread: UInt32) -> Range<UInt64>? {
        guard !pending.isEmpty, let found = pending.removeValue(forKey: thread),
            found.inode == number
        else { return nil }
        let page = UInt64(Block.size)
        let low = found.range.lowerBound / page * page
        return low..<Block.indexRoundedUp(found.range.upperBound) * page
    }

    mutating func drop(by thread: UInt32) {
        if !pending.isEmpty { pending[thread] = nil }
    }
}
