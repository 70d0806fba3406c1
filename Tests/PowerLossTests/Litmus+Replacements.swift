// Replacing a file, with data that reaches the disk late and a commit meanwhile; and several versions of one sector. Source: as
// `Litmus+Patterns.swift`, with writes of test data that complete after the next commit.
extension Litmus {
    private static let old: @Sendable (inout Life) -> Void = {
        $0.create("f")
        $0.write("f", 0, 8192, "O")
    }

    static let replacements = [
        // 1 MiB was seen to behave alike: old, new or, on ext4, zeros of full length; on xfs and btrfs empty.
        Litmus(
            "write a larger tmp, rename over f", rules: ["replacement-needs"], shows: ["f"],
            base: old,
            {
                $0.create("tmp")
                $0.write("tmp", 0, 16384, "N")
                $0.rename("tmp", "f")
            },
            [
                .ext4: .seen("f=N16384 / f=O8192 / f=Z16384", never: "f=e / f=Z8192 / f=N8192"),
                .xfs: .seen("f=N16384 / f=O8192 / f=e", never: "f=Z16384"),
                .btrfs: .seen("f=N16384 / f=O8192 / f=e", never: "f=Z16384"),
            ]),
        Litmus(
            "write tmp, sync_file_range, rename over f", base: old,
            {
                $0.create("tmp")
                $0.write("tmp", 0, 8192, "N")
                $0.rename("tmp", "f")
            },
            [
                .ext4: .seen(
                    "f=N8192 / f=O8192 / f=O8192 tmp=N8192 / f=O8192 tmp=e / f=O8192 tmp=Z8192",
                    never: "f=e"),
                .xfs: .seen(
                    "f=O8192 / f=N8192 / f=O8192 tmp=N8192 / f=O8192 tmp=e",
                    never: "f=O8192 tmp=Z8192"),
                .btrfs: .seen(
                    "f=O8192 / f=N8192 / f=O8192 tmp=N8192 / f=O8192 tmp=e",
                    never: "f=O8192 tmp=Z8192"),
            ]),
        Litmus(
            "write tmp, fdatasync tmp, rename over f", base: old,
            {
                $0.create("tmp")
                $0.write("tmp", 0, 8192, "N")
                $0.fdatasync("tmp")
                $0.rename("tmp", "f")
            }, .all(.only("f=N8192 / f=O8192 tmp=N8192"))),
        Litmus(
            "a write of 4K over a file that shrank to nothing stays apart from a second file",
            shows: ["f", "g"], base: old,
            {
                $0.create("g")
                $0.truncate("f", 0)
                $0.write("f", 0, 4096, "N")
                $0.fsync("f")
            },
            [
                .ext4: .only("f=N4096 g=e"), .xfs: .only("f=N4096 g=e"),
                .btrfs: .only("f=N4096 / f=N4096 g=e"),
            ]),
    ]

    static let versions = [
        Litmus(
            "durable 8K, N 6000 at 100, M 6000 at 300", rules: ["U1", "tearing"], base: old,
            {
                $0.write("f", 100, 6000, "N")
                $0.write("f", 300, 6000, "M")
            },
            [
                .ext4: .seen(
                    // The third version, the first, the second; 1 and 3 by block, inside a block; all three; 2 and 3; 1 and 2.
                    "f=O100N200M6000O1892 / f=O8192 / f=O100N6000O2092 / f=O100N200M3796O4096 / f=O100N200M1748O6144 / f=O100N200M1748N2048O4096 / f=O100N200M1748N4052O2092 / f=O100N1948O6144",
                    // A later version without the bytes of the earlier one in the same sectors.
                    never: "f=O300M6000O1892 / f=O300M1748O6144 / f=O6100M200O1892"),
                .xfs: .seen(
                    "f=O100N200M6000O1892 / f=O8192 / f=O100N6000O2092 / f=O100N200M3796O4096 / f=O100N200M1748O6144 / f=O100N200M1748N2048O4096 / f=O100N200M1748N4052O2092 / f=O100N1948O6144",
                    never: "f=O300M6000O1892 / f=O300M1748O6144 / f=O6100M200O1892"),
                .btrfs: .seen(
                    "f=O8192 / f=O100N6000O2092 / f=O100N200M6000O1892",
                    never: "f=O100N200M1748O6144 / f=O300M6000O1892"),
            ]),
        Litmus(
            "creat O 8K, fsync, N 8K, M 8K",
            {
                $0.create("f")
                $0.write("f", 0, 8192, "O")
                $0.fsync("f")
                $0.write("f", 0, 8192, "N")
                $0.write("f", 0, 8192, "M")
            },
            [
                .ext4: .seen(
                    "f=M8192 / f=O8192 / f=N8192 / f=M2048O6144 / f=M4096O4096 / f=M2048N6144 / f=N2048O6144 / f=N4096O4096"
                ),
                .xfs: .seen(
                    "f=M8192 / f=O8192 / f=N8192 / f=M2048O6144 / f=M4096O4096 / f=M2048N6144 / f=M4096N4096 / f=N2048O6144"
                ),
                .btrfs: .seen("f=O8192 / f=N8192 / f=M8192", never: "f=M2048O6144 / f=N2048O6144"),
            ]),
        Litmus(
            "N 100 at 0, M 100 at 200 in the same sector, Q 100 at 4096", rules: ["U1"], unit: 512,
            base: old,
            {
                $0.write("f", 0, 100, "N")
                $0.write("f", 200, 100, "M")
                $0.write("f", 4096, 100, "Q")
            },
            .all(
                .only(
                    "f=O8192 / f=N100O8092 / f=N100O100M100O7892 / f=O4096Q100O3996 / f=N100O3996Q100O3996 / f=N100O100M100O3796Q100O3996"
                ))),
        Litmus(
            "O fsync, N, write-back, M, fdatasync", base: old,
            {
                $0.write("f", 0, 8192, "N")
                $0.write("f", 0, 8192, "M")
                $0.fdatasync("f")
            }, .all(.only("f=M8192"))),
        Litmus(
            "a later write into any unit of a new block needs the block's first write",
            rules: ["new-blocks-are-whole"], unit: 512,
            {
                $0.create("f")
                $0.fsync("f")
                $0.write("f", 0, 100, "N")
                $0.write("f", 3000, 100, "M")
            },
            [
                .ext4: .seen(
                    "f=e / f=N100 / f=N100Z2900M100 / f=Z100 / f=Z3100 / f=N100Z3000",
                    never: "f=Z3000M100"),
                .xfs: .only("f=e / f=N100 / f=N100Z2900M100"),
                .btrfs: .only("f=e / f=N100 / f=N100Z2900M100"),
            ]),
    ]
}
