import FileTree

import struct SystemPackage.Errno

/// Events to headers and back. A decoded header is not trusted: whatever does not fit answers nil.
extension RecordHeader {
    /// The header of `event`, and the payload that goes with it.
    static func encode(_ event: Record.Event) -> (header: RecordHeader, payload: Payload) {
        switch event {
        case .mark(let bytes):
            return (RecordHeader(.mark), .bytes(bytes))
        case .operation(let operation):
            return encode(operation)
        case .fault(let fault):
            return encode(fault)
        }
    }

    /// Flag of a fault: a sync was asked for, whose own flags and fields are there, too.
    private static let faultOfSync: UInt8 = 0x10
    /// Flag of a fault: clean pages left the cache, those of the inode; 0: of every file.
    private static let eviction: UInt8 = 0x20

    private static func encode(_ fault: Fault) -> (RecordHeader, Payload) {
        var header = fault.sync.map { RecordHeader(sync: $0) } ?? RecordHeader(.fault)
        if fault.sync != nil { header.flags |= faultOfSync }
        header.kind = .fault
        header.d = UInt32(bitPattern: fault.error?.rawValue ?? 0)
        header.c = UInt64(fault.failure?.rawValue ?? 0)
        if let eviction = fault.eviction {
            header.flags |= Self.eviction
            if case .file(let number) = eviction { header.inode = number.rawValue }
        }
        return named(
            header, FileName(fault.operation),
            rest: Array(fault.effect.utf8) + [0] + Array(fault.path.utf8))
    }

    enum Payload {
        case none
        case bytes(Bytes)
        case array([UInt8])
    }

    private static func encode(_ operation: Operation) -> (RecordHeader, Payload) {
        switch operation {
        case .create(let number, let entry, let new):
            var header = RecordHeader(.create)
            header.setNew(number, new)
            header.b = entry.directory.rawValue
            return named(header, entry.name, rest: new.target)
        case .createUnnamed(let number, let new):
            var header = RecordHeader(.createUnnamed)
            header.setNew(number, new)
            return (header, .array(new.target))
        case .link(let number, let entry):
            var header = RecordHeader(.link)
            header.inode = number.rawValue
            header.b = entry.directory.rawValue
            return named(header, entry.name)
        case .remove(let entry, let isDirectory):
            var header = RecordHeader(.remove)
            header.b = entry.directory.rawValue
            header.flags = isDirectory ? 1 : 0
            return named(header, entry.name)
        case .rename(let from, let to, let mode):
            var header = RecordHeader(.rename)
            header.a = from.directory.rawValue
            header.b = to.directory.rawValue
            header.flags = mode.rawValue
            return named(header, from.name, rest: to.name.bytes)
        case .write(let number, let offset, let bytes, let origin):
            return (write(number, offset, origin), .bytes(bytes))
        case .setSize(let number, let size):
            var header = RecordHeader(.setSize)
            header.inode = number.rawValue
            header.a = size
            return (header, .none)
        case .allocate(let number, let mode, let range):
            var header = RecordHeader(.allocate)
            header.inode = number.rawValue
            header.flags = mode.rawValue
            header.a = range.lowerBound
            header.b = range.upperBound
            return (header, .none)
        case .setAttributes(let number, let change):
            var header = RecordHeader(.setAttributes)
            header.inode = number.rawValue
            header.setAttributes(change)
            return (header, .none)
        case .setExtendedAttribute(let number, let name, let value):
            var header = RecordHeader(.setExtendedAttribute)
            header.inode = number.rawValue
            header.flags = value == nil ? 0 : 1
            return named(header, name, rest: value ?? [])
        case .sync(let sync):
            return (RecordHeader(sync: sync), .none)
        }
    }

    static func write(_ number: InodeNumber, _ offset: UInt64, _ origin: WriteOrigin)
        -> RecordHeader
    {
        var header = RecordHeader(.write)
        header.inode = number.rawValue
        header.a = offset
        header.flags = origin.rawValue
        return header
    }

    private static func named(
        _ header: RecordHeader, _ name: FileName, rest: [UInt8] = []
    ) -> (RecordHeader, Payload) {
        var header = header
        header.nameLength = UInt16(name.bytes.count)
        return (header, .array(name.bytes + rest))
    }

    private mutating func setNew(_ number: InodeNumber, _ new: NewInode) {
        inode = number.rawValue
        flags = new.kind.rawValue
        d = new.mode
        a = UInt64(new.user) << 32 | UInt64(new.group)
        c = new.device
    }

    private mutating func setAttributes(_ change: AttributeChange) {
        if let mode = change.mode {
            flags |= 1
            nameLength = UInt16(truncatingIfNeeded: mode)
        }
        if let user = change.user {
            flags |= 2
            a = UInt64(user)
        }
        if let group = change.group {
            flags |= 4
            d = group
        }
        if let time = change.accessed {
            flags |= 8
            b = UInt64(bitPattern: time.nanoseconds)
        }
        if let time = change.modified {
            flags |= 16
            c = UInt64(bitPattern: time.nanoseconds)
        }
        if change.accessedIsSet { flags |= 32 }
        if change.modifiedIsSet { flags |= 64 }
    }

    private init(sync: Sync) {
        self.init(.sync)
        switch sync {
        case .file(let number, let dataOnly):
            inode = number.rawValue
            flags = dataOnly ? 1 : 0
        case .range(let number, let range, let dataOnly):
            inode = number.rawValue
            a = range.lowerBound
            b = range.upperBound
            flags = 2 | (dataOnly ? 1 : 0)
        case .directory(let number, let dataOnly):
            inode = number.rawValue
            flags = 4 | (dataOnly ? 1 : 0)
        case .allocation(let number, let dataOnly):
            inode = number.rawValue
            flags = 6 | (dataOnly ? 1 : 0)
        case .everything:
            flags = 8
        }
    }

    // MARK: Decoding

    /// - Returns: nil when the header's values do not make an event.
    func event(payload: Bytes) -> Record.Event? {
        if kind == .mark { return .mark(payload) }
        if kind == .fault { return fault(payload: payload).map { .fault($0) } }
        return operation(payload: payload).map { .operation($0) }
    }

    private func fault(payload: Bytes) -> Fault? {
        let flags = flags & ~Self.baseFlag
        guard let (operation, rest) = split(payload), let end = rest.firstIndex(of: 0) else {
            return nil
        }
        let text = { (bytes: ArraySlice<UInt8>) in String(decoding: bytes, as: UTF8.self) }
        var fault = Fault(
            operation: text(operation.bytes[...]), effect: text(rest[..<end]),
            path: text(rest[(end + 1)...]),
            error: d == 0 ? nil : Errno(rawValue: Int32(bitPattern: d)))
        if flags & Self.faultOfSync != 0 {
            guard let sync = sync(flags & ~Self.faultOfSync) else { return nil }
            fault.sync = sync
        } else if flags == Self.eviction {
            fault.eviction = inode == 0 ? .everything : .file(InodeNumber(inode))
        } else if flags != 0 {
            return nil
        }
        if c != 0 {
            guard fault.sync != nil, let raw = UInt8(exactly: c),
                let failure = SyncFailure(rawValue: raw)
            else { return nil }
            fault.failure = failure
        }
        return fault
    }

    private func operation(payload: Bytes) -> Operation? {
        let flags = flags & ~Self.baseFlag
        let number = InodeNumber(inode)
        switch kind {
        case .create:
            guard let (name, rest) = split(payload), let new = newInode(target: rest) else {
                return nil
            }
            return .create(number, at: DirectoryEntry(InodeNumber(b), name), new)
        case .createUnnamed:
            return newInode(target: payload.array).map { .createUnnamed(number, $0) }
        case .link:
            return split(payload).map { .link(number, at: DirectoryEntry(InodeNumber(b), $0.name)) }
        case .remove:
            return split(payload).map {
                .remove(at: DirectoryEntry(InodeNumber(b), $0.name), directory: flags == 1)
            }
        case .rename:
            guard let (name, rest) = split(payload), let mode = RenameMode(rawValue: flags) else {
                return nil
            }
            return .rename(
                from: DirectoryEntry(InodeNumber(a), name),
                to: DirectoryEntry(InodeNumber(b), FileName(bytes: rest)), mode)
        case .write:
            return WriteOrigin(rawValue: flags).map { .write(number, offset: a, payload, $0) }
        case .setSize:
            return .setSize(number, a)
        case .allocate:
            guard a <= b else { return nil }
            return AllocateMode(rawValue: flags).map { .allocate(number, $0, a..<b) }
        case .setAttributes:
            return .setAttributes(number, attributeChange(flags))
        case .setExtendedAttribute:
            return split(payload).map {
                .setExtendedAttribute(number, name: $0.name, value: flags == 1 ? $0.rest : nil)
            }
        case .sync:
            return sync(flags).map { .sync($0) }
        case .mark, .note, .fault, .seal:
            return nil
        }
    }

    func split(_ payload: Bytes) -> (name: FileName, rest: [UInt8])? {
        let length = Int(nameLength)
        guard length <= payload.count else { return nil }
        let name = FileName(bytes: payload.slice(0..<length).array)
        return (name, payload.slice(length..<payload.count).array)
    }

    private func newInode(target: [UInt8]) -> NewInode? {
        guard let kind = FileKind(rawValue: flags & ~Self.baseFlag) else { return nil }
        return NewInode(
            kind, mode: d, user: UInt32(truncatingIfNeeded: a >> 32),
            group: UInt32(truncatingIfNeeded: a), target: target, device: c)
    }

    private func attributeChange(_ flags: UInt8) -> AttributeChange {
        AttributeChange(
            mode: flags & 1 != 0 ? UInt32(nameLength) : nil,
            user: flags & 2 != 0 ? UInt32(truncatingIfNeeded: a) : nil,
            group: flags & 4 != 0 ? d : nil,
            accessed: flags & 8 != 0 ? Timestamp(nanoseconds: Int64(bitPattern: b)) : nil,
            modified: flags & 16 != 0 ? Timestamp(nanoseconds: Int64(bitPattern: c)) : nil,
            accessedIsSet: flags & 32 != 0, modifiedIsSet: flags & 64 != 0)
    }

    private func sync(_ flags: UInt8) -> Sync? {
        let number = InodeNumber(inode)
        let dataOnly = flags & 1 != 0
        switch flags & ~1 {
        case 0: return .file(number, dataOnly: dataOnly)
        case 2: return a <= b ? .range(number, a..<b, dataOnly: dataOnly) : nil
        case 4: return .directory(number, dataOnly: dataOnly)
        case 6: return .allocation(number, dataOnly: dataOnly)
        case 8: return .everything
        default: return nil
        }
    }
}
