import Glibc
import SystemPackage

/// The harness could not do something with its processes or mounts. It says nothing of the program
/// under test: whoever catches it can only report `inconclusive`, or stop.
package struct KeeperError: Error, CustomStringConvertible {
    /// What the system said; `nil` where there was no system call to fail.
    package var cause: Errno?
    /// What was being done, and to what.
    package var message: String
    /// What a person may try; empty where nothing is known to help.
    package var advice: String

    package init(_ message: String, cause: Errno? = nil, advice: String = "") {
        self.message = message
        self.cause = cause
        self.advice = advice
    }

    /// The error of the call that has just failed; reads `errno`.
    static func system(_ message: String, advice: String = "") -> KeeperError {
        KeeperError(message, cause: Errno(rawValue: errno), advice: advice)
    }

    package var description: String {
        let reason = cause.map { ": \($0)" } ?? ""
        return message + reason + (advice.isEmpty ? "" : " (\(advice))")
    }
}
