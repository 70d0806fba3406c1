"""What a file tree may hold after a power loss: the rules of docs/models.md once more, small and slow, to compare with.

It was written from the rules, not from the Swift code, and knows fewer operations: creat, mkdir, link, unlink, rename of files,
write, truncate, and the syncs. Effects are enumerated whole; every closed set of pending effects is one state.

    persistence_model.py            checks itself against the states that real kernels left (the table below)
    persistence_model.py --states   reads histories from standard input, writes their allowed states

A history is lines of words, sizes and offsets in bytes, multiples of 8; inode 1 is the root:

    base dir DIRECTORY NAME INODE              what is durable before the first call
    base file DIRECTORY NAME INODE SIZE LETTER
    do creat|mkdir|link DIRECTORY NAME INODE
    do unlink DIRECTORY NAME
    do rename DIRECTORY NAME DIRECTORY NAME
    do write INODE OFFSET LENGTH LETTER
    do trunc INODE SIZE
    do fsync|fdatasync|fsyncdir INODE
    end MODEL UNIT                             answers one line: the states, sorted, with " / " between them
"""

import itertools
import sys

BLOCK = 4096
ROOT = 1


class Model:
    """Which rules hold. The default is the least that POSIX promises."""

    def __init__(self, name, **rules):
        self.name = name
        self.order = False  # R1: names and sizes set persist in the order they were made
        self.rename_atomic = False  # R2
        self.data_in_order = False  # R3
        self.data_brings_metadata = False  # R3, one way: data does not arrive before metadata made earlier
        self.growth_needs_data = False  # R4
        self.tail = "independent"  # R5: or "after size", "atomic"
        self.whole_blocks = False  # R6: overwrites do not tear inside a block
        self.new_blocks_whole = False  # R7
        self.replacement_needs = None  # R8: or "growth"
        self.sync_closes_order = False
        self.sync_names = None  # or "own", "order": what a sync of a file does for its names
        self.data_sync_names = False  # fdatasync does the same
        self.directory_sync_all = False
        for rule, value in rules.items():
            assert hasattr(self, rule), rule
            setattr(self, rule, value)


EXT4 = dict(
    order=True, rename_atomic=True, sync_closes_order=True, sync_names="order", directory_sync_all=True
)
MODELS = {
    m.name: m
    for m in (
        Model("posix"),
        Model("ext4-ordered", new_blocks_whole=True, replacement_needs="growth", **EXT4),
        Model("ext4-noauto-da-alloc", new_blocks_whole=True, **EXT4),
        Model("ext4-writeback", **EXT4),
        Model("ext4-journal", data_in_order=True, whole_blocks=True, tail="atomic", **EXT4),
        Model(
            "xfs",
            order=True,
            rename_atomic=True,
            growth_needs_data=True,
            new_blocks_whole=True,
            sync_closes_order=True,
            sync_names="order",
            data_sync_names=True,
        ),
        Model(
            "btrfs",
            order=True,
            data_brings_metadata=True,
            growth_needs_data=True,
            tail="after size",
            whole_blocks=True,
            new_blocks_whole=True,
            sync_names="own",
            data_sync_names=True,
        ),
    )
}


class Effect:
    """kind: name, data, zero, grow, size. Names: directory, name, inode, present. Data: inode, low, high (bytes of the file)."""

    def __init__(self, index, kind, **values):
        self.index = index
        self.kind = kind
        self.hard = set()
        self.soft = set()
        self.allocates = False  # the first write to a new block
        self.__dict__.update(values)


class Base:
    def __init__(self, files=(), names=(), directories=()):
        self.files = dict(files)  # inode: (size, letter)
        self.names = dict(names)  # (directory, name): inode
        self.directories = set(directories) | {ROOT}


class History:
    def __init__(self, model, base, unit):
        self.model = model
        self.base = base
        self.unit = BLOCK if model.whole_blocks else unit
        self.effects = []
        self.covered = set()
        self.names = dict(base.names)
        self.sizes = {i: s for i, (s, _) in base.files.items()}
        self.directories = set(base.directories)
        self.last_in_order = None
        self.order = []  # indices of the effects that stand in the order of metadata
        self.last_name = {}
        self.last_size = {}
        self.owners = {}  # (inode, block): the last effect in each unit
        self.frees = {}  # inode: [(first block, effect)], what freed blocks
        self.births = {}  # inode: the name it was born with
        self.stuck = set()  # data that a failed sync left in clean pages: no sync writes it

    def add(self, kind, **values):
        effect = Effect(len(self.effects), kind, **values)
        self.effects.append(effect)
        return effect

    def in_order(self, group):
        if not self.model.order:
            return
        for effect in group:
            effect.soft |= {other.index for other in group} - {effect.index}
            if self.last_in_order is not None:
                effect.soft.add(self.last_in_order)
        self.last_in_order = group[-1].index
        self.order += [effect.index for effect in group]

    # Names

    def name(self, directory, name, inode, present):
        effect = self.add("name", directory=directory, name=name, inode=inode, present=present)
        if (directory, name) in self.last_name:
            effect.hard.add(self.last_name[directory, name])
        self.last_name[directory, name] = effect.index
        if present:
            self.names[directory, name] = inode
        else:
            self.names.pop((directory, name), None)
        return effect

    def creat(self, directory, name, inode):
        effect = self.name(directory, name, inode, True)
        self.births[inode] = effect.index
        self.sizes[inode] = 0
        self.in_order([effect])

    def mkdir(self, directory, name, inode):
        effect = self.name(directory, name, inode, True)
        self.births[inode] = effect.index
        self.directories.add(inode)
        self.in_order([effect])

    def link(self, directory, name, inode):
        self.in_order([self.name(directory, name, inode, True)])

    def unlink(self, directory, name):
        self.in_order([self.name(directory, name, self.names[directory, name], False)])

    def rename(self, directory, name, new_directory, new_name):
        inode = self.names[directory, name]
        replaces = self.names.get((new_directory, new_name))
        if replaces == inode:
            return
        new = self.name(new_directory, new_name, inode, True)
        old = self.name(directory, name, inode, False)
        old.hard.add(new.index)
        if self.model.rename_atomic:
            new.hard.add(old.index)
        if replaces is not None and self.model.replacement_needs == "growth":
            new.hard |= {
                e.index
                for e in self.effects
                if e.inode == inode and e.kind in ("grow", "zero") and e.index not in self.stuck
            }
        self.in_order([new, old])

    # Content

    def place(self, kind, inode, block, low, high, letter):
        """The effects on one part of one block, a unit each (one for the whole part when the block is new)."""
        key = (inode, block)
        # The page is dirty again, all of it.
        self.stuck -= {e.index for e in self.effects if self.is_in_block(e, inode, block)}
        owners = self.owners.get(key)
        free = [index for first, index in self.frees.get(inode, ()) if block >= first]
        base_size = self.base.files.get(inode, (0, ""))[0]
        is_new = owners is None and (free or block * BLOCK >= base_size)
        whole = kind == "data" and is_new and self.model.new_blocks_whole
        unit = BLOCK if whole else self.unit
        effects = []
        for start in range(block * BLOCK, block * BLOCK + BLOCK, unit):
            a, z = max(low, start), min(high, start + unit)
            if a >= z:
                continue
            effect = self.add(kind, inode=inode, low=a, high=z, letter=letter)
            effect.allocates = whole
            if free:
                effect.hard.add(free[-1])
            mine = self.owners.setdefault(key, [None] * (BLOCK // self.unit))
            first = (start - block * BLOCK) // self.unit
            for index in range(first, first + unit // self.unit):
                if mine[index] is not None:
                    effect.hard.add(mine[index])
                mine[index] = effect.index
            effects.append(effect)
        return effects

    def is_in_block(self, effect, inode, block):
        is_data = effect.kind in ("data", "zero") and effect.inode == inode
        return is_data and effect.low // BLOCK == block

    def chain_size(self, effect):
        if effect.inode in self.last_size:
            effect.hard.add(self.last_size[effect.inode])
        self.last_size[effect.inode] = effect.index

    def write(self, inode, offset, length, letter):
        end = offset + length
        for block in range(offset // BLOCK, (end - 1) // BLOCK + 1):
            low, high = max(offset, block * BLOCK), min(end, block * BLOCK + BLOCK)
            data = self.place("data", inode, block, low, high, letter)
            if self.model.data_in_order:
                for effect in data:
                    self.in_order([effect])
            if self.model.data_brings_metadata and self.last_in_order is not None:
                for effect in data:
                    effect.soft.add(self.last_in_order)
            if high > self.sizes[inode]:
                grow = self.add("grow", inode=inode, size=high)
                self.chain_size(grow)
                # Growth may be delayed, but its commit stores the metadata made before it.
                if self.model.order and self.last_in_order is not None:
                    grow.soft.add(self.last_in_order)
                self.sizes[inode] = high
                if self.model.growth_needs_data or self.model.data_in_order:
                    grow.hard |= {effect.index for effect in data}
                if self.model.data_in_order:
                    self.in_order([grow])
                    for effect in data:
                        effect.hard.add(grow.index)

    def trunc(self, inode, size):
        first = -(-size // BLOCK)
        change = self.add("size", inode=inode, size=size)
        self.chain_size(change)
        tail = []
        if size < self.sizes[inode] and size % BLOCK:
            tail = self.place("zero", inode, size // BLOCK, size, first * BLOCK, "Z")
        for key in [key for key in self.owners if key[0] == inode and key[1] >= first]:
            del self.owners[key]
        self.frees.setdefault(inode, []).append((first, change.index))
        self.sizes[inode] = size
        self.in_order([change])
        for effect in tail:
            if self.model.tail != "independent":
                effect.hard.add(change.index)
            if self.model.tail == "atomic":
                change.hard.add(effect.index)

    # Syncs

    def fsync(self, inode):
        self.sync_file(inode, names=True)

    def fdatasync(self, inode):
        self.sync_file(inode, names=self.model.data_sync_names)

    def failsync(self, inode):
        """A sync that fails: the data of the file stays in clean pages, and nothing waits for it any more."""
        self.stuck |= {
            e.index
            for e in self.effects
            if e.kind in ("data", "zero") and e.inode == inode and e.index not in self.covered
        }
        for effect in self.effects:
            if effect.index not in self.stuck:
                effect.hard -= self.stuck

    def sync_file(self, inode, names):
        out_of_reach = self.covered | self.stuck
        pending = [e for e in self.effects if e.index not in out_of_reach and e.inode == inode]
        reach = {e.index for e in pending if e.kind != "name"}
        own = {e.index for e in pending if e.kind == "name"}
        if self.model.sync_names == "own":
            reach |= self.with_new_directories(own)
        if self.model.sync_names == "order":
            # The commit that stores a growth or an allocation stores all metadata made before it.
            commits = [e.index for e in pending if e.kind == "grow" or e.allocates]
            if commits:
                reach |= set([i for i in self.order if i < max(commits)][-1:])
            reach |= {self.births[inode]} if inode in self.births else set()
            reach |= own if names else set()
        self.cover(reach)

    def fsyncdir(self, inode):
        pending = [e for e in self.effects if e.index not in self.covered and e.kind == "name"]
        reach = {e.index for e in pending if e.directory == inode}
        if self.model.sync_names:
            reach |= {e.index for e in pending if e.inode == inode}
        if self.model.sync_names == "own":
            reach = self.with_new_directories(reach)
        if self.model.directory_sync_all:
            reach |= set(self.order[-1:])
        self.cover(reach)

    def with_new_directories(self, names):
        names = set(names)
        while True:
            above = {
                self.births[self.effects[i].directory]
                for i in names
                if self.effects[i].directory in self.births
            }
            if above <= names:
                return names
            names |= above

    def cover(self, reach):
        open_ = list(reach)
        seen = set(reach)
        while open_:
            effect = self.effects[open_.pop()]
            edges = effect.hard | (effect.soft if self.model.sync_closes_order else set())
            edges = edges - self.stuck
            open_ += edges - seen
            seen |= edges
        self.covered |= seen

    # States

    def states(self):
        pending = [e for e in self.effects if e.index not in self.covered]
        position = {e.index: n for n, e in enumerate(pending)}
        # What is kept without a sync came with a commit, which brings everything before it in the order, also where the effect
        # just before was covered alone.
        ordered = set(self.order)
        needs = []
        before = None
        for effect in pending:
            edges = effect.hard | effect.soft
            follows = self.model.order and effect.kind == "grow"
            follows |= self.model.data_brings_metadata and effect.kind == "data"
            if effect.index in ordered or follows:
                edges = edges | ({before} if before is not None else set())
            if effect.index in ordered:
                before = effect.index
            needs.append(sum(1 << position[i] for i in edges if i in position))
        return {self.tree(kept, position) for kept in closed_sets(needs)}

    def tree(self, kept, position):
        names = dict(self.base.names)
        files = {i: [s, [letter] * (s // 8)] for i, (s, letter) in self.base.files.items()}
        for e in self.effects:
            if e.index not in self.covered and not kept >> position[e.index] & 1:
                continue
            if e.kind == "name":
                if e.present:
                    names[e.directory, e.name] = e.inode
                else:
                    names.pop((e.directory, e.name), None)
                continue
            file = files.setdefault(e.inode, [0, []])
            if e.kind in ("data", "zero"):
                cells = file[1]
                cells += ["Z"] * (e.high // 8 - len(cells))
                cells[e.low // 8 : e.high // 8] = [e.letter] * ((e.high - e.low) // 8)
            elif e.kind == "grow":
                file[0] = max(file[0], e.size)
            else:
                file[0] = e.size
                del file[1][-(-e.size // BLOCK) * BLOCK // 8 :]
        return " ".join(self.listing(ROOT, "", names, files)) or "-"

    def listing(self, directory, path, names, files):
        entries = sorted((n, i) for (d, n), i in names.items() if d == directory)
        if not entries and path:
            yield path
        for name, inode in entries:
            if inode in self.directories:
                yield from self.listing(inode, path + name + "/", names, files)
                continue
            size, cells = files.get(inode, (0, []))
            cells = (cells + ["Z"] * (size // 8 - len(cells)))[: size // 8]
            runs = [f"{k}{8 * len(list(g))}" for k, g in itertools.groupby(cells)]
            yield f"{path}{name}={''.join(runs) or 'e'}"


def closed_sets(needs):
    """All subsets, as bit masks, that hold with each element n all of needs[n]."""
    count = len(needs)
    up = [needs[n] | 1 << n for n in range(count)]
    changed = True
    while changed:
        changed = False
        for n in range(count):
            wider = up[n]
            for other in range(count):
                if wider >> other & 1:
                    wider |= up[other]
            if wider != up[n]:
                up[n] = wider
                changed = True
    down = [sum(1 << m for m in range(count) if up[m] >> n & 1) for n in range(count)]

    def walk(n, kept, lost):
        while n < count and (kept | lost) >> n & 1:
            n += 1
        if n == count:
            yield kept
            return
        yield from walk(n + 1, kept, lost | down[n])
        yield from walk(n + 1, kept | up[n], lost)

    return list(walk(0, 0, 0))


def history(model, base, calls, unit=2048):
    result = History(MODELS[model], base, unit)
    for call, *arguments in calls:
        getattr(result, call)(*arguments)
    return result


def answer(lines, out):
    files, names, directories, calls = {}, {}, set(), []
    for line in lines:
        words = [int(w) if w.isdigit() else w for w in line.split()]
        if words[:2] == ["base", "dir"]:
            names[words[2], words[3]] = words[4]
            directories.add(words[4])
        elif words[:2] == ["base", "file"]:
            names[words[2], words[3]] = words[4]
            files[words[4]] = (words[5], words[6])
        elif words[0] == "do":
            calls.append(words[1:])
        elif words[0] == "end":
            states = history(words[1], Base(files, names, directories), calls, words[2]).states()
            print(" / ".join(sorted(states)), file=out)
        elif words[0] == "begin":
            files, names, directories, calls = {}, {}, set(), []
        else:
            sys.exit(f"not a line of a history: {line}")


# Patterns: what is durable before, and the calls.
PATTERNS = {
    "P1": (
        Base(),
        [
            ("creat", 1, "f", 102),
            ("write", 102, 0, 8192, "N"),
            ("fsync", 102),
        ],
    ),
    "P1b": (
        Base(),
        [
            ("creat", 1, "f", 102),
            ("write", 102, 0, 8192, "N"),
        ],
    ),
    "P2": (
        Base({101: (8192, "O")}, {(1, "f"): 101}),
        [
            ("creat", 1, "t", 102),
            ("write", 102, 0, 8192, "N"),
            ("rename", 1, "t", 1, "f"),
        ],
    ),
    "P2b": (
        Base(),
        [
            ("creat", 1, "t", 102),
            ("write", 102, 0, 8192, "N"),
            ("rename", 1, "t", 1, "g"),
        ],
    ),
    "P3": (
        Base({101: (5000, "O")}, {(1, "f"): 101}),
        [
            ("write", 101, 5000, 6000, "N"),
        ],
    ),
    "P3b": (
        Base({101: (5000, "O")}, {(1, "f"): 101}),
        [
            ("write", 101, 5000, 6000, "N"),
            ("fdatasync", 101),
        ],
    ),
    "P4": (
        Base({101: (8192, "O")}, {(1, "f"): 101}),
        [
            ("creat", 1, "t", 102),
            ("write", 102, 0, 8192, "N"),
            ("rename", 1, "t", 1, "f"),
            ("fsync", 102),
        ],
    ),
    "P4b": (
        Base({101: (8192, "O")}, {(1, "f"): 101}),
        [
            ("creat", 1, "t", 102),
            ("write", 102, 0, 8192, "N"),
            ("fsync", 102),
            ("rename", 1, "t", 1, "f"),
        ],
    ),
    "P4c": (
        Base({101: (8192, "O")}, {(1, "f"): 101}),
        [
            ("creat", 1, "t", 102),
            ("write", 102, 0, 8192, "N"),
            ("fsync", 102),
            ("rename", 1, "t", 1, "f"),
            ("fsyncdir", 1),
        ],
    ),
    "P5": (
        Base({101: (8192, "O")}, {(1, "f"): 101}),
        [
            ("trunc", 101, 0),
            ("write", 101, 0, 8192, "N"),
        ],
    ),
    "P5b": (
        Base({101: (8192, "O")}, {(1, "f"): 101}),
        [
            ("trunc", 101, 0),
            ("write", 101, 0, 8192, "N"),
            ("fsync", 101),
        ],
    ),
    "P5c": (
        Base({101: (8192, "O")}, {(1, "f"): 101}),
        [
            ("trunc", 101, 104),
        ],
    ),
    "P6": (
        Base({101: (8192, "O")}, {(1, "f"): 101}),
        [
            ("link", 1, "g", 101),
        ],
    ),
    "P6b": (
        Base({101: (8192, "O")}, {(1, "f"): 101}),
        [
            ("link", 1, "g", 101),
            ("fsync", 101),
        ],
    ),
    "P7": (
        Base({101: (8192, "O")}, {(1, "f"): 101}),
        [
            ("write", 101, 0, 8192, "N"),
            ("fsync", 101),
        ],
    ),
    "P7pre": (
        Base({101: (8192, "O")}, {(1, "f"): 101}),
        [
            ("write", 101, 0, 8192, "N"),
        ],
    ),
    "P7b": (
        Base({101: (12288, "O")}, {(1, "f"): 101}),
        [
            ("write", 101, 0, 4096, "N"),
            ("write", 101, 8192, 4096, "M"),
        ],
    ),
    "P8": (
        Base({101: (8192, "O")}, {(1, "f"): 101}),
        [
            ("unlink", 1, "f"),
        ],
    ),
    "P8b": (
        Base({101: (8192, "O")}, {(1, "f"): 101}),
        [
            ("unlink", 1, "f"),
            ("fsyncdir", 1),
        ],
    ),
    "P9": (
        Base(),
        [
            ("creat", 1, "a", 102),
            ("write", 102, 0, 8192, "N"),
            ("creat", 1, "b", 103),
            ("write", 103, 0, 4096, "M"),
            ("fsync", 103),
        ],
    ),
    "P9b": (
        Base({101: (4096, "O"), 102: (4096, "O")}, {(1, "a"): 101, (1, "b"): 102}),
        [
            ("write", 101, 0, 4096, "N"),
            ("write", 102, 0, 4096, "M"),
            ("fsync", 102),
        ],
    ),
    "P10": (
        Base({101: (4096, "O")}, {(1, "a"): 101}),
        [
            ("rename", 1, "a", 1, "b"),
            ("creat", 1, "a", 102),
            ("write", 102, 0, 4096, "N"),
            ("fsync", 102),
        ],
    ),
    "P10pre": (
        Base({101: (4096, "O")}, {(1, "a"): 101}),
        [
            ("rename", 1, "a", 1, "b"),
            ("creat", 1, "a", 102),
            ("write", 102, 0, 4096, "N"),
        ],
    ),
    "P11": (
        Base(),
        [
            ("mkdir", 1, "s", 10),
            ("creat", 10, "f", 102),
            ("write", 102, 0, 4096, "N"),
            ("fsync", 102),
        ],
    ),
    "P13": (
        Base(),
        [
            ("creat", 1, "a", 102),
            ("write", 102, 0, 4096, "N"),
            ("creat", 1, "b", 103),
            ("write", 103, 0, 4096, "M"),
        ],
    ),
    "P14": (
        Base({101: (4096, "O")}, {(1, "x"): 11, (1, "y"): 12, (11, "f"): 101}, [11, 12]),
        [
            ("rename", 11, "f", 12, "f"),
            ("fsyncdir", 12),
        ],
    ),
    "P14b": (
        Base({101: (4096, "O")}, {(1, "x"): 11, (1, "y"): 12, (11, "f"): 101}, [11, 12]),
        [
            ("rename", 11, "f", 12, "f"),
            ("fsyncdir", 11),
        ],
    ),
}

PATTERNS |= {
    "fsync tmp, rename, fdatasync f": (
        Base({101: (4096, "O")}, {(1, "f"): 101}),
        [
            ("creat", 1, "tmp", 102),
            ("write", 102, 0, 8192, "N"),
            ("fsync", 102),
            ("rename", 1, "tmp", 1, "f"),
            ("fdatasync", 102),
        ],
    ),
    "rename, fdatasync f": (
        Base({101: (4096, "O")}, {(1, "f"): 101}),
        [
            ("creat", 1, "tmp", 102),
            ("write", 102, 0, 8192, "N"),
            ("rename", 1, "tmp", 1, "f"),
            ("fdatasync", 102),
        ],
    ),
    "16K to 8K, pwrite 4K at 8K": (
        Base({101: (16384, "O")}, {(1, "f"): 101}),
        [("trunc", 101, 8192), ("write", 101, 8192, 4096, "N")],
    ),
    "16K to 104 to 16K": (
        Base({101: (16384, "O")}, {(1, "f"): 101}),
        [("trunc", 101, 104), ("trunc", 101, 16384)],
    ),
    "rename f to g, fdatasync g": (
        Base({101: (4096, "O")}, {(1, "f"): 101}),
        [("rename", 1, "f", 1, "g"), ("fdatasync", 101)],
    ),
}

# States that kernels were seen to leave (docs/measurements.md): exactly these ("="), or these and more ("<"); "f" tells of f alone.
SEEN = {
    "P1": {
        "ext4-ordered": ("=", "f=N8192"),
        "ext4-writeback": ("=", "f=N8192"),
        "ext4-journal": ("=", "f=N8192"),
        "xfs": ("=", "f=N8192"),
        "btrfs": ("=", "f=N8192"),
    },
    "P1b": {
        "ext4-ordered": ("<", "- / f=e / f=Z8192 / f=N8192"),
        "ext4-writeback": ("<", "- / f=e / f=N8192"),
        "ext4-journal": ("<", "- / f=N8192"),
        "xfs": ("<", "- / f=e / f=N8192"),
        "btrfs": ("<", "- / f=e / f=N8192"),
    },
    "P2": {
        "ext4-ordered": ("<f", "f=O8192 / f=Z8192 / f=N8192"),
        "ext4-writeback": ("<f", "f=O8192 / f=N8192"),
        "ext4-journal": ("=f", "f=O8192 / f=N8192"),
        "xfs": ("<f", "f=O8192 / f=e / f=N8192"),
        "btrfs": ("<f", "f=O8192 / f=e / f=N8192"),
        "ext4-noauto-da-alloc": ("<f", "f=O8192 / f=e / f=Z8192 / f=N8192"),
    },
    "P2b": {
        "ext4-ordered": ("<", "- / t=e / g=e / t=N8192 / g=N8192"),
        "ext4-writeback": ("<", "- / t=e / g=e / g=Z8192 / g=N8192"),
        "ext4-journal": ("<", "- / t=N8192 / g=N8192"),
        "xfs": ("<", "- / t=e / g=e / g=N8192"),
        "btrfs": ("<", "- / t=e / g=e / g=N8192"),
    },
    "P3": {
        "ext4-ordered": ("<", "f=O5000 / f=O5000N3192 / f=O5000Z3192 / f=O5000N6000"),
        "ext4-writeback": ("<", "f=O5000 / f=O5000N3192 / f=O5000Z3192 / f=O5000N6000 / f=O5000N3192Z2808"),
        "ext4-journal": ("<", "f=O5000 / f=O5000N6000"),
        "xfs": ("<", "f=O5000 / f=O5000N6000"),
        "btrfs": ("<", "f=O5000 / f=O5000N6000"),
    },
    "P3b": {
        "ext4-ordered": ("=", "f=O5000N6000"),
        "ext4-writeback": ("=", "f=O5000N6000"),
        "ext4-journal": ("=", "f=O5000N6000"),
        "xfs": ("=", "f=O5000N6000"),
        "btrfs": ("=", "f=O5000N6000"),
        "posix": ("=", "f=O5000N6000"),
    },
    "P4": {
        "ext4-ordered": ("=", "f=N8192"),
        "xfs": ("=", "f=N8192"),
        "btrfs": ("=", "f=N8192"),
    },
    "P4b": {
        "ext4-ordered": ("=f", "f=O8192 / f=N8192"),
        "xfs": ("=f", "f=O8192 / f=N8192"),
        "btrfs": ("=f", "f=O8192 / f=N8192"),
    },
    "P4c": {
        "posix": ("=", "f=N8192"),
        "ext4-ordered": ("=", "f=N8192"),
        "xfs": ("=", "f=N8192"),
        "btrfs": ("=", "f=N8192"),
    },
    "P5": {
        "ext4-ordered": ("<", "f=O8192 / f=N8192"),
        "ext4-journal": ("<", "f=O8192 / f=N8192"),
        "xfs": ("<", "f=O8192 / f=N8192"),
        "btrfs": ("<", "f=O8192 / f=N8192 / f=e"),
        "ext4-noauto-da-alloc": ("<", "f=O8192 / f=N8192 / f=e / f=Z8192"),
    },
    "P5b": {
        "posix": ("=", "f=N8192"),
        "ext4-ordered": ("=", "f=N8192"),
        "xfs": ("=", "f=N8192"),
        "btrfs": ("=", "f=N8192"),
        "ext4-journal": ("=", "f=N8192"),
    },
    "P5c": {
        "ext4-ordered": ("<", "f=O104 / f=O8192 / f=O104Z3992O4096 / f=O2048Z2048O4096"),
        "xfs": ("<", "f=O104 / f=O8192 / f=O104Z3992O4096"),
        "btrfs": ("=", "f=O104 / f=O8192"),
    },
    "P6": {
        "posix": ("=", "f=O8192 / f=O8192 g=O8192"),
        "ext4-ordered": ("=", "f=O8192 / f=O8192 g=O8192"),
        "xfs": ("=", "f=O8192 / f=O8192 g=O8192"),
        "btrfs": ("=", "f=O8192 / f=O8192 g=O8192"),
    },
    "P6b": {
        "ext4-ordered": ("=", "f=O8192 g=O8192"),
        "xfs": ("=", "f=O8192 g=O8192"),
        "btrfs": ("=", "f=O8192 g=O8192"),
    },
    "P7": {
        "posix": ("=", "f=N8192"),
        "ext4-ordered": ("=", "f=N8192"),
        "ext4-journal": ("=", "f=N8192"),
        "xfs": ("=", "f=N8192"),
        "btrfs": ("=", "f=N8192"),
    },
    "P7pre": {
        "ext4-ordered": ("<", "f=O8192 / f=N8192 / f=N4096O4096 / f=O4096N4096 / f=N2048O6144"),
        "ext4-journal": ("<", "f=O8192"),
        "xfs": ("<", "f=O8192 / f=N8192 / f=O4096N4096"),
        "btrfs": ("<", "f=O8192"),
    },
    "P7b": {
        "ext4-ordered": ("<", "f=O12288 / f=N4096O8192 / f=O8192M4096 / f=N4096O4096M4096 / f=N2048O10240"),
        "ext4-journal": ("=", "f=O12288 / f=N4096O8192 / f=N4096O4096M4096"),
        "btrfs": ("<", "f=O12288 / f=N4096O8192 / f=N4096O4096M4096"),
    },
    "P8": {
        "posix": ("=", "- / f=O8192"),
        "ext4-ordered": ("=", "- / f=O8192"),
        "xfs": ("=", "- / f=O8192"),
        "btrfs": ("=", "- / f=O8192"),
    },
    "P8b": {
        "posix": ("=", "-"),
        "ext4-ordered": ("=", "-"),
        "xfs": ("=", "-"),
        "btrfs": ("=", "-"),
    },
    "P9": {
        "ext4-ordered": ("<", "a=e b=M4096 / a=Z8192 b=M4096 / a=N8192 b=M4096"),
        "ext4-writeback": ("<", "a=e b=M4096 / a=Z8192 b=M4096 / a=N8192 b=M4096"),
        "ext4-journal": ("=", "a=N8192 b=M4096"),
        "xfs": ("<", "a=e b=M4096 / a=N8192 b=M4096"),
        "btrfs": ("<", "b=M4096 / a=e b=M4096 / a=N8192 b=M4096"),
    },
    "P9b": {
        "ext4-ordered": ("<", "a=O4096 b=M4096 / a=N4096 b=M4096 / a=N2048O2048 b=M4096"),
        "ext4-journal": ("=", "a=N4096 b=M4096"),
        "xfs": ("<", "a=O4096 b=M4096 / a=N4096 b=M4096 / a=N2048O2048 b=M4096"),
        "btrfs": ("=", "a=O4096 b=M4096 / a=N4096 b=M4096"),
    },
    "P10": {
        "ext4-ordered": ("=", "a=N4096 b=O4096"),
        "xfs": ("=", "a=N4096 b=O4096"),
        "btrfs": ("=", "a=N4096 b=O4096"),
    },
    "P10pre": {
        "ext4-ordered": ("<", "a=N4096 b=O4096 / b=O4096 / a=e b=O4096"),
        "xfs": ("<", "a=N4096 b=O4096 / b=O4096 / a=e b=O4096"),
        "btrfs": ("<", "a=N4096 b=O4096 / b=O4096 / a=e b=O4096"),
    },
    "P11": {
        "ext4-ordered": ("=", "s/f=N4096"),
        "xfs": ("=", "s/f=N4096"),
        "btrfs": ("=", "s/f=N4096"),
    },
    "P13": {
        "ext4-ordered": ("<", "- / a=e / a=e b=e / a=Z4096 b=M4096 / a=N4096 b=e / a=N4096 b=M4096"),
        "ext4-journal": ("<", "- / a=N4096 / a=N4096 b=M4096"),
        "xfs": ("<", "- / a=e / a=e b=M4096 / a=N4096 b=M4096"),
        "btrfs": ("<", "- / a=e / a=e b=M4096 / a=N4096 b=M4096"),
    },
    "P14": {
        "ext4-ordered": ("=", "x/ y/f=O4096"),
        "xfs": ("=", "x/ y/f=O4096"),
        "btrfs": ("=", "x/f=O4096 y/f=O4096 / x/ y/f=O4096"),
    },
    "P14b": {
        "ext4-ordered": ("=", "x/ y/f=O4096"),
        "xfs": ("=", "x/ y/f=O4096"),
        "btrfs": ("=", "x/ y/f=O4096"),
    },
}

SEEN |= {
    "fsync tmp, rename, fdatasync f": {
        "ext4-ordered": ("=", "f=N8192 / f=O4096 tmp=N8192"),
        "xfs": ("=", "f=N8192"),
        "btrfs": ("=", "f=N8192"),
    },
    "rename, fdatasync f": {
        "ext4-ordered": ("=", "f=N8192 / f=O4096 tmp=N8192"),
        "xfs": ("=", "f=N8192"),
        "btrfs": ("=", "f=N8192"),
    },
    "16K to 8K, pwrite 4K at 8K": {
        "ext4-ordered": ("=", "f=O8192N4096 / f=O16384 / f=O8192 / f=O8192Z4096"),
        "xfs": ("=", "f=O8192N4096 / f=O16384 / f=O8192"),
        "btrfs": ("=", "f=O8192N4096 / f=O16384 / f=O8192"),
    },
    "16K to 104 to 16K": {
        "ext4-ordered": ("<", "f=O104Z16280 / f=O104 / f=O104Z3992O12288 / f=O16384"),
        "xfs": ("<", "f=O104Z16280 / f=O104 / f=O104Z3992O12288 / f=O16384"),
        "btrfs": ("=", "f=O104Z16280 / f=O104 / f=O4096Z12288 / f=O16384"),
    },
    "rename f to g, fdatasync g": {
        "ext4-ordered": ("=", "g=O4096 / f=O4096"),
        "xfs": ("=", "g=O4096"),
        "btrfs": ("=", "g=O4096"),
    },
}


def check():
    """Compares every pattern with the table, every model with posix, and the walk over closed sets with brute force."""
    bad = cells = 0
    for pattern, (base, calls) in PATTERNS.items():
        posix = history("posix", base, calls).states()
        for name in MODELS:
            run = history(name, base, calls)
            states = run.states()
            if not states <= posix:
                bad += 1
                print("posix lacks", pattern, name, sorted(states - posix))
            if name not in SEEN.get(pattern, {}):
                continue
            cells += 1
            kind, text = SEEN[pattern][name]
            seen = set(text.split(" / "))
            if "f" in kind:
                states = {state.split(" ")[0] for state in states}
            if not seen <= states:
                bad += 1
                print("missing", pattern, name, sorted(seen - states))
            if "=" in kind and not states <= seen:
                bad += 1
                print("too many", pattern, name, sorted(states - seen))
    for count in range(6):
        for seed in range(40):
            needs = [(seed * 2654435761 >> 3 * n) % (1 << count) & ~(1 << n) for n in range(count)]
            brute = [
                kept
                for kept in range(1 << count)
                if all(needs[n] & ~kept == 0 for n in range(count) if kept >> n & 1)
            ]
            if sorted(closed_sets(needs)) != brute:
                bad += 1
                print("closed sets of", needs)
    print(f"{cells} cells, {bad} bad")
    return bad


if __name__ == "__main__":
    if sys.argv[1:] == ["--states"]:
        answer(sys.stdin, sys.stdout)
    else:
        sys.exit(1 if check() else 0)
