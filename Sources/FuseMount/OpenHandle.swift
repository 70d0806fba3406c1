import FileTree
import Glibc

/// What the kernel says with each request on an open descriptor (`fh`): which one it is, on a mount with faults, and whether
/// it was opened to write synchronously. For writes the kernel tells that itself; for fallocate and copy_file_range it does
/// not, and sends no FSYNC after them.
struct OpenHandle {
    /// Of the open descriptor; 0 where nobody asks.
    let number: UInt64
    private let synchronous: Synchronous

    private enum Synchronous: UInt64 {
        case no = 0
        case dataOnly = 1
        case full = 2
    }

    /// - Parameter flags: of open(2).
    init(number: UInt64, flags: Int32) {
        self.number = number
        synchronous = flags & O_SYNC == O_SYNC ? .full : flags & O_DSYNC != 0 ? .dataOnly : .no
    }

    init(rawValue: UInt64) {
        number = rawValue & (1 << 62 - 1)
        synchronous = Synchronous(rawValue: rawValue >> 62) ?? .no
    }

    var rawValue: UInt64 { number | synchronous.rawValue << 62 }

    /// Whether a change through it is to be synced, as fdatasync does or as fsync does; nil where it is not.
    var syncsDataOnly: Bool? {
        switch synchronous {
        case .no: nil
        case .dataOnly: true
        case .full: false
        }
    }
}
