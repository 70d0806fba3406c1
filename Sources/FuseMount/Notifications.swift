import CFuse
import Glibc

/// What a mount tells the kernel by itself. Only `fetch` comes from the thread that serves the mount: to forget a file the
/// kernel writes its dirty pages first, and waits for the answers.
struct Notifications {
    let device: CInt

    /// Makes the kernel ask again about every name that it keeps. Names that still lead to what they led to stay, with
    /// whatever stands or is mounted on them.
    ///
    /// - Returns: false when this kernel does not know that (before Linux 6.16).
    func forgetNames() -> Bool {
        // FUSE_NOTIFY_INC_EPOCH
        send(code: 8, payload: UnsafeRawBufferPointer(start: nil, count: 0))
    }

    /// Makes the kernel forget attributes and pages of a file. One that it does not know is no error.
    func forgetContent(of node: UInt64) {
        var body = fuse_notify_inval_inode_out(ino: node, off: 0, len: 0)
        // FUSE_NOTIFY_INVAL_INODE
        _ = withUnsafeBytes(of: &body) { send(code: 2, payload: $0) }
    }

    /// Asks for pages of a file that are in the cache. They come as a request, up to the first that is not there.
    ///
    /// - Parameter number: to know that request by.
    /// - Returns: false when the kernel does not know the file.
    func fetch(_ node: UInt64, at offset: UInt64, length: UInt32, number: UInt64) -> Bool {
        var body = fuse_notify_retrieve_out(
            notify_unique: number, nodeid: node, offset: offset, size: length, padding: 0)
        // FUSE_NOTIFY_RETRIEVE
        return withUnsafeBytes(of: &body) { send(code: 5, payload: $0) }
    }

    private func send(code: Int32, payload: UnsafeRawBufferPointer) -> Bool {
        var header = fuse_out_header()
        let size = MemoryLayout<fuse_out_header>.size
        header.len = UInt32(size + payload.count)
        header.error = code
        return withUnsafeMutableBytes(of: &header) { bytes in
            let parts = [
                iovec(iov_base: bytes.baseAddress, iov_len: size),
                iovec(
                    iov_base: UnsafeMutableRawPointer(mutating: payload.baseAddress),
                    iov_len: payload.count),
            ]
            return writev(device, parts, payload.isEmpty ? 1 : 2) >= 0
        }
    }
}
