import CSupport
import Glibc

/// The cores this process may run on, and the users of this machine.
package enum Processors {
    /// By number; at least one.
    package static let allowed: [Int] = {
        var numbers = [CInt](repeating: 0, count: 1024)
        let count = perjury_allowed_processors(&numbers, numbers.count)
        return count == 0 ? [0] : numbers[..<count].map { Int($0) }
    }()

    /// - Parameter name: or number; a number need not be known to the machine, its group is then the same number.
    package static func user(named name: String) throws -> Keeper.User {
        let number = UInt32(name)
        guard let entry = getpwnam(name) ?? number.flatMap({ getpwuid($0) }) else {
            if let number { return Keeper.User(userID: number, groupID: number) }
            throw HarnessError("looking up the user `\(name)`: this machine has no such user")
        }
        return Keeper.User(userID: entry.pointee.pw_uid, groupID: entry.pointee.pw_gid)
    }
}
