/// Durations as people write them: whole numbers with a unit, `ns`, `us`, `ms`, `s`, `m` or `h`.
package enum DurationText {
    /// A duration such as `20s` or `200ms`, in nanoseconds; nil for other texts and for zero.
    package static func nanoseconds(_ text: some StringProtocol) -> UInt64? {
        let digits = text.prefix { $0 >= "0" && $0 <= "9" }
        let scale: UInt64
        switch text.dropFirst(digits.count) {
        case "ns": scale = 1
        case "us": scale = 1_000
        case "ms": scale = 1_000_000
        case "s": scale = 1_000_000_000
        case "m": scale = 60_000_000_000
        case "h": scale = 3_600_000_000_000
        default: return nil
        }
        guard let count = UInt64(digits), count > 0 else { return nil }
        let (product, overflow) = count.multipliedReportingOverflow(by: scale)
        return overflow ? nil : product
    }
}
