/// Some of the machines whose storage a recording holds, by number. Each mount of a workload with several is the storage of
/// a machine of its own; a recording with one mount has the machine 0.
package struct MachineSet: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    package init(machine: Int) {
        rawValue = 1 << UInt8(machine)
    }

    /// More than one recording may hold: every set of machines is one of numbers.
    package static let maximumCount = 7
    package static let all = MachineSet(rawValue: .max)

    package var count: Int { rawValue.nonzeroBitCount }

    /// The sets of machines that may lose their power together: all sets of `most` first, then each machine alone, then those
    /// between.
    package static func losing(_ most: Int?, of count: Int) -> [MachineSet] {
        guard count > 1 else { return [.all] }
        let most = min(max(1, most ?? count), count)
        let sets = (1..<UInt8(1 << count)).map { MachineSet(rawValue: $0) }
        return sets.filter { $0.count == most }
            + (1..<max(1, most)).flatMap { size in sets.filter { $0.count == size } }
    }
}
