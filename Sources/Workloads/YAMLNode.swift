import CYAML

/// A part of a YAML document, as it is written: what a text means is for its reader to say.
enum YAMLNode {
    case scalar(Scalar)
    case sequence([YAMLNode], line: Int)
    /// A key may be there twice.
    case mapping([(key: YAMLNode, value: YAMLNode)], line: Int)

    struct Scalar {
        let string: String
        /// Whether it stands without quotes, and is no block of lines.
        let isPlain: Bool
        let line: Int
    }

    /// Where it begins; what an alias stands for begins at its anchor. Lines count from 1.
    var line: Int {
        switch self {
        case .scalar(let scalar): scalar.line
        case .sequence(_, let line), .mapping(_, let line): line
        }
    }

    /// The one document of a text.
    ///
    /// - Parameter text: UTF-8.
    /// - Returns: nil when the text holds nothing but spaces and comments.
    init?(parsing text: [UInt8]) throws(YAMLError) {
        guard
            let node = try text.withUnsafeBufferPointer({
                (bytes) throws(YAMLError) in
                let parser = YAMLParser(bytes)
                defer { parser.close() }
                return try parser.document()
            })
        else { return nil }
        self = node
    }
}

struct YAMLError: Error {
    /// nil when the bytes are none that YAML allows.
    let line: Int?
    let problem: String
}

/// Builds nodes from libyaml's events. It goes as deep into its stack as the text nests.
private final class YAMLParser {
    private let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
    private var anchors: [String: YAMLNode] = [:]

    /// - Parameter bytes: must outlive the parser.
    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard yaml_parser_initialize(parser) == 1 else { fatalError("out of memory") }
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
    }

    func close() {
        yaml_parser_delete(parser)
        parser.deallocate()
    }

    func document() throws(YAMLError) -> YAMLNode? {
        _ = try next()  // the stream begins
        guard try next().kind != YAML_STREAM_END_EVENT else { return nil }
        let node = try node(try next())
        _ = try next()  // the document ends
        let end = try next()
        guard end.kind == YAML_STREAM_END_EVENT else {
            throw YAMLError(line: end.line, problem: "but found another document")
        }
        return node
    }

    private func node(_ event: Event) throws(YAMLError) -> YAMLNode {
        let node: YAMLNode
        switch event.kind {
        case YAML_ALIAS_EVENT:
            guard let anchored = anchors[event.anchor ?? ""] else {
                throw YAMLError(line: event.line, problem: "found undefined alias")
            }
            return anchored
        case YAML_SCALAR_EVENT: node = .scalar(event.scalar)
        case YAML_SEQUENCE_START_EVENT:
            node = .sequence(
                try items(until: YAML_SEQUENCE_END_EVENT) { item throws(YAMLError) in item },
                line: event.line)
        case YAML_MAPPING_START_EVENT:
            node = .mapping(
                try items(until: YAML_MAPPING_END_EVENT) { key throws(YAMLError) in
                    (key: key, value: try self.node(try self.next()))
                }, line: event.line)
        default: preconditionFailure("libyaml begins a node with \(event.kind)")
        }
        if let anchor = event.anchor { anchors[anchor] = node }
        return node
    }

    private func items<Item>(
        until end: yaml_event_type_t, _ item: (YAMLNode) throws(YAMLError) -> Item
    ) throws(YAMLError) -> [Item] {
        var items: [Item] = []
        while true {
            let event = try next()
            if event.kind == end { return items }
            items.append(try item(try node(event)))
        }
    }

    private func next() throws(YAMLError) -> Event {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else {
            let isRead = parser.pointee.error != YAML_READER_ERROR
            throw YAMLError(
                line: isRead ? Int(parser.pointee.problem_mark.line) + 1 : nil,
                problem: parser.pointee.problem.map { String(cString: $0) } ?? "out of memory")
        }
        defer { yaml_event_delete(&event) }
        return Event(event)
    }

    /// What is needed of one of libyaml's events.
    private struct Event {
        let kind: yaml_event_type_t
        let line: Int
        private(set) var anchor: String?
        private(set) var text = ""
        private(set) var isPlain = false

        init(_ event: yaml_event_t) {
            kind = event.type
            line = Int(event.start_mark.line) + 1
            switch kind {
            case YAML_ALIAS_EVENT: anchor = Self.string(event.data.alias.anchor)
            case YAML_SEQUENCE_START_EVENT: anchor = Self.string(event.data.sequence_start.anchor)
            case YAML_MAPPING_START_EVENT: anchor = Self.string(event.data.mapping_start.anchor)
            case YAML_SCALAR_EVENT:
                let scalar = event.data.scalar
                anchor = Self.string(scalar.anchor)
                // A text may hold zero bytes.
                text = String(
                    decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length),
                    as: UTF8.self)
                isPlain = scalar.style == YAML_PLAIN_SCALAR_STYLE
            default: break
            }
        }

        var scalar: Scalar { Scalar(string: text, isPlain: isPlain, line: line) }
        typealias Scalar = YAMLNode.Scalar

        private static func string(_ bytes: UnsafePointer<yaml_char_t>?) -> String? {
            bytes.map { String(cString: $0) }
        }
    }
}
