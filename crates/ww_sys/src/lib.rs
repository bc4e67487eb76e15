//! The few calls into the system and the allocator that have no safe wrapper.
//!
//! The only crate of the workspace in which `unsafe` is allowed. Each function is one call with its
//! arguments checked, and knows nothing of networks beyond that.

mod clock;
mod interrupt;
mod map;
mod memory;
mod prefetch;
mod socket;

pub use clock::is_clock_synchronised;
pub use interrupt::{catch_interrupts, is_interrupted};
pub use map::MappedFile;
pub use memory::keep_freed_memory;
pub use prefetch::prefetch;
pub use socket::{QueuedError, TcpState, next_error, queue_errors, tcp_state};

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;

/// Longest name of a network interface, in bytes (`IFNAMSIZ` less the terminating zero).
pub const INTERFACE_NAME_MAX: usize = 15;

const IFF_TAP: i16 = 0x0002;
const IFF_NO_PI: i16 = 0x1000;
const TUNSETIFF: rustix::ioctl::Opcode = rustix::ioctl::opcode::write::<i32>(b'T', 202);

/// `struct ifreq` of `netdevice(7)` as `TUNSETIFF` uses it: a name, the flags, padding up to 40 bytes.
#[repr(C)]
struct InterfaceRequest {
    name: [u8; INTERFACE_NAME_MAX + 1],
    flags: i16,
    padding: [u8; 22],
}

/// Creates the TAP interface `name` in the network namespace of the calling thread and opens its other end.
///
/// Each read of the returned file yields one Ethernet frame that the kernel sent out of the interface, each
/// write makes the kernel receive one. Reads never block. The interface disappears with the file.
///
/// # Errors
/// `InvalidInput` when the name is empty or longer than [`INTERFACE_NAME_MAX`]; otherwise what `open(2)` of
/// `/dev/net/tun` or `ioctl(TUNSETIFF)` reports (no such device, no permission, name in use).
pub fn open_tap(name: &str) -> io::Result<File> {
    if name.is_empty() || name.len() > INTERFACE_NAME_MAX {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "interface name is empty or too long",
        ));
    }
    let mut request = InterfaceRequest {
        name: [0; INTERFACE_NAME_MAX + 1],
        flags: IFF_TAP | IFF_NO_PI,
        padding: [0; 22],
    };
    for (slot, byte) in request.name.iter_mut().zip(name.bytes()) {
        *slot = byte;
    }
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(nonblocking)
        .open("/dev/net/tun")?;
    // SAFETY: TUNSETIFF reads and writes one `struct ifreq`; `InterfaceRequest` has its layout and its full
    // 40 bytes, its name ends in a zero, and it outlives the call. The kernel keeps no pointer to it.
    unsafe {
        let set = rustix::ioctl::Updater::<TUNSETIFF, InterfaceRequest>::new(&mut request);
        rustix::ioctl::ioctl(&file, set)?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_has_the_size_of_an_ifreq() {
        assert_eq!(size_of::<InterfaceRequest>(), 40);
    }

    #[test]
    fn a_name_that_does_not_fit_is_refused() {
        let too_long = "a-name-of-sixteen";
        for name in ["", too_long] {
            let refused = open_tap(name).map(drop).map_err(|error| error.kind());
            assert_eq!(refused, Err(io::ErrorKind::InvalidInput));
        }
    }
}
