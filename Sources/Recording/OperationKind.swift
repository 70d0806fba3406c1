import FileTree

/// What a request asks for, in the words in which a person names operations to a mount.
package enum OperationKind: String, Sendable, CaseIterable {
    case create, mkdir, symlink, mknod, tmpfile, link, unlink, rmdir, rename
    case write, truncate, allocate, setattr, setxattr
    case fsync, fdatasync, fsyncdir
    /// The sync that an O_SYNC or O_DSYNC write brings along.
    case osync
    /// sync(2) and syncfs(2).
    case syncfs
    case open, read, readdir
    /// A line of the program's standard output.
    case mark

    package var isSync: Bool {
        switch self {
        case .fsync, .fdatasync, .fsyncdir, .osync, .syncfs: true
        default: false
        }
    }

    package var changesNames: Bool {
        switch self {
        case .create, .mkdir, .symlink, .mknod, .link, .unlink, .rmdir, .rename: true
        default: false
        }
    }

    /// Whether it is in the recording when it succeeds.
    package var isRecorded: Bool {
        switch self {
        case .open, .read, .readdir: false
        default: true
        }
    }

    package init(_ operation: Operation) {
        switch operation {
        case .create(_, _, let new):
            switch new.kind {
            case .regular: self = .create
            case .directory: self = .mkdir
            case .symbolicLink: self = .symlink
            default: self = .mknod
            }
        case .createUnnamed: self = .tmpfile
        case .link: self = .link
        case .remove(_, let isDirectory): self = isDirectory ? .rmdir : .unlink
        case .rename: self = .rename
        case .write: self = .write
        case .setSize: self = .truncate
        case .allocate: self = .allocate
        case .setAttributes: self = .setattr
        case .setExtendedAttribute: self = .setxattr
        case .sync(.file(_, let dataOnly)): self = dataOnly ? .fdatasync : .fsync
        case .sync(.range), .sync(.allocation): self = .osync
        case .sync(.directory): self = .fsyncdir
        case .sync(.everything): self = .syncfs
        }
    }
}

/// When a request is met: when it is about to be done, or has been done and not answered yet.
package enum RequestMoment: String, Sendable {
    case before, after
}
