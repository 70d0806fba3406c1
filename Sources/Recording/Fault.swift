import FileTree

import struct SystemPackage.Errno

/// Something that the harness did to one request and that the program could see, or a sync that it answered and did not do.
package struct Fault: Equatable, Sendable {
    /// What was asked, in one word: `fdatasync`, `write`.
    package var operation: String
    /// What was done to it, in words: `EIO`, `short 512`, `20ms`, `lie`.
    package var effect: String
    /// Below the mount's root; empty for what concerns no file, and for the root.
    package var path: String
    /// What the program was told; nil where it was told of success.
    package var error: Errno?
    /// Of a sync: what it asked for. It was not done.
    package var sync: Sync?
    /// What became of the data that the sync should have written; nil: it is as dirty as before.
    package var failure: SyncFailure?
    /// Whose clean pages left the page cache; nil where none did. It concerns no request.
    package var eviction: Eviction?

    package init(
        operation: String, effect: String, path: String, error: Errno? = nil, sync: Sync? = nil,
        failure: SyncFailure? = nil, eviction: Eviction? = nil
    ) {
        self.operation = operation
        self.effect = effect
        self.path = path
        self.error = error
        self.sync = sync
        self.failure = failure
        self.eviction = eviction
    }
}

/// Clean pages that leave the page cache: what a failed sync left in them is nowhere any more. `CleanPages` follows what that is.
package enum Eviction: Equatable, Sendable {
    case everything
    case file(InodeNumber)

    package func concerns(_ number: InodeNumber) -> Bool {
        switch self {
        case .everything: true
        case .file(let asked): asked == number
        }
    }
}

/// What a filesystem does with the pages of a file whose sync failed. `docs/models.md`, "When a sync fails".
///
/// - Source: Rebello et al., "Can Applications Recover from fsync Failures?", ATC '20, and its CuttleFS, `fsyncs.py`.
package enum SyncFailure: UInt8, Sendable, CaseIterable {
    /// They keep the new bytes and count as clean: a later sync does not write them.
    case markedClean = 1
    /// As `markedClean`, and the page cache drops them at once: the program reads what the storage holds.
    case evicted = 2
    /// As `markedClean`, and the sync is answered with success: the next one through each open descriptor gets the error.
    case reportedLate = 3
    /// They are dropped, and the file goes back to the content, size and time of its last successful sync.
    case reverted = 4

    /// What it is called in reports and files.
    package var name: String {
        switch self {
        case .markedClean: "marked-clean"
        case .evicted: "evicted"
        case .reportedLate: "reported-late"
        case .reverted: "reverted"
        }
    }

    /// What the program does not see any more of what it wrote to a file since its last sync.
    ///
    /// - Parameter range: the bytes that the sync was about; nil: all of the file.
    func drops(_ change: Effect.Change, in range: Range<UInt64>?) -> Bool {
        switch (self, change) {
        case (.evicted, .data(let block, _, _)), (.evicted, .zero(let block, _)):
            range.map { Block.overlaps($0, block) } ?? true
        case (.reverted, .data), (.reverted, .zero), (.reverted, .punch), (.reverted, .grow),
            (.reverted, .setSize):
            true
        default: false
        }
    }

    /// Whether the live file changes.
    package var changesFile: Bool { self == .evicted || self == .reverted }
}

extension Sync {
    /// Whether the data of this inode is what it asks for.
    package func concerns(_ number: InodeNumber) -> Bool {
        switch self {
        case .file(let asked, _), .range(let asked, _, _): asked == number
        case .directory, .allocation: false
        case .everything: true
        }
    }

    /// The inode it names; nil for everything.
    package var inode: InodeNumber? {
        switch self {
        case .file(let number, _), .range(let number, _, _), .directory(let number, _),
            .allocation(let number, _):
            number
        case .everything: nil
        }
    }

    /// The bytes it is limited to; nil: all of the file.
    package var range: Range<UInt64>? {
        if case .range(_, let range, _) = self { return range }
        return nil
    }
}

extension Block {
    /// Whether any byte of the block lies in the range.
    package static func overlaps(_ range: Range<UInt64>, _ block: UInt64) -> Bool {
        let start = block * UInt64(size)
        return start < range.upperBound && range.lowerBound < start + UInt64(size)
    }
}
