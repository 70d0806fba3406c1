import CFuse
import Recording

/// What the kernel wrote.
extension ReceivedRequest {
    var header: fuse_in_header { start.load(as: fuse_in_header.self) }

    /// What follows the header, for a request of that kind.
    func load<Body: BitwiseCopyable>(as type: Body.Type) -> Body {
        start.loadUnaligned(fromByteOffset: MemoryLayout<fuse_in_header>.size, as: type)
    }
}
