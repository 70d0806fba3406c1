import FileTree

/// One entry of the log: what happened, when, by whom. The log's order is the order in which the filesystem did it.
package struct Record: Equatable, Sendable {
    /// Nanoseconds of the monotonic clock since the recording began. For `bounded-loss` and for people; no choice of the
    /// harness depends on it.
    package var time: UInt64
    /// The thread that asked, as the kernel numbers it outside of the workload's namespace; 0 for the kernel's own write-back.
    package var thread: UInt32
    package var event: Event

    package init(time: UInt64 = 0, thread: UInt32 = 0, _ event: Event) {
        self.time = time
        self.thread = thread
        self.event = event
    }

    package enum Event: Equatable, Sendable {
        case operation(Operation)
        /// Bytes that the program wrote to its standard output.
        case mark(Bytes)
        /// What the harness did to a request. It changes nothing, but for files that a failed sync takes back.
        case fault(Fault)
    }
}
