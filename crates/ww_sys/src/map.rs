//! Files as memory.

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::ptr::NonNull;

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// The bytes of a file, mapped into memory, privately and read-only (`mmap(2)`).
///
/// Nobody may change or shorten the file meanwhile: reading a page that is gone ends the process.
#[derive(Debug)]
pub struct MappedFile {
    start: NonNull<u8>,
    len: usize,
}

impl MappedFile {
    /// Maps the whole of a file that is not empty.
    ///
    /// # Errors
    /// What `fstat(2)` or `mmap(2)` report; `InvalidInput` for an empty file.
    pub fn new(file: &File) -> io::Result<MappedFile> {
        let len = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
        // SAFETY: a new mapping at an address of the kernel's choice overlaps nothing of ours, and
        // pages that are only read cannot break anything of the file.
        let start = unsafe {
            mmap(
                std::ptr::null_mut(),
                len,
                ProtFlags::READ,
                MapFlags::PRIVATE,
                file,
                0,
            )?
        };
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(MappedFile { start, len })
    }
}

impl Deref for MappedFile {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: `start` is the start of a mapping of `len` readable bytes that lives as long as
        // `self`; that the file does not change is asked of the caller.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl Drop for MappedFile {
    fn drop(&mut self) {
        // SAFETY: the mapping was made in `new`, and no slice of it outlives `self`.
        let unmapped = unsafe { munmap(self.start.as_ptr().cast(), self.len) };
        debug_assert!(unmapped.is_ok(), "{unmapped:?}");
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests open files")]
mod tests {
    use super::MappedFile;
    use std::fs::File;

    #[test]
    fn a_mapped_file_is_its_bytes() {
        let path = std::env::current_exe().expect("a test has a program");
        let file = File::open(&path).expect("which can be read");
        let mapped = MappedFile::new(&file).expect("and mapped");
        assert_eq!(&*mapped, std::fs::read(&path).expect("as well as read"));
    }

    #[test]
    fn an_empty_file_is_refused() {
        let file = File::open("/proc/self/status").expect("procfs");
        assert!(MappedFile::new(&file).is_err());
    }
}
