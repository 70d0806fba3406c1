import Basics
import FileTree

import struct SystemPackage.Errno

extension Recording {
    /// Opens a recording file. Nothing in it is trusted: every length, hash and value is checked, every record must apply.
    ///
    /// A file without a seal (its recorder was killed) is read up to its last whole record; damage anywhere else is an error.
    package init(path: String) throws(RecordingError) {
        let arena: Arena
        do throws(Errno) {
            arena = try Arena(reading: path)
        } catch {
            throw RecordingError("reading the recording \(path): \(error)")
        }
        var scan = try Scan(arena: arena, path: path)
        try scan.run()
        self.init(
            arena: arena, nonce: scan.nonce, base: scan.base, offsets: scan.offsets,
            notes: scan.notes, isComplete: scan.isSealed)
        do throws(RecordingError) {
            _ = try tree(after: count)
        } catch {
            throw RecordingError("the recording \(path) is damaged: \(error)")
        }
    }

    private struct Scan {
        let arena: Arena
        let path: String
        let nonce: UInt64
        var base = FileTree()
        var offsets: ContiguousArray<Int> = []
        var notes: [String: [UInt8]] = [:]
        var isSealed = false
        /// Whether the records at `offset` are those of the base tree.
        private var isInBase: Bool
        private var offset = RecordingFormat.headerSize
        private var sequence: UInt64 = 0
        private var hashes: UInt64 = 0

        init(arena: Arena, path: String) throws(RecordingError) {
            self.arena = arena
            self.path = path
            let start = UnsafeRawPointer(arena.base)
            guard arena.mapped >= RecordingFormat.headerSize,
                (0..<16).allSatisfy({
                    start.load(fromByteOffset: $0, as: UInt8.self) == RecordingFormat.magic[$0]
                })
            else { throw RecordingError("\(path) is not a recording") }
            let version = UInt32(littleEndian: start.load(fromByteOffset: 16, as: UInt32.self))
            guard version == RecordingFormat.version else {
                throw RecordingError(
                    "\(path) is a recording of format \(version); this perjury reads format \(RecordingFormat.version)"
                )
            }
            nonce = UInt64(littleEndian: start.load(fromByteOffset: 24, as: UInt64.self))
            let hash = UInt64(littleEndian: start.load(fromByteOffset: 32, as: UInt64.self))
            guard hash == StableHash.of(UnsafeRawBufferPointer(start: start, count: 32)) else {
                throw RecordingError(
                    "the recording \(path) is damaged: its header does not match its hash")
            }
            let flags = UInt32(littleEndian: start.load(fromByteOffset: 20, as: UInt32.self))
            isInBase = flags & RecordingFormat.storesBase != 0
            base.keep(arena)
        }

        mutating func run() throws(RecordingError) {
            while isSigned(at: offset) {
                guard let header = RecordHeader(at: arena.base + offset, nonce: nonce) else {
                    throw damaged("record \(sequence) is of an unknown kind")
                }
                guard header.sequence == sequence else {
                    throw damaged("expected record \(sequence), found record \(header.sequence)")
                }
                // Its payload was cut off.
                guard Int(header.payloadLength) <= arena.mapped - offset - RecordHeader.size else {
                    break
                }
                let payload = payload(of: header)
                if header.kind == .seal {
                    guard header.a == hashes else {
                        throw damaged("its seal does not match its records")
                    }
                    isSealed = true
                    break
                }
                try take(header, payload)
                offset = RecordHeader.next(after: offset, payloadLength: payload.count)
                sequence += 1
            }
            if !isSealed { try checkTail() }
            guard !isInBase else { throw damaged("it ends within its base tree") }
        }

        private func isSigned(at offset: Int) -> Bool {
            offset + RecordHeader.size <= arena.mapped
                && RecordHeader.isSigned(at: arena.base + offset, nonce: nonce)
        }

        private func payload(of header: RecordHeader) -> Bytes {
            Bytes(
                start: UnsafeRawPointer(arena.base + offset + RecordHeader.size),
                count: Int(header.payloadLength))
        }

        private mutating func take(_ header: RecordHeader, _ payload: Bytes) throws(RecordingError)
        {
            let stored = UInt64(
                littleEndian: (arena.base + offset).load(
                    fromByteOffset: RecordHeader.payloadHashOffset, as: UInt64.self))
            if stored != 0 {
                guard stored == RecordingFormat.payloadHash(payload.buffer) else {
                    throw damaged("the payload of record \(sequence) does not match its hash")
                }
                hashes = StableHash.mix(hashes, stored)
            }
            if header.kind == .note {
                guard header.flags == RecordHeader.baseFlag, header.nameLength > 0,
                    let (key, value) = header.split(payload)
                else {
                    throw damaged("record \(sequence) makes no sense")
                }
                notes[key.description] = value
                return
            }
            guard let event = header.event(payload: payload) else {
                throw damaged("record \(sequence) makes no sense")
            }
            if header.flags & RecordHeader.baseFlag == 0 {
                guard !isInBase else {
                    throw damaged("record \(sequence) precedes the base tree's end")
                }
                offsets.append(offset)
                return
            }
            guard isInBase, case .operation(let operation) = event else {
                throw damaged("record \(sequence) claims to belong to the base tree")
            }
            isInBase = operation != .sync(.everything)
            do throws(Errno) {
                base.apply(try base.effects(of: operation))
            } catch {
                throw damaged("record \(sequence) of the base tree does not apply: \(error)")
            }
        }

        /// Behind the last whole record of a killed recording lie zeros, or a request that was being received: anything
        /// but another record of this recording.
        private func checkTail() throws(RecordingError) {
            for place in stride(from: offset + 16, to: arena.mapped, by: 16)
            where isSigned(at: place) {
                throw damaged(
                    "no whole record at byte \(offset), yet there is one at byte \(place)")
            }
        }

        private func damaged(_ what: String) -> RecordingError {
            RecordingError("the recording \(path) is damaged: \(what)")
        }
    }
}
