import Basics
import FileTree
import Glibc

import struct SystemPackage.Errno

/// Appends records to an arena; single-threaded, owned by the loop of one mount.
///
/// The arena is the file, byte for byte: a header of 64 bytes, then the records of the base tree, then those of the run.
/// A kill of the harness loses nothing that was appended.
package final class RecordingWriter {
    package let arena: Arena
    /// Where the next record's header goes; 16-byte aligned.
    private var cursor: Int
    private let nonce: UInt64
    private var sequence: UInt64 = 0
    /// Offsets of the run's records.
    package private(set) var offsets: ContiguousArray<Int> = []
    private var notes: [String: [UInt8]] = [:]
    /// What is to be appended behind the request at hand.
    private var waiting: [(event: Record.Event, thread: UInt32)] = []
    private let base: FileTree
    private let start: UInt64

    /// - Parameters:
    ///   - arena: empty.
    ///   - base: the tree the run begins on. It is written to the file when `storesBase`; a recording without it can be
    ///     explored only in this process.
    ///   - nonce: seeds this file's header hashes, so that a recording that is payload of another is not mistaken for it.
    package init(
        arena: Arena, base: FileTree, storesBase: Bool, nonce: UInt64 = .random(in: 1...UInt64.max)
    ) throws(Errno) {
        self.arena = arena
        self.base = base
        self.nonce = nonce
        cursor = RecordingFormat.headerSize
        start = MonotonicClock.nanoseconds
        try arena.ensure(RecordingFormat.headerSize)
        RecordingFormat.storeHeader(
            at: arena.base, nonce: nonce, flags: storesBase ? RecordingFormat.storesBase : 0)
        if storesBase { try appendBase() }
    }

    /// Nanoseconds of the monotonic clock since the recording began.
    package var elapsed: UInt64 { MonotonicClock.nanoseconds - start }

    /// Makes room for a request of up to `length` bytes where the next record goes.
    package func space(_ length: Int) throws(Errno) -> ReceivedRequest {
        try appendWaiting()
        try arena.ensure(cursor + length)
        return ReceivedRequest(at: arena.base + cursor, space: length)
    }

    /// Appends a write or a mark whose bytes are those at the request's payload, and what waits to be recorded behind it.
    ///
    /// - Precondition: nothing was appended since the request was received.
    /// - Throws: when what waits cannot be appended; the write or mark was.
    package func append(
        _ request: consuming ReceivedRequest, as event: Record.Event, thread: UInt32
    ) throws(Errno) {
        let (header, payload) = RecordHeader.encode(event)
        guard request.start == arena.base + cursor, case .bytes(let bytes) = payload,
            bytes.start == UnsafeRawPointer(request.payload)
        else { preconditionFailure("a record took the place of the request that it was to be of") }
        var own = header
        own.thread = thread
        append(&own, payloadLength: bytes.count)
        try appendWaiting()
    }

    /// Keeps an event to be appended as soon as the request has been, or has been let go.
    package func append(
        _ event: Record.Event, behind request: borrowing ReceivedRequest, thread: UInt32
    ) {
        waiting.append((event, thread))
    }

    private func appendWaiting() throws(Errno) {
        guard !waiting.isEmpty else { return }
        let events = waiting
        waiting = []
        for (event, thread) in events { try append(event, thread: thread) }
    }

    /// How long the recording is so far, in bytes: where the next record begins.
    package var end: Int { cursor }

    private var payloadAddress: UnsafeMutableRawPointer { arena.base + cursor + RecordHeader.size }

    /// Appends any event; its payload is copied.
    ///
    /// - Throws: ENOSPC when the recording's file cannot grow. Nothing was appended then.
    package func append(_ event: Record.Event, thread: UInt32 = 0) throws(Errno) {
        try append(event, thread: thread, flags: 0)
    }

    /// Appends something to know about the recording; a later note of the same key takes the place of an earlier one.
    ///
    /// - Parameter key: at most 255 bytes.
    package func note(_ key: String, _ value: [UInt8]) throws(Errno) {
        let payload = Array(key.utf8) + value
        try arena.ensure(cursor + RecordHeader.size + payload.count)
        payload.withUnsafeBytes {
            payloadAddress.copyMemory(from: $0.baseAddress!, byteCount: $0.count)
        }
        var header = RecordHeader(.note)
        header.nameLength = UInt16(key.utf8.count)
        header.flags = RecordHeader.baseFlag
        append(&header, payloadLength: payload.count)
        notes[key] = value
    }

    /// Appends a record of another recording as it is there, time and thread included.
    package func append(copying record: Record) throws(Errno) {
        try append(record.event, thread: record.thread, flags: 0, time: record.time)
    }

    private func append(
        _ event: Record.Event, thread: UInt32, flags: UInt8, time: UInt64? = nil
    ) throws(Errno) {
        var (header, payload) = RecordHeader.encode(event)
        header.thread = thread
        header.flags |= flags
        let source: UnsafeRawBufferPointer
        switch payload {
        case .none: source = UnsafeRawBufferPointer(start: nil, count: 0)
        case .bytes(let bytes): source = bytes.buffer
        case .array(let array):
            try arena.ensure(cursor + RecordHeader.size + array.count)
            let destination = UnsafeMutableRawBufferPointer(
                start: payloadAddress, count: array.count)
            array.withUnsafeBytes { destination.copyMemory(from: $0) }
            append(&header, payloadLength: array.count, time: time)
            return
        }
        try arena.ensure(cursor + RecordHeader.size + source.count)
        if source.count > 0 { memmove(payloadAddress, source.baseAddress!, source.count) }
        append(&header, payloadLength: source.count, time: time)
    }

    private func append(_ header: inout RecordHeader, payloadLength: Int, time: UInt64? = nil) {
        header.payloadLength = UInt32(payloadLength)
        header.sequence = sequence
        header.time = time ?? elapsed
        header.store(at: arena.base + cursor, nonce: nonce)
        if header.flags & RecordHeader.baseFlag == 0 { offsets.append(cursor) }
        sequence += 1
        cursor = RecordHeader.next(after: cursor, payloadLength: payloadLength)
    }

    // MARK: Base

    private func appendBase() throws(Errno) {
        var failure: Errno?
        var seen: Set<InodeNumber> = [.root]
        func add(_ operation: Operation) {
            guard failure == nil else { return }
            do throws(Errno) {
                try append(.operation(operation), thread: 0, flags: RecordHeader.baseFlag)
            } catch {
                failure = error
            }
        }
        base.visit { visited in
            guard let name = visited.path.last, let inode = base[visited.inode] else { return }
            let entry = DirectoryEntry(visited.directory, name)
            guard seen.insert(visited.inode).inserted else {
                return add(.link(visited.inode, at: entry))
            }
            add(.create(visited.inode, at: entry, inode.asNew))
            addContent(visited.inode, inode, add)
            if inode.kind != .directory { addAttributes(visited.inode, inode, add) }
        }
        // At the end, since each new name changes its directory's time.
        base.visit { visited in
            guard let inode = base[visited.inode], inode.kind == .directory else { return }
            addAttributes(visited.inode, inode, add)
        }
        add(.sync(.everything))
        if let failure { throw failure }
    }

    private func addContent(_ number: InodeNumber, _ inode: Inode, _ add: (Operation) -> Void) {
        guard inode.kind == .regular else { return }
        let size = inode.content.size
        inode.content.forEachBlock { block in
            let first = block * UInt64(Block.size)
            guard first < size else { return }
            let bytes = inode.content.bytes(first..<min(first + UInt64(Block.size), size))
            bytes.withUnsafeBytes { buffer in
                let copy = Bytes(start: buffer.baseAddress!, count: buffer.count)
                add(.write(number, offset: first, copy, .call))
            }
        }
        add(.setSize(number, size))
    }

    private func addAttributes(_ number: InodeNumber, _ inode: Inode, _ add: (Operation) -> Void) {
        for (name, value) in inode.extendedAttributes.sorted(by: { $0.key < $1.key }) {
            add(.setExtendedAttribute(number, name: name, value: value))
        }
        let change = AttributeChange(
            mode: inode.mode, user: inode.user, group: inode.group, accessed: inode.accessed,
            modified: inode.modified, accessedIsSet: inode.accessedIsSet,
            modifiedIsSet: inode.modifiedIsSet)
        add(.setAttributes(number, change))
    }

    /// What the base tree was written as, when it was; the bytes lie in the arena.
    var baseOperations: [Operation] {
        var operations: [Operation] = []
        var offset = RecordingFormat.headerSize
        while offset < cursor,
            let header = RecordHeader(at: UnsafeRawPointer(arena.base + offset), nonce: nonce),
            header.flags & RecordHeader.baseFlag != 0
        {
            let payload = Bytes(
                start: UnsafeRawPointer(arena.base + offset + RecordHeader.size),
                count: Int(header.payloadLength))
            if case .operation(let operation)? = header.event(payload: payload) {
                operations.append(operation)
            }
            offset = RecordHeader.next(after: offset, payloadLength: payload.count)
        }
        return operations
    }

    // MARK: Ending

    /// The recording so far. It stays good while the writer goes on appending, and does not see what comes later.
    package func recording() -> Recording {
        Recording(
            arena: arena, nonce: nonce, base: base, offsets: offsets, notes: notes, isComplete: true
        )
    }

    /// Ends the recording: fills in the hashes of all payloads, appends the seal, gives back unused space of the file.
    ///
    /// Payloads are hashed here and not while recording, where it would cost a tenth of a large write.
    package func seal() throws(Errno) {
        var offset = RecordingFormat.headerSize
        var payloads: UInt64 = 0
        while offset < cursor {
            let address = arena.base + offset
            guard let header = RecordHeader(at: UnsafeRawPointer(address), nonce: nonce) else {
                preconditionFailure("a record of our own at \(offset) does not read back")
            }
            let payload = UnsafeRawBufferPointer(
                start: address + RecordHeader.size, count: Int(header.payloadLength))
            let hash = RecordingFormat.payloadHash(payload)
            address.storeBytes(
                of: hash.littleEndian, toByteOffset: RecordHeader.payloadHashOffset, as: UInt64.self
            )
            payloads = StableHash.mix(payloads, hash)
            offset = RecordHeader.next(after: offset, payloadLength: payload.count)
        }
        try arena.ensure(cursor + RecordHeader.size)
        var seal = RecordHeader(.seal)
        seal.a = payloads
        seal.flags = RecordHeader.baseFlag
        append(&seal, payloadLength: 0)
        try arena.truncateFile(to: cursor)
    }
}
