import Basics
import FileTree

import struct SystemPackage.Errno

/// One run of a program: the tree it began on, and everything it did to it, in order.
package struct Recording: Sendable {
    package let arena: Arena
    /// The tree before record 0.
    package let base: FileTree
    /// False when the file ends without a seal: the recorder was killed, and the records are those up to the last whole one.
    package let isComplete: Bool
    /// What the recorder had to say of it, by key.
    package let notes: [String: [UInt8]]
    private let nonce: UInt64
    private let offsets: ContiguousArray<Int>

    init(
        arena: Arena, nonce: UInt64, base: FileTree, offsets: ContiguousArray<Int>,
        notes: [String: [UInt8]], isComplete: Bool
    ) {
        self.notes = notes
        self.arena = arena
        self.nonce = nonce
        self.base = base
        self.offsets = offsets
        self.isComplete = isComplete
    }

    /// Drawn when the recording was begun: no other has the same.
    package var identity: UInt64 { nonce }

    /// How many records there are.
    package var count: Int { offsets.count }

    package subscript(sequence: Int) -> Record {
        let address = UnsafeRawPointer(arena.base + offsets[sequence])
        guard let header = RecordHeader(at: address, nonce: nonce),
            let event = header.event(
                payload: Bytes(start: address + RecordHeader.size, count: Int(header.payloadLength))
            )
        else { preconditionFailure("record \(sequence) was whole when the recording was opened") }
        return Record(time: header.time, thread: header.thread, event)
    }

    /// What the harness did to requests, with the records that tell of it.
    package var faults: [(record: Int, fault: Fault)] {
        offsets.indices.compactMap { sequence in
            let kind = (arena.base + offsets[sequence]).load(as: UInt8.self)
            guard kind == RecordKind.fault.rawValue,
                case .fault(let fault) = self[sequence].event
            else { return nil }
            return (sequence, fault)
        }
    }

    /// Whether a file, a directory or a name was changed: syncs and marks change nothing.
    package var changesFiles: Bool {
        offsets.indices.contains {
            guard case .operation(let operation) = self[$0].event else { return false }
            if case .sync = operation { return false }
            return true
        }
    }

    /// The run as it would have been without these records. What is left must not need them: syncs never do.
    package func removing(_ isRemoved: (Int) -> Bool) -> Recording {
        var left: ContiguousArray<Int> = []
        for sequence in offsets.indices where !isRemoved(sequence) {
            left.append(offsets[sequence])
        }
        return Recording(
            arena: arena, nonce: nonce, base: base, offsets: left, notes: notes,
            isComplete: isComplete)
    }

    /// The tree after the first `count` records: what a process kill leaves there.
    ///
    /// - Throws: `RecordingError` when a record does not apply to the tree before it.
    package func tree(after count: Int) throws(RecordingError) -> FileTree {
        try live(after: count).tree
    }

    /// - Parameter evicts: whether more pages may be evicted than the log tells of.
    /// - Throws: `RecordingError` when a record does not apply to the tree before it.
    package func live(after count: Int, evicts: Bool = false) throws(RecordingError) -> LiveTree {
        var tree = base
        tree.keep(arena)
        var live = LiveTree(of: self, tree, evicts: evicts)
        for sequence in 0..<count {
            switch self[sequence].event {
            case .operation(let operation):
                do throws(Errno) {
                    try live.apply(operation)
                } catch {
                    throw RecordingError("record #\(sequence) does not apply: \(error)")
                }
            case .fault(let fault): live.apply(fault)
            case .mark: break
            }
        }
        return live
    }
}

/// Why a recording cannot be used; one sentence.
package struct RecordingError: Error, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}

/// The file around the records.
///
///     recording := header base? record* seal?
///     header    := "PERJURYRECORDING" (16 bytes) version(4) flags(4) nonce(8) hash(8) zero(24)
///     base      := record* end; all flagged as base, `end` a sync of everything. Present if header flag 1 is set
///     record    := RecordHeader payload padding-to-16
enum RecordingFormat {
    static let headerSize = 64
    static let version: UInt32 = 1
    static let magic: [UInt8] = Array("PERJURYRECORDING".utf8)

    /// Header flag: the base tree follows. A file that ends within it is useless, however whole its records are.
    static let storesBase: UInt32 = 1

    static func storeHeader(at address: UnsafeMutableRawPointer, nonce: UInt64, flags: UInt32) {
        address.initializeMemory(as: UInt8.self, repeating: 0, count: headerSize)
        for (index, byte) in magic.enumerated() {
            address.storeBytes(of: byte, toByteOffset: index, as: UInt8.self)
        }
        address.storeBytes(of: version.littleEndian, toByteOffset: 16, as: UInt32.self)
        address.storeBytes(of: flags.littleEndian, toByteOffset: 20, as: UInt32.self)
        address.storeBytes(of: nonce.littleEndian, toByteOffset: 24, as: UInt64.self)
        let hash = StableHash.of(UnsafeRawBufferPointer(start: address, count: 32))
        address.storeBytes(of: hash.littleEndian, toByteOffset: 32, as: UInt64.self)
    }

    /// Never 0: 0 stands for "not sealed yet".
    static func payloadHash(_ payload: UnsafeRawBufferPointer) -> UInt64 {
        StableHash.of(payload) | 1
    }
}
