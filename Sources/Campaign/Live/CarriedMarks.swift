import Oracles

extension RecordedRun {
    /// The whole lines that were printed before and during the run.
    var allMarks: [UInt8] {
        let bytes = setupOutput + recording.output
        let end = bytes.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        return Array(bytes[..<end])
    }
}

extension Observation {
    /// What is seen, as marks of something that was acknowledged before.
    var asMarks: [UInt8] {
        var text = ""
        for name in transactions { text += "@begin \(name)\n@ack \(name)\n" }
        for (index, value) in values.enumerated() {
            text +=
                "@begin found-\(index) \(value.key)=\(value.value)\n@ack found-\(index)\n"
        }
        return Array(text.utf8)
    }
}
