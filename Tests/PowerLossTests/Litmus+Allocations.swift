// fallocate, punched holes, zeroed ranges, truncation. Source: as `Litmus+Patterns.swift`.
extension Litmus {
    static let allocations = preallocated + holes + zeroed + resized

    private static let old4: @Sendable (inout Life) -> Void = {
        $0.create("f")
        $0.write("f", 0, 4096, "O")
    }

    private static let old16: @Sendable (inout Life) -> Void = {
        $0.create("f")
        $0.write("f", 0, 16384, "O")
    }

    private static let preallocated = [
        Litmus(
            "fallocate 4K..16K of 4K; nothing", base: old4,
            { $0.allocate("f", 4096..<16384, .extend) }, .all(.only("f=O4096 / f=O4096Z12288"))),
        Litmus(
            "fallocate 4K..16K, fdatasync", base: old4,
            {
                $0.allocate("f", 4096..<16384, .extend)
                $0.fdatasync("f")
            }, .all(.only("f=O4096Z12288"))),
        Litmus(
            "fallocate 4K..16K, pwrite 4K at 8K; nothing", base: old4,
            {
                $0.allocate("f", 4096..<16384, .extend)
                $0.write("f", 8192, 4096, "N")
            }, .all(.only("f=O4096 / f=O4096Z12288 / f=O4096Z4096N4096Z4096"))),
        Litmus(
            "fallocate 4K..16K, pwrite 4K at 8K, fdatasync", base: old4,
            {
                $0.allocate("f", 4096..<16384, .extend)
                $0.write("f", 8192, 4096, "N")
                $0.fdatasync("f")
            }, .all(.only("f=O4096Z4096N4096Z4096"))),
        Litmus(
            "fallocate KEEP_SIZE 4K..16K; nothing", base: old4,
            { $0.allocate("f", 4096..<16384, .keepSize) }, .all(.only("f=O4096"))),
        Litmus(
            "fallocate KEEP_SIZE 4K..16K, fdatasync", base: old4,
            {
                $0.allocate("f", 4096..<16384, .keepSize)
                $0.fdatasync("f")
            }, .all(.only("f=O4096"))),
        Litmus(
            "fallocate KEEP_SIZE 4K..16K, pwrite 4K at 8K; nothing", base: old4,
            {
                $0.allocate("f", 4096..<16384, .keepSize)
                $0.write("f", 8192, 4096, "N")
            },
            [
                .ext4: .only("f=O4096 / f=O4096Z4096N4096 / f=O4096Z8192"),
                .xfs: .only("f=O4096 / f=O4096Z4096N4096"),
                .btrfs: .only("f=O4096 / f=O4096Z4096N4096"),
            ]),
        Litmus(
            "fallocate KEEP_SIZE 4K..16K, pwrite 4K at 8K, fdatasync", base: old4,
            {
                $0.allocate("f", 4096..<16384, .keepSize)
                $0.write("f", 8192, 4096, "N")
                $0.fdatasync("f")
            }, .all(.only("f=O4096Z4096N4096"))),
    ]

    /// What both a hole and a zeroed range 2K..10K may leave: the middle is one change, the edges are written apart.
    private static let edges: [Filesystem: Expected] = [
        .ext4: .seen(
            "f=O2048Z8192O6144 / f=O16384 / f=O2048Z2048O4096Z2048O6144 / f=O2048Z2048O12288 / f=O8192Z2048O6144 / f=O2048Z2048O4096Z512O7680",
            never: "f=O4096Z2048O10240"),
        .xfs: .seen(
            "f=O16384 / f=O2048Z2048O4096Z2048O6144 / f=O2048Z2048O12288 / f=O2048Z8192O6144 / f=O8192Z2048O6144 / f=O4096Z4096O8192 / f=O2048Z6144O8192 / f=O4096Z6144O6144 / f=O2048Z6656O7680",
            never: "f=O4096Z2048O10240"),
        .btrfs: .only(
            "f=O16384 / f=O4096Z4096O8192 / f=O2048Z8192O6144 / f=O2048Z6144O8192 / f=O4096Z6144O6144"
        ),
    ]

    private static let holes = [
        Litmus(
            "punch 4K..12K of 16K; nothing", base: old16,
            { $0.allocate("f", 4096..<12288, .punchHole) },
            .all(.only("f=O4096Z8192O4096 / f=O16384"))),
        Litmus(
            "punch 4K..12K, fdatasync", base: old16,
            {
                $0.allocate("f", 4096..<12288, .punchHole)
                $0.fdatasync("f")
            }, .all(.only("f=O4096Z8192O4096"))),
        Litmus(
            "punch 2K..10K of 16K; nothing", unit: 512, base: old16,
            { $0.allocate("f", 2048..<10240, .punchHole) }, edges),
        Litmus(
            "punch 2K..10K, fdatasync", base: old16,
            {
                $0.allocate("f", 2048..<10240, .punchHole)
                $0.fdatasync("f")
            }, .all(.only("f=O2048Z8192O6144"))),
        Litmus(
            "punch 4K..12K, pwrite 4K at 4K; nothing", rules: ["U5"], base: old16,
            {
                $0.allocate("f", 4096..<12288, .punchHole)
                $0.write("f", 4096, 4096, "N")
            }, .all(.only("f=O4096N4096Z4096O4096 / f=O16384 / f=O4096Z8192O4096"))),
    ]

    private static let zeroed = [
        Litmus(
            "zero 4K..12K of 16K; nothing", base: old16,
            { $0.allocate("f", 4096..<12288, .zeroRange) },
            .all(.only("f=O4096Z8192O4096 / f=O16384"))),
        Litmus(
            "zero 4K..12K, fdatasync", base: old16,
            {
                $0.allocate("f", 4096..<12288, .zeroRange)
                $0.fdatasync("f")
            }, .all(.only("f=O4096Z8192O4096"))),
        Litmus(
            "zero 2K..10K of 16K; nothing", unit: 512, base: old16,
            { $0.allocate("f", 2048..<10240, .zeroRange) }, edges),
        Litmus(
            "zero 2K..10K, fdatasync", base: old16,
            {
                $0.allocate("f", 2048..<10240, .zeroRange)
                $0.fdatasync("f")
            }, .all(.only("f=O2048Z8192O6144"))),
        Litmus(
            "zero 4K..12K, pwrite 4K at 4K; nothing", rules: ["data-needs-zeroed-range"],
            base: old16,
            {
                $0.allocate("f", 4096..<12288, .zeroRange)
                $0.write("f", 4096, 4096, "N")
            },
            [
                .ext4: .seen(
                    "f=O4096Z8192O4096 / f=O4096N4096Z4096O4096 / f=O4096N4096O8192 / f=O16384 / f=O4096N2048O10240"
                ),
                .xfs: .only("f=O16384 / f=O4096Z8192O4096 / f=O4096N4096Z4096O4096"),
                .btrfs: .only("f=O16384 / f=O4096Z8192O4096 / f=O4096N4096Z4096O4096"),
            ]),
    ]

    private static let resized = [
        Litmus(
            "a first write into a hole before the end is whole", rules: ["new-blocks-are-whole"],
            unit: 512,
            base: {
                $0.create("f")
                $0.write("f", 8192, 4096, "O")
            }, { $0.write("f", 0, 4096, "N") },
            .all(.only("f=Z8192O4096 / f=N4096Z4096O4096"))),
        Litmus(
            "a write into a block that was freed and had been written before is whole, too",
            rules: ["U9"],
            base: old4,
            {
                $0.write("f", 0, 4096, "N")
                $0.truncate("f", 0)
                $0.write("f", 0, 4096, "M")
            },
            [
                .ext4: .only(
                    "f=O4096 / f=N4096 / f=N2048O2048 / f=O2048N2048 / f=e / f=Z4096 / f=M4096"),
                .xfs: .only("f=O4096 / f=N4096 / f=N2048O2048 / f=O2048N2048 / f=e / f=M4096"),
                .btrfs: .only("f=O4096 / f=N4096 / f=e / f=M4096"),
            ]),
        Litmus(
            "extend 5000 to 20000; nothing",
            base: {
                $0.create("f")
                $0.write("f", 0, 5000, "O")
            }, { $0.truncate("f", 20000) }, .all(.only("f=O5000 / f=O5000Z15000"))),
        Litmus(
            "extend 5000 to 20000, fdatasync",
            base: {
                $0.create("f")
                $0.write("f", 0, 5000, "O")
            },
            {
                $0.truncate("f", 20000)
                $0.fdatasync("f")
            }, .all(.only("f=O5000Z15000"))),
        Litmus(
            "truncate 16K to 100 to 16K; nothing", rules: ["U3", "tail-zeroing"], unit: 512,
            base: old16,
            {
                $0.truncate("f", 100)
                $0.truncate("f", 16384)
            },
            [
                .ext4: .seen(
                    "f=O100Z16284 / f=O100 / f=O100Z3996O12288 / f=O16384 / f=O100Z1948O14336 / f=O100Z412O15872"
                ),
                .xfs: .seen(
                    "f=O100Z3996O12288 / f=O100Z16284 / f=O100 / f=O16384 / f=O100Z412O15872 / f=O100Z1948O14336 / f=O100Z924O15360"
                ),
                .btrfs: .only("f=O16384 / f=O100 / f=O4096Z12288 / f=O100Z16284"),
            ]),
        Litmus(
            "truncate 16K to 100 to 16K, pwrite 4K at 8K; nothing", rules: ["U5"], unit: 512,
            base: old16,
            {
                $0.truncate("f", 100)
                $0.truncate("f", 16384)
                $0.write("f", 8192, 4096, "N")
            },
            [
                .ext4: .seen(
                    "f=O100Z8092N4096Z4096 / f=O100Z16284 / f=O100Z3996O12288 / f=O16384 / f=O100 / f=O100Z1948O14336 / f=O100Z412O15872 / f=O100Z1436O14848"
                ),
                .xfs: .seen(
                    "f=O100Z3996O12288 / f=O100Z16284 / f=O16384 / f=O100Z8092N4096Z4096 / f=O100 / f=O100Z1948O14336 / f=O100Z412O15872 / f=O100Z1436O14848"
                ),
                .btrfs: .seen(
                    "f=O16384 / f=O100 / f=O4096Z12288 / f=O100Z16284 / f=O100Z8092N4096Z4096",
                    never: "f=O100Z3996O12288 / f=O8192N4096O4096"),
            ]),
        Litmus(
            "truncate 16K to 100 to 16K, pwrite 4K at 8K, fdatasync", base: old16,
            {
                $0.truncate("f", 100)
                $0.truncate("f", 16384)
                $0.write("f", 8192, 4096, "N")
                $0.fdatasync("f")
            }, .all(.only("f=O100Z8092N4096Z4096"))),
        Litmus(
            "truncate 16K to 8K, pwrite 4K at 8K; nothing", rules: ["U5"], base: old16,
            {
                $0.truncate("f", 8192)
                $0.write("f", 8192, 4096, "N")
            },
            [
                .ext4: .only("f=O8192N4096 / f=O16384 / f=O8192 / f=O8192Z4096"),
                .xfs: .only("f=O8192N4096 / f=O16384 / f=O8192"),
                .btrfs: .only("f=O8192N4096 / f=O16384 / f=O8192"),
            ]),
        Litmus(
            "truncate 16K to 8K, pwrite 4K at 8K, fdatasync", base: old16,
            {
                $0.truncate("f", 8192)
                $0.write("f", 8192, 4096, "N")
                $0.fdatasync("f")
            }, .all(.only("f=O8192N4096"))),
        Litmus(
            "truncate 16K to 100, fdatasync", base: old16,
            {
                $0.truncate("f", 100)
                $0.fdatasync("f")
            }, .all(.only("f=O100"))),
    ]
}
