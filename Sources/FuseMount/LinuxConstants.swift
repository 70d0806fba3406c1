/// Constants of Linux that the C library shows to GNU programs only, which a Swift module is not.
enum LinuxConstants {
    /// fallocate(2), `linux/falloc.h`.
    static let keepSize: Int32 = 0x01
    static let punchHole: Int32 = 0x02
    static let zeroRange: Int32 = 0x10
    /// setxattr(2), `linux/xattr.h`.
    static let createAttribute: Int32 = 1
    static let replaceAttribute: Int32 = 2
    /// lseek(2), `linux/fs.h`.
    static let seekData: Int32 = 3
    static let seekHole: Int32 = 4
}
