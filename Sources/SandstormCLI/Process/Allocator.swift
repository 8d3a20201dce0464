#if canImport(Glibc)
import CMalloc
#endif

/// The process's heap.
enum Allocator {
    /// Lets few heaps be used side by side. To be called early: those that are there stay.
    ///
    /// glibc gives threads that meet at one heap another one, up to eight for each core, and what one of them has freed is of no use to the
    /// others: a gateway would keep the memory for its largest outputs many times over.
    static func limitHeaps() {
        #if canImport(Glibc)
        mallopt(M_ARENA_MAX, 2)
        #endif
    }
}
