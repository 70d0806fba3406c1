import FileTree
import Recording

/// Records as short text, to compare whole sequences: payloads by their length only.
func describe(_ event: Record.Event) -> String {
    switch event {
    case .mark(let bytes): return "mark \(String(decoding: bytes.array, as: UTF8.self))"
    case .fault(let fault): return "\(fault.effect) \(fault.operation) \(fault.path)"
    case .operation(let operation): return describe(operation)
    }
}

private func describe(_ operation: Operation) -> String {
    switch operation {
    case .create(let number, let entry, let new): return "create \(number) \(entry) \(new.kind)"
    case .createUnnamed(let number, _): return "createUnnamed \(number)"
    case .link(let number, let entry): return "link \(number) \(entry)"
    case .remove(let entry, let directory): return "\(directory ? "rmdir" : "unlink") \(entry)"
    case .rename(let from, let to, let mode): return "rename \(from) \(to) \(mode)"
    case .write(let number, let offset, let bytes, let origin):
        return "write \(number) \(offset)+\(bytes.count) \(origin)"
    case .setSize(let number, let size): return "setSize \(number) \(size)"
    case .allocate(let number, let mode, let range): return "allocate \(number) \(mode) \(range)"
    case .setAttributes(let number, let change): return "setAttributes \(number)\(describe(change))"
    case .setExtendedAttribute(let number, let name, let value):
        return "xattr \(number) \(name) \(value.map { "\($0.count)" } ?? "removed")"
    case .sync(.file(let number, let dataOnly)):
        return "\(dataOnly ? "fdatasync" : "fsync") \(number)"
    case .sync(.range(let number, let range, let dataOnly)):
        return "\(dataOnly ? "dsync" : "sync") \(number) \(range)"
    case .sync(.directory(let number, let dataOnly)):
        return "\(dataOnly ? "fdatasync" : "fsync") directory \(number)"
    case .sync(.allocation(let number, let dataOnly)):
        return "\(dataOnly ? "dsync" : "sync") allocation \(number)"
    case .sync(.everything): return "sync everything"
    }
}

private func describe(_ change: AttributeChange) -> String {
    var text = ""
    if let mode = change.mode { text += " mode=" + String(mode, radix: 8) }
    if let user = change.user { text += " user=\(user)" }
    if let group = change.group { text += " group=\(group)" }
    if let time = change.accessed { text += " accessed=\(time.nanoseconds)" }
    if let time = change.modified { text += " modified=\(time.nanoseconds)" }
    return text
}

extension TestMount {
    /// All records as text.
    var log: [String] { events.map(describe) }

    /// The records that `body` makes, as text.
    func log(of body: () throws -> Void) throws -> [String] {
        let count = events.count
        try body()
        return Array(log.dropFirst(count))
    }
}
