import Recording

/// During which records of a run the drive lied: syncs were answered and recorded, and covered nothing.
///
/// The recording keeps it as the note `lies`: ranges of records such as `12-40,55-`, the last of which may be open.
package struct Lies: Equatable, Sendable {
    package static let note = "lies"

    /// Half open; ascending.
    private var ranges: [Range<Int>] = []

    package init() {}

    package init(_ recording: Recording) {
        guard let bytes = recording.notes[Self.note] else { return }
        for part in String(decoding: bytes, as: UTF8.self).split(separator: ",") {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false)
            guard ends.count == 2, let first = Int(ends[0]) else { continue }
            let last = ends[1].isEmpty ? Int.max : Int(ends[1]) ?? first
            if first < last { ranges.append(first..<last) }
        }
    }

    package var isOn: Bool { ranges.last?.upperBound == .max }

    package func contains(_ sequence: Int) -> Bool {
        ranges.contains { $0.contains(sequence) }
    }

    /// Begins or ends a lie with the record that comes next.
    package mutating func set(_ isOn: Bool, at next: Int) {
        guard isOn != self.isOn else { return }
        if isOn {
            ranges.append(next..<Int.max)
        } else if let last = ranges.popLast(), last.lowerBound < next {
            ranges.append(last.lowerBound..<next)
        }
    }

    /// The note.
    package var text: String {
        ranges.map { "\($0.lowerBound)-\($0.upperBound == .max ? "" : "\($0.upperBound)")" }
            .joined(separator: ",")
    }
}
