import Glibc
import Stage

/// A clock that has moved on while the power was off, for programs that read it through the C library: `liblater-clock.so`,
/// loaded ahead of that, adds the time. `Sources/later-clock/later_clock.c` says what it does and leaves out.
struct LaterClock {
    /// The path of the library.
    let library: String
    /// How far the clock is ahead of the machine's, in nanoseconds.
    let nanoseconds: UInt64

    /// - Returns: nil where the library is not among perjury's programs.
    init?(nanoseconds: UInt64) {
        guard let programs = Installation.programs else { return nil }
        library = "\(programs)/liblater-clock.so"
        guard access(library, R_OK) == 0 else { return nil }
        self.nanoseconds = nanoseconds
    }

    /// What a program's environment must hold.
    var environment: [String: String] {
        ["LD_PRELOAD": library, "PERJURY_LATER": "\(nanoseconds)"]
    }
}
