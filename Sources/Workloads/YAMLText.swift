import CYAML

/// Writes YAML, a mapping and texts at a time.
final class YAMLText {
    private let emitter = UnsafeMutablePointer<yaml_emitter_t>.allocate(capacity: 1)
    private var bytes: [UInt8] = []

    /// - Parameter write: writes the one mapping of the document.
    /// - Returns: the document; a text stays on its line, however long.
    /// - Throws: when something cannot be written as YAML.
    static func document(_ write: (YAMLText) throws(YAMLError) -> Void) throws(YAMLError) -> String
    {
        let text = YAMLText()
        try text.emit { yaml_stream_start_event_initialize($0, YAML_UTF8_ENCODING) }
        try text.emit { yaml_document_start_event_initialize($0, nil, nil, nil, 1) }
        try write(text)
        try text.emit { yaml_document_end_event_initialize($0, 1) }
        try text.emit { yaml_stream_end_event_initialize($0) }
        return String(decoding: text.bytes, as: UTF8.self)
    }

    private init() {
        guard yaml_emitter_initialize(emitter) == 1 else { fatalError("out of memory") }
        yaml_emitter_set_width(emitter, -1)
        let own = Unmanaged.passUnretained(self).toOpaque()
        yaml_emitter_set_output(
            emitter,
            { own, bytes, count in
                guard let own, let bytes else { return 0 }
                let text = Unmanaged<YAMLText>.fromOpaque(own).takeUnretainedValue()
                text.bytes += UnsafeBufferPointer(start: bytes, count: count)
                return 1
            }, own)
    }

    deinit {
        yaml_emitter_delete(emitter)
        emitter.deallocate()
    }

    func mapping(_ write: () throws(YAMLError) -> Void) throws(YAMLError) {
        try emit { yaml_mapping_start_event_initialize($0, nil, nil, 1, YAML_ANY_MAPPING_STYLE) }
        try write()
        try emit { yaml_mapping_end_event_initialize($0) }
    }

    func scalar(_ string: String) throws(YAMLError) {
        let utf8 = Array(string.utf8)
        try emit {
            yaml_scalar_event_initialize(
                $0, nil, nil, utf8, CInt(utf8.count), 1, 1, YAML_ANY_SCALAR_STYLE)
        }
    }

    private func emit(
        _ initialize: (UnsafeMutablePointer<yaml_event_t>) -> CInt
    ) throws(YAMLError) {
        var event = yaml_event_t()
        guard initialize(&event) == 1, yaml_emitter_emit(emitter, &event) == 1 else {
            throw YAMLError(
                line: nil,
                problem: emitter.pointee.problem.map { String(cString: $0) } ?? "not UTF-8")
        }
    }
}
