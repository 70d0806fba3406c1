import Basics
import Campaign
import PowerLoss
import Recording

/// The records of a run as lines: `#4 write log [0, 6)`.
package struct LogText {
    package let lines: [String]

    /// - Parameters:
    ///   - range: of the records that are wanted, as far as there are such.
    ///   - plan: a power loss: what it took is marked, and a line says where it was.
    /// - Throws: `RecordingError` when the records do not apply to the tree before them.
    package init(
        _ recording: Recording, _ range: Range<Int>? = nil, plan: CrashPlan? = nil
    ) throws {
        let log = try EffectLog(recording)
        let all = 0..<recording.count
        var lines: [String] = []
        func cut(before sequence: Int) {
            guard let plan, plan.crashPoint == sequence else { return }
            lines.append(
                "-- the power goes: \(grouped(sequence)) of \(grouped(all.count)) records are complete --"
            )
        }
        let lost = plan.map { Set($0.lost) } ?? []
        let torn = plan.map { Set($0.torn.map(\.effect)) } ?? []
        for sequence in (range ?? all).clamped(to: all) {
            cut(before: sequence)
            let effects = log.effects[log.firstEffect[sequence]..<log.firstEffect[sequence + 1]]
            let line =
                "#\(sequence) \(Escaped.line(Self.words(recording[sequence], log, sequence)))"
            lines.append(line + Self.fate(of: effects.map(\.id), lost, torn))
        }
        if (range ?? all).upperBound >= all.count { cut(before: all.count) }
        self.lines = lines
    }

    private static func words(_ record: Record, _ log: EffectLog, _ sequence: Int) -> String {
        switch record.event {
        case .mark(let bytes):
            var text = String(decoding: bytes.buffer, as: UTF8.self)
            if text.hasSuffix("\n") { text.removeLast() }
            return "mark \(text)"
        case .fault(let fault): return "\(log.call(sequence)) (\(fault.effect))"
        case .operation: return "\(log.call(sequence))"
        }
    }

    /// What became of a record in the power loss.
    private static func fate(
        of effects: [EffectID], _ lost: Set<EffectID>, _ torn: Set<EffectID>
    ) -> String {
        let gone = effects.count { lost.contains($0) }
        let halves = effects.count { torn.contains($0) }
        var words: [String] = []
        if gone > 0 {
            words.append(
                gone == effects.count ? "LOST" : "LOST IN PART (\(gone) of \(effects.count))")
        }
        if halves > 0 { words.append("TORN") }
        return words.isEmpty ? "" : "   <- \(words.joined(separator: ", "))"
    }
}
