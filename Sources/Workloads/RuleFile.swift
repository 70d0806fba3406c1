import PowerLoss

/// A stack or a persistence model of somebody's own, from a YAML file: `docs/models.md` shows one of each.
package enum RuleFile {
    package static func stack(
        _ bytes: some Collection<UInt8>, path: String
    ) throws(WorkloadFileError) -> Stack {
        try read(bytes, path, "a stack", Stack.keys, taken: (Stack.all + Stack.aliases).map(\.name))
        {
            (name, fields) throws(RuleFieldError) in try Stack(name: name, fields)
        }
    }

    package static func model(
        _ bytes: some Collection<UInt8>, path: String
    ) throws(WorkloadFileError) -> PersistenceModel {
        try read(
            bytes, path, "a model", PersistenceModel.keys, taken: PersistenceModel.all.map(\.name)
        ) {
            (name, fields) throws(RuleFieldError) in try PersistenceModel(name: name, fields)
        }
    }

    private static func read<Rules>(
        _ bytes: some Collection<UInt8>, _ path: String, _ subject: String, _ keys: [String],
        taken: [String],
        _ make: (String, RuleFields) throws(RuleFieldError) -> Rules
    ) throws(WorkloadFileError) -> Rules {
        let reader = WorkloadFileReader(path: path, subject: subject)
        let root = try reader.root(bytes)
        var lines: [String: Int] = [:]
        var fields: [RuleFields.Field] = []
        let values = try reader.fields(of: root, allowed: ["name"] + keys, in: nil)
        guard let named = values["name"] else { throw reader.missing("name") }
        let name = try reader.text(named)
        guard name.utf8.allSatisfy({ isPlain($0) }) else {
            throw reader.error(named.line, "`name` may hold letters, digits and `-` only")
        }
        guard !taken.contains(name) else {
            throw reader.error(named.line, "`\(name)` is built in: choose another `name`")
        }
        for (key, value) in values where key != "name" {
            lines[key] = value.line
            fields.append(.init(key, try reader.text(value)))
        }
        do {
            return try make(name, RuleFields(fields.sorted { $0.key < $1.key }))
        } catch {
            throw reader.error(lines[error.key], error.description)
        }
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
