/// What lies below the filesystem, and how it lies: the levels of the durability stack that a file tree can tell apart.
package struct Stack: Equatable, Sendable {
    package let name: String
    package let about: String
    /// The device's atomic write unit in bytes: a power of two from 512 to 4096. Where a filesystem overwrites in
    /// place, a write tears at its multiples.
    package let atomicUnit: Int
    /// How many of the last flushes before the power loss the drive had answered without doing them; what they covered is
    /// still at risk. 0: an honest drive.
    package let ignoredFlushes: Int

    package init(name: String, about: String, atomicUnit: Int, ignoredFlushes: Int = 0) {
        precondition(
            [512, 1024, 2048, 4096].contains(atomicUnit), "no device has this atomic write unit")
        self.name = name
        self.about = about
        self.atomicUnit = atomicUnit
        self.ignoredFlushes = ignoredFlushes
    }

    /// Whether a store can keep its promise on it at all. Where not, outcomes are counted, not judged.
    package var permitsDurability: Bool { ignoredFlushes == 0 }

    package static let honest = Stack(
        name: "honest", about: "every level keeps its word; a sector of 512 bytes is atomic",
        atomicUnit: 512)

    package static let torn4096 = Stack(
        name: "torn-4096", about: "as honest, with an atomic write unit of 4096 bytes",
        atomicUnit: 4096)

    package static let lyingFlush = Stack(
        name: "lying-flush",
        about: "the drive answers flushes at once and does not do them: the last 4 are lost",
        atomicUnit: 512, ignoredFlushes: 4)

    package static let all = [honest, torn4096, lyingFlush]

    package static func named(_ name: String) -> Stack? {
        all.first { $0.name == name }
    }
}
