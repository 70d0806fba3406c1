import FileTree
import Recording

import struct SystemPackage.Errno

/// What an injected fault leaves of a request.
enum Injection: Equatable {
    /// All of it.
    case none
    /// A write of at most so many bytes.
    case shortened(Int)
    /// Nothing: it is answered as if it were done.
    case answered
    /// What is read is not what is there.
    case flipped, misplaced
}

/// What faults have left to do on a watched mount.
struct FaultState {
    let failure: SyncFailure
    /// Of the sync at hand; 0: none.
    var handle: UInt64 = 0
    /// How the answer to the request at hand is late.
    var lateness = Lateness()
    private var files: [UInt64: InodeNumber] = [:]
    private var latest: UInt64 = 0
    /// Errors of failed syncs that are still to be reported, by open descriptor.
    private var owed: [UInt64: Errno] = [:]
    /// nil where no failed sync changes files.
    private var unsynced: UnsyncedContents?

    init(_ failure: SyncFailure) {
        self.failure = failure
        unsynced = failure.changesFile ? UnsyncedContents() : nil
    }

    mutating func beginLife() {
        files = [:]
        owed = [:]
        if unsynced != nil { unsynced = UnsyncedContents() }
    }

    mutating func open(_ number: InodeNumber) -> UInt64 {
        latest += 1
        files[latest] = number
        return latest
    }

    mutating func close(_ handle: UInt64) {
        files[handle] = nil
        owed[handle] = nil
    }

    mutating func follow(_ operation: Operation, _ effects: [Effect], in tree: FileTree) {
        unsynced?.follow(operation, effects, in: tree)
    }

    mutating func takeOwed(_ handle: UInt64) -> Errno? {
        owed.isEmpty ? nil : owed.removeValue(forKey: handle)
    }

    /// Every descriptor that is open on the inodes gets the error once: this one now, unless it is told later, the others with
    /// their next sync.
    mutating func fail(_ sync: Sync, _ error: Errno) -> [UnsyncedContents.Undone] {
        for (other, number) in files where sync.concerns(number) {
            if other != handle || failure == .reportedLate { owed[other] = error }
        }
        return unsynced?.fail(sync, failure) ?? []
    }
}

/// Doing what faults say.
extension TreeService {
    func inject(
        _ effect: FaultPlan.Effect, _ kind: OperationKind, _ paths: [String], _ sync: Sync?,
        _ request: inout ReceivedRequest?
    ) throws(Errno) -> Injection {
        var fault = Fault(
            operation: kind.rawValue, effect: "\(effect)", path: paths.first ?? "")
        switch effect {
        case .delay(let nanoseconds, _):
            watch?.faults.lateness.nanoseconds += nanoseconds
            try noteGoingOn(fault, request)
            return .none
        case .shorten(let count):
            guard kind == .write else { return .none }
            try noteGoingOn(fault, request)
            return .shortened(count)
        case .flip:
            try note(fault)
            return .flipped
        case .misplace:
            try note(fault)
            return .misplaced
        case .lie:
            guard sync != nil else { return .none }
            fault.sync = sync
            try note(fault)
            return .answered
        case .fail(let error, _):
            fault.error = error
            guard let sync else {
                request = nil
                try note(fault)
                throw error
            }
            fault.sync = sync
            return try fail(sync, fault, error)
        }
    }

    /// - Parameter request: what is still to be recorded of.
    private func noteGoingOn(
        _ fault: Fault, _ request: borrowing ReceivedRequest?
    ) throws(Errno) {
        switch request {
        case .some(let request): note(fault, behind: request)
        case .none: try note(fault)
        }
    }

    private func fail(_ sync: Sync, _ fault: Fault, _ error: Errno) throws(Errno) -> Injection {
        guard let failure = watch?.faults.failure, error.isOfWriteBack else {
            try note(fault)
            throw error
        }
        var fault = fault
        // Nothing of a directory is data.
        if case .directory = sync {
            try note(fault)
            throw error
        }
        fault.failure = failure
        if failure == .reportedLate { fault.error = nil }
        try note(fault)
        for undone in watch?.faults.fail(sync, error) ?? [] {
            restore(undone)
            watch?.faults.lateness.forgotten.append(node(undone.inode, isDirectory: false))
        }
        if failure == .reportedLate { return .answered }
        throw error
    }

    /// - Throws: the error of a sync that failed earlier, if this descriptor was open then and has not got it.
    func reportOwed(_ sync: Sync, _ handle: UInt64) throws(Errno) {
        guard let error = watch?.faults.takeOwed(handle) else { return }
        try checkChangeable()
        try note(
            Fault(
                operation: OperationKind(.sync(sync)).rawValue,
                effect: "the error of an earlier sync",
                path: sync.inode.map { path(of: $0) } ?? "", error: error, sync: sync))
        throw error
    }
}

extension Errno {
    /// Whether it tells that data could not be written, not that a call could not be made.
    fileprivate var isOfWriteBack: Bool {
        self == .ioError || self == .noSpace || self == Errno(rawValue: 122)
    }
}
