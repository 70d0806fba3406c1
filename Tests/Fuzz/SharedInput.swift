import CSupport
import Glibc

/// Where the input at hand lies: memory that survives the process, and the input's end is the end of the mapped memory, so
/// that reading one byte too many is a fault.
final class SharedInput: @unchecked Sendable {
    private static let page = 4096
    static let largest = 1 << 20
    private static let counters = 4096

    let descriptor: CInt
    private let memory: UnsafeMutableRawPointer

    init(descriptor: CInt?) {
        let size = Self.counters + Self.largest
        self.descriptor = descriptor ?? perjury_memory_file("perjury-fuzz")
        if descriptor == nil { check(ftruncate(self.descriptor, off_t(size)) == 0) }
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        guard let whole = mmap(nil, size + Self.page, PROT_NONE, flags, -1, 0), whole != MAP_FAILED
        else { fatalError("no memory") }
        let shared = mmap(
            whole, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, self.descriptor, 0)
        check(shared == whole)
        memory = whole
    }

    private func counter(_ index: Int) -> UnsafeMutablePointer<UInt64> {
        memory.assumingMemoryBound(to: UInt64.self) + index
    }

    /// Inputs run, by their weight.
    var count: UInt64 {
        get { counter(0).pointee }
        set { counter(0).pointee = newValue }
    }
    private var length: UInt64 {
        get { counter(1).pointee }
        set { counter(1).pointee = newValue }
    }
    /// Changes with every input.
    var pulse: UInt64 {
        get { counter(2).pointee }
        set { counter(2).pointee = newValue }
    }

    func hold(_ input: [UInt8], _ body: (UnsafeRawBufferPointer) -> Void) {
        check(input.count <= Self.largest)
        let start = memory + Self.counters + Self.largest - input.count
        input.withUnsafeBytes {
            if let base = $0.baseAddress { memcpy(start, base, $0.count) }
        }
        length = UInt64(input.count)
        pulse &+= 1
        body(UnsafeRawBufferPointer(start: start, count: input.count))
    }

    /// The input at hand.
    var bytes: [UInt8] {
        let count = Int(length)
        return Array(
            UnsafeRawBufferPointer(
                start: memory + Self.counters + Self.largest - count, count: count))
    }
}

/// What must hold whatever the input: a trap, which the parent sees.
func check(_ condition: Bool, _ what: @autoclosure () -> String = "a check failed") {
    if !condition { fatalError(what()) }
}

func readFile(_ path: String) -> [UInt8]? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: SharedInput.largest)
    let count = fread(&bytes, 1, bytes.count, file)
    return Array(bytes[..<count])
}

func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

func say(_ line: String) { put(line, 1) }

func complain(_ line: String) { put(line, 2) }

private func put(_ line: String, _ descriptor: CInt) {
    let bytes = Array("\(line)\n".utf8)
    _ = write(descriptor, bytes, bytes.count)
}
