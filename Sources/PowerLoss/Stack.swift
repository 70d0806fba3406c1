/// What lies below the filesystem, and how it lies: the levels of the durability stack that a file tree can tell apart.
///
/// One flat struct, so that a person can read, compose and cite it; `RuleFile` reads the same fields from YAML, and
/// `docs/models.md` names the source of each built-in one.
package struct Stack: Equatable, Sendable {
    package var name: String
    package var about: String
    /// Where it is from: a paper, a manual, a specification.
    package var source = ""
    /// The stack that a file tree cannot tell from this one; nil where there is none.
    package var aliasOf: String?
    /// The device's atomic write unit in bytes: a power of two from 512 to 4096. Where a filesystem overwrites in
    /// place, a write tears at its multiples.
    package var atomicUnit = 512
    /// A write of at most so many bytes that crosses no multiple of them is whole or absent; 0: `atomicUnit` alone counts.
    package var atomicWrite = 0
    /// How many of the last flushes before the power loss were answered without being done; what they covered is
    /// still at risk. 0: honest; `Int.max`: all of them.
    package var ignoredFlushes = 0
    /// Which flushes are ignored.
    package var ignores = Ignored.flushes
    /// How the cache that was not flushed loses its content.
    package var losesInOrder = false
    /// What a write that tears does to the bytes that did not arrive.
    package var tears = Tears.clean

    package enum Ignored: String, Sendable, CaseIterable {
        /// Every command to empty the cache.
        case flushes
        /// Forced unit access only, with which journals write their commits; a flush is done, and also stores what was ignored
        /// before it.
        case commits
    }

    package enum Tears: String, Sendable, CaseIterable {
        /// They stay as they were.
        case clean
        /// What the write covers of a sector of 4096 bytes may also be zeros or garbage where it did not arrive.
        case shorn
        /// The whole sector of 4096 bytes is read, changed and written: what the write does *not* cover may become garbage.
        case neighbours
    }

    package init(name: String, about: String, source: String = "", aliasOf: String? = nil) {
        self.name = name
        self.about = about
        self.source = source
        self.aliasOf = aliasOf
    }

    package init(name: String, about: String, atomicUnit: Int, ignoredFlushes: Int = 0) {
        precondition(Self.units.contains(atomicUnit), "no device has this atomic write unit")
        self.init(name: name, about: about)
        self.atomicUnit = atomicUnit
        self.ignoredFlushes = ignoredFlushes
    }

    package static let units = [512, 1024, 2048, 4096]

    /// What a store can keep of its promise on a stack, at best.
    package enum Permits: String, Sendable {
        /// All of it.
        case durability
        /// Nothing that came later without what came before.
        case prefix
        case nothing
    }

    /// The most that can be promised on it. What goes beyond is counted, not judged.
    package var permits: Permits {
        if tears != .clean { return .nothing }
        if ignoredFlushes == 0 { return .durability }
        return losesInOrder ? .prefix : .nothing
    }

    /// The same, as far as the end of a run leaves anything to it: a kernel panic does not stop the drive, which completes
    /// what it accepted.
    package func reached(by ending: Ending) -> Stack {
        guard ending != .powerLoss else { return self }
        var stack = Stack.torn4096
        stack.name = name
        return stack
    }
}

// MARK: Those that are built in

extension Stack {
    package static let honest = Stack(
        name: "honest", about: "every level keeps its word; a sector of 512 bytes is atomic",
        atomicUnit: 512
    ).from("the sector that all filesystems build on; SQLite's powersafe overwrite")

    package static let torn4096 = Stack(
        name: "torn-4096", about: "as honest, with an atomic write unit of 4096 bytes",
        atomicUnit: 4096
    ).from("NVMe AWUPF; 4Kn disks")

    package static let awupf16k = Stack(
        name: "awupf-16k",
        about:
            "a write of up to 16 KiB is atomic, unless it crosses a multiple of 16 KiB: then it tears"
    ).with { $0.atomicWrite = 16384 }.from("NVMe AWUPF and atomic boundary (NABSPF)")

    package static let lyingFlush = Stack(
        name: "lying-flush",
        about:
            "the drive answers flushes at once and does not do them: the last 4 are lost, in any order",
        atomicUnit: 512, ignoredFlushes: 4
    ).from("Zheng et al., FAST '13: 13 of 15 SSDs failed in power cuts")

    package static let lyingFlushInOrder = Stack(
        name: "lying-flush-in-order",
        about:
            "the drive answers the last 4 flushes and does not do them; what it loses, it loses from the end",
        atomicUnit: 512, ignoredFlushes: 4
    ).with { $0.losesInOrder = true }.from("by definition: the mildest way to ignore a flush")

    package static let hypervisorUnsafe = Stack(
        name: "hypervisor-unsafe",
        about: "the host swallows every flush and keeps writes in its own page cache",
        atomicUnit: 512, ignoredFlushes: .max
    ).from("QEMU cache=unsafe")

    package static let fuaIgnored = Stack(
        name: "fua-ignored",
        about:
            "forced unit access is ignored: the last commit of the journal is lost unless a flush followed"
    ).with {
        $0.ignoredFlushes = 1
        $0.ignores = .commits
        $0.losesInOrder = true
    }.from("drives and bridges that drop FUA")

    package static let shorn = Stack(
        name: "shorn",
        about:
            "a torn write leaves part of its 4096-byte sector new and the rest old, zero or garbage"
    ).with { $0.tears = .shorn }.from("Zheng et al., FAST '13: 3 of 15 SSDs, multiples of 512")

    package static let rmwNeighbour = Stack(
        name: "rmw-neighbour",
        about:
            "512e: a torn write of part of a 4096-byte sector turns bytes that it did not write into garbage"
    ).with { $0.tears = .neighbours }.from("512e disks; SQLite's psow.html")

    /// Those that a file tree can tell apart.
    package static let all = [
        honest, torn4096, awupf16k, lyingFlushInOrder, fuaIgnored, lyingFlush, hypervisorUnsafe,
        shorn, rmwNeighbour,
    ]

    /// Other names for the same to a file tree.
    package static let aliases = [
        honest.alias("torn-512", "writes tear at 512 bytes", "ATA's logical sector"),
        torn4096.alias(
            "plp", "power-loss protection: what the drive accepted survives, command by command",
            "data-centre SSDs: 20 to 40 ms of hold-up"),
        lyingFlush.alias(
            "raid-dead-battery",
            "the controller's write-back cache lost its battery: what it answered last is gone",
            "RAID controllers without a working battery unit"),
        lyingFlush.alias(
            "unserialisable",
            "a synced write survives, and one synced before it does not",
            "Zheng et al., FAST '13: 8 SSDs and a disk"),
    ]

    package static func named(_ name: String) -> Stack? {
        (all + aliases).first { $0.name == name }
    }

    private func with(_ change: (inout Stack) -> Void) -> Stack {
        var stack = self
        change(&stack)
        return stack
    }

    private func from(_ source: String) -> Stack { with { $0.source = source } }

    private func alias(_ name: String, _ about: String, _ source: String) -> Stack {
        with {
            $0.name = name
            $0.about = about
            $0.source = source
            $0.aliasOf = self.name
        }
    }
}
