import FuseMount
import Glibc
import Testing

/// The long rounds, `make soak`, one after the other.
@Suite(
    "Soak", .serialized,
    .enabled(if: Soak.isOn && MountServer.isAvailable && geteuid() == 0, "make soak"))
struct SoakTests {}

/// What the environment asks of long rounds.
enum Soak {
    /// Whether `make soak` runs.
    static var isOn: Bool { getenv("PERJURY_SOAK") != nil }

    /// A number of the environment, or what it is without.
    static func number(_ name: String, else value: Int) -> Int {
        getenv(name).flatMap { Int(String(cString: $0)) } ?? value
    }
}
