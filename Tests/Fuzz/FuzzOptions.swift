import Glibc

/// What is wrong with the command line; one sentence.
struct FuzzUsageError: Error, CustomStringConvertible {
    let description: String
}

struct FuzzOptions {
    /// For each target.
    var seconds = 10.0
    var inputs = UInt64.max
    var seed: UInt64 = 0
    var keepFolder = "/tmp"
    var targets = FuzzKind.all
    var repeated: String?
    /// Set in the process that runs the inputs.
    var workerDescriptor: CInt?

    mutating func parse(_ arguments: [String]) throws(FuzzUsageError) {
        var names: [String] = []
        var rest = arguments[...]
        while let word = rest.popFirst() {
            guard word.hasPrefix("--") else {
                names.append(word)
                continue
            }
            guard let value = rest.popFirst() else {
                throw FuzzUsageError(description: "\(word) needs a value")
            }
            var isGood = true
            switch word {
            case "--seconds": isGood = take(Double(value), &seconds)
            case "--inputs": isGood = take(UInt64(value), &inputs)
            case "--seed": isGood = take(UInt64(value), &seed)
            case "--keep": keepFolder = value
            case "--repeat": repeated = value
            case "--worker": workerDescriptor = CInt(value)
            default: isGood = false
            }
            guard isGood else {
                throw FuzzUsageError(description: "\(word) \(value) is not understood")
            }
        }
        guard !names.isEmpty || repeated != nil else { return }
        targets = FuzzKind.all.filter { names.contains($0.name) }
        guard targets.count == names.count, repeated == nil || names.count == 1 else {
            let known = FuzzKind.all.map(\.name).joined(separator: ", ")
            throw FuzzUsageError(description: "the targets are \(known)")
        }
    }

    private func take<T>(_ value: T?, _ place: inout T) -> Bool {
        if let value { place = value }
        return value != nil
    }
}

/// A target by its name.
struct FuzzKind: Sendable {
    let name: String
    let make: @Sendable () -> any FuzzTarget

    static let all = [
        FuzzKind(name: "marks") { MarksTarget() },
        FuzzKind(name: "finding") { FindingTarget() },
        FuzzKind(name: "workload") { WorkloadTarget() },
        FuzzKind(name: "pack") { PackTarget() },
        FuzzKind(name: "recording") { RecordingTarget() },
        FuzzKind(name: "requests") { RequestsTarget() },
    ]
}
