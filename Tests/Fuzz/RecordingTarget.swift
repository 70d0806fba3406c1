import CSupport
import FileTree
import Glibc
import PowerLoss
import Recording
import TestSupport

/// Recording files. Half of the changes are of fields, with the headers' hashes put right again; the other half of bytes.
final class RecordingTarget: FuzzTarget {
    private var corpus: [[UInt8]] = []
    private let mutator: ByteMutator
    private let file = perjury_memory_file("recording")

    private static let headerSize = 64
    private static let recordSize = 80

    init() {
        let folder = try! TemporaryFolder()
        for seed in 0..<24 {
            let history = OperationGenerator.history(seed: Seed(UInt64(seed)), count: 24)
            let count = min(8, history.operations.count)
            let base = try! history.fileTree(after: count)
            let path = folder.file("seed")
            let writer = try! RecordingWriter(
                arena: try! Arena(creating: path), base: base, storesBase: seed % 3 != 0)
            for operation in history.operations.dropFirst(seed % 3 != 0 ? count : 0) {
                try! writer.append(.operation(operation))
            }
            let mark = OwnedBytes(Array("@ack 1\n".utf8))
            try! writer.append(.mark(mark.bytes))
            // What lies behind an unsealed end is of no interest.
            let end = writer.end
            if seed % 4 == 3 { try! writer.seal() }
            let bytes = try! FileBytes.read(path)
            let short = Array(bytes[..<min(bytes.count, seed % 4 == 3 ? bytes.count : end + 16)])
            if short.count < 200_000 { corpus.append(short) }
        }
        mutator = ByteMutator(corpus, words: ["\0\0\0\0", "PERJURYRECORDING"], limit: 200_000)
    }

    func mutated(_ random: inout TestRandom) -> [UInt8] {
        if random.oneIn(4) { return mutator.mutated(&random) }
        var bytes = random.element(of: corpus)
        var records = offsets(bytes)
        for _ in 0...random.below(3) {
            guard !records.isEmpty else { break }
            changeField(&bytes, random.element(of: records), &random)
        }
        if random.oneIn(4), records.count > 1 {
            // One record less, or once more.
            let index = random.below(records.count - 1)
            let range = records[index]..<records[index + 1]
            let copy = Array(bytes[range])
            if random.oneIn(2) {
                bytes.removeSubrange(range)
            } else {
                bytes.insert(contentsOf: copy, at: random.element(of: records))
            }
            records = offsets(bytes)
            for (number, record) in records.enumerated() where random.below(50) > 0 {
                store(UInt64(number), 56, record, &bytes)
            }
        }
        for record in records { sign(&bytes, record) }
        return bytes
    }

    private func offsets(_ bytes: [UInt8]) -> [Int] {
        var result: [Int] = []
        var offset = Self.headerSize
        while offset + Self.recordSize <= bytes.count, bytes[offset] != 0 {
            result.append(offset)
            let length = Int(load(bytes, offset + 4) & 0xffff_ffff)
            offset = (offset + Self.recordSize + length + 15) & ~15
        }
        return result
    }

    private func changeField(_ bytes: inout [UInt8], _ record: Int, _ random: inout TestRandom) {
        let value = random.hostile()
        switch random.below(10) {
        case 0: bytes[record] = UInt8(random.below(16))
        case 1: bytes[record + 1] = UInt8(truncatingIfNeeded: value)
        case 2: bytes[record + 1] ^= 1 << UInt8(random.below(8))
        case 3: bytes[record + 2] = UInt8(truncatingIfNeeded: value)
        case 4 where random.oneIn(8): bytes[record + 4] = UInt8(truncatingIfNeeded: value)
        case 5:
            for index in 0..<4 {
                bytes[record + 20 + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index))
            }
        case 6, 7, 8: store(value, 24 + 8 * random.below(4), record, &bytes)
        default:
            let length = Int(load(bytes, record + 4) & 0xffff_ffff)
            let place = record + Self.recordSize + random.below(max(1, min(length, 300)))
            if place < bytes.count { bytes[place] = UInt8(truncatingIfNeeded: value) }
        }
    }

    private func load(_ bytes: [UInt8], _ offset: Int) -> UInt64 {
        bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self) }
    }

    private func store(_ value: UInt64, _ field: Int, _ record: Int, _ bytes: inout [UInt8]) {
        bytes.withUnsafeMutableBytes {
            $0.storeBytes(of: value, toByteOffset: record + field, as: UInt64.self)
        }
    }

    private func sign(_ bytes: inout [UInt8], _ record: Int) {
        guard record + Self.recordSize <= bytes.count else { return }
        let nonce = load(bytes, 24)
        let hash = bytes.withUnsafeBytes { perjury_hash($0.baseAddress! + record, 64, nonce) | 1 }
        store(hash, 72, record, &bytes)
    }

    func run(_ input: UnsafeRawBufferPointer) {
        check(ftruncate(file, off_t(input.count)) == 0)
        if let start = input.baseAddress {
            check(pwrite(file, start, input.count, 0) == input.count)
        }
        guard let recording = try? Recording(path: "/proc/self/fd/\(file)") else { return }
        guard var tree = try? recording.tree(after: recording.count) else {
            return check(false, "a recording that opened does not apply")
        }
        let hash = tree.settle()
        check(tree.settle() == hash, "settling changes the hash")
        guard hash & 7 == 0, let log = try? EffectLog(recording) else { return }
        let model = PersistenceModel.all[Int(hash >> 8) % PersistenceModel.all.count]
        let storage = Storage(log: log, model: model, stack: .honest)
        for planned in PlanSearch(storage, seed: hash).prefix(6) {
            _ = planned.hash
        }
    }
}
